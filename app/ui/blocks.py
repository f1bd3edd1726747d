"""A long paragraph of an answer that was put together from passages, set in readable blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from app.record.types import Claim
from index.text.anaphora import concludes, leans

__all__ = ["set_apart"]

_LONG: Final = 420  # characters of a paragraph that is easily read as one
_OWN_WORDS: Final = ("quoted", "restated")  # a model sets its own paragraphs
_PARAGRAPH, _FIRST_POINT, _POINT = "\n\n", "\n\n- ", "\n- "

_SIGN: Final = re.compile(r"\s{4}|\s*(?:[-*+>|#~`]|\d{1,9}[.)]\s)")
Placed = tuple[int, Claim]


def set_apart(text: str, claims: Sequence[Claim]) -> Mapping[int, str]:
    """Tell before which sentences of an answer a new block begins, and with what.

    What rests on the same passages stays together; the first block is the answer, and where
    several follow it they are its points. Only white space is changed.

    Args:
        text: the answer in Markdown, with its markers.
        claims: its sentences; their offsets are code points of `text`.

    Returns:
        By a claim's position, what stands before it instead of the space that is there.
    """
    breaks: dict[int, str] = {}
    for paragraph in _paragraphs(text, claims):
        if paragraph[-1][1].end - paragraph[0][1].start <= _LONG:
            continue
        begins = [at for (_, before), (at, one) in pairwise(paragraph) if _parts(before, one)]
        first, later = (_FIRST_POINT, _POINT) if len(begins) > 1 else (_PARAGRAPH, "")
        breaks |= {at: first if at == begins[0] else later for at in begins}
    return breaks


def _paragraphs(text: str, claims: Sequence[Claim]) -> Iterator[list[Placed]]:
    """The paragraphs that are nothing but sentences in the passages' words."""
    run: list[Placed] = []
    for at, claim in sorted(enumerate(claims), key=lambda placed: placed[1].start):
        between = text[run[-1][1].end : claim.start] if run else text[: claim.start]
        whole = claim.basis in _OWN_WORDS and "\n" not in text[claim.start : claim.end]
        if run and whole and between.isspace() and "\n" not in between:
            run.append((at, claim))
            continue
        if run and _ends(text, run[-1][1].end):
            yield run
        run = [(at, claim)] if whole and _in_prose(text, claim) else []
    if run and _ends(text, run[-1][1].end):
        yield run


def _in_prose(text: str, claim: Claim) -> bool:
    """Whether a sentence's line is prose: no item of a list, heading, quotation, table or code."""
    line = text[: claim.start].rpartition("\n")[2] + text[claim.start : claim.end]
    return not _SIGN.match(line)


def _ends(text: str, at: int) -> bool:
    """Whether a line ends there."""
    return not text[at:].partition("\n")[0].strip()


def _parts(before: Claim, after: Claim) -> bool:
    """Whether a sentence rests on others than the one before it, and can stand without that."""
    apart = not set(before.refs) & set(after.refs)
    return apart and not leans(after.text) and not concludes(after.text)
