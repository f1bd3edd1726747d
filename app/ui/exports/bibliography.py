"""One numbered list of the sources of a whole conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.ui import safe
from app.ui.conversation import Turn

__all__ = ["Bibliography", "Reference", "bibliography"]

_YEAR = re.compile(r"\s*\((?:19|20)\d\d[a-z]?\)\s*$|\s*\(\d{4}\)")
_OTHERS = re.compile(r",?\s+(?:et al\.?|and others)$")
_AND = re.compile(r"\s*(?:,\s*&|,\s+and|&|\band\b|,)\s*")


@dataclass(frozen=True, slots=True)
class Reference:
    """A source under its number. `label` is how the knowledge base names it.

    `authors` are those that the label names, `others` tells that there are more; `venue` is
    where it appeared; `file` is the document that it is a section of, `works` are several of
    which any may be meant. All of these may be empty; `url` is None where it is no web address.
    """

    n: int
    label: str
    url: str | None
    year: int | None
    work: str
    authors: tuple[str, ...] = ()
    others: bool = False
    venue: str = ""
    file: str = ""
    works: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Bibliography:
    """References by number, and each turn's own numbers as these."""

    references: tuple[Reference, ...]
    numbers: tuple[Mapping[int, int], ...]


def bibliography(turns: Sequence[Turn]) -> Bibliography:
    """Number the sources of all turns by first use; each has one number throughout."""
    known: dict[tuple[str, str, str], Reference] = {}
    numbers = []
    for turn in turns:
        own: dict[int, int] = {}
        for citation in sorted(turn.citations, key=lambda one: one.n):
            file = citation.place.path if citation.place else ""
            key = citation.url, citation.title, file
            if key not in known:
                n = len(known) + 1
                made = _reference(n, citation.title, citation.url, citation.year)
                works = (_reference(n, one.label, one.url, one.year) for one in citation.works)
                known[key] = replace(made, file=file, works=tuple(works))
            own[citation.n] = known[key].n
        numbers.append(own)
    return Bibliography(tuple(known.values()), tuple(numbers))


def _reference(n: int, label: str, url: str, year: int | None) -> Reference:
    work, who = safe.split_label(label)
    title, dot, venue = work.rpartition(". ") if who else ("", "", "")
    names = _YEAR.sub("", who).strip()
    others = bool(_OTHERS.search(names))
    authors = tuple(part for part in _AND.split(_OTHERS.sub("", names)) if part)
    return Reference(
        n=n,
        label=label,
        url=safe.web_address(url),
        year=year,
        work=title if dot else work,
        authors=authors,
        others=others,
        venue=venue if dot else "",
    )
