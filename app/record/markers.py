"""Where an answer's own citations stand in its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.record.types import Claim
from index.text.sentences import code_spans

__all__ = ["Marker", "markers_of"]

_NUMBERED = re.compile(r"\[(\d{1,4})\]")
_FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1`*[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Marker:
    """`[n]` from `start` to `end`, in code points of the answer's text."""

    start: int
    end: int
    n: int


def markers_of(text: str, claims: Sequence[Claim]) -> Iterator[Marker]:
    """Find the markers that are citations: in a claim, of a source that it cites, not in code."""
    for claim in sorted(claims, key=lambda one: one.start):
        shown = text[claim.start : claim.end]
        code = [*code_spans(shown), *(block.span() for block in _FENCED.finditer(shown))]
        for found in _NUMBERED.finditer(shown):
            hidden = any(start <= found.start() < end for start, end in code)
            if int(found[1]) in claim.cites and not hidden:
                yield Marker(claim.start + found.start(), claim.start + found.end(), int(found[1]))
