"""Two places that can't both be right about one figure, as findings for an editor."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations

from index.audit.figure_pairs import ClauseIdf, figure_pairs, word_rows
from index.audit.figures import StatedFigure, figures
from index.audit.findings import Finding, Kind, Severity
from index.types import KnowledgeBase

__all__ = ["conflicts"]


def _short(text: str) -> str:
    return text if len(text) <= 140 else text[:137] + "…"


def _value_findings(all_figures: list[StatedFigure], weights: ClauseIdf) -> Iterator[Finding]:
    for found in figure_pairs(all_figures, weights):
        a, b = found.one, found.other
        yield Finding(
            Kind.CONFLICT_VALUE,
            Severity.ERROR if found.certain else Severity.WARNING,
            b.place,
            f"“{_short(b.shown)}” disagrees with {a.place}: “{_short(a.shown)}”",
            f"{found.why}, and the figures can't be roundings of one",
        )


def _credits(all_figures: list[StatedFigure], weights: ClauseIdf) -> Iterator[Finding]:
    """One result, credited to two siblings: the base model here, the big one there."""
    exact: dict[tuple[str, float], list[StatedFigure]] = defaultdict(list)
    for figure in all_figures:
        # Only a figure with three digits or more is unlikely to be met twice by chance.
        digits = re.sub(r"\D", "", f"{figure.number.value:g}").strip("0")
        if figure.unit and len(digits) >= 3 and not figure.number.counted:
            exact[figure.unit, figure.number.value].append(figure)
    reported: set[frozenset[str]] = set()
    for same in exact.values():
        for a, b in combinations(same, 2):
            pair = frozenset((a.place, b.place))
            if a.place == b.place or pair in reported:
                continue
            differing = [
                (sorted(row & a.words), sorted(row & b.words))
                for row in word_rows("family")
                if row & a.words and row & b.words and not row & a.words & b.words
            ]
            shared = weights.of(a.words & b.words)
            smaller = min(weights.of(a.words), weights.of(b.words))
            if not differing or shared < 0.6 * smaller or len(a.peers) + len(b.peers) > 2:
                continue
            reported.add(pair)
            yield Finding(
                Kind.CONFLICT_CREDIT,
                Severity.WARNING,
                b.place,
                f"“{_short(b.shown)}” credits another model than {a.place}: “{_short(a.shown)}”",
                f"the figure is the same, but one says “{differing[0][1][0]}”, "
                f"the other “{differing[0][0][0]}”",
            )


_GAIN = re.compile(r"^\s*(?P<sign>[+−-])\s?(?P<n>\d+(?:\.\d+)?)\s?%\s*$")
_GAIN_IN_NOTE = re.compile(r"\(\s*(?P<sign>[+−-])\s?(?P<n>\d+(?:\.\d+)?)\s?%\s*\)")


def _gains(base: KnowledgeBase) -> Iterator[Finding]:
    """A change in a value, and another one in brackets in its own note."""
    for topic in base.topics:
        for i, point in enumerate(topic.data_points):
            value = _GAIN.match(point.value)
            noted = list(_GAIN_IN_NOTE.finditer(point.note))
            if value is None or len(noted) != 1:
                continue
            if noted[0]["n"] != value["n"] and value["n"] not in point.note:
                yield Finding(
                    Kind.CONFLICT_VALUE,
                    Severity.WARNING,
                    f"{topic.slug}/data/{i}.note",
                    f"the note works out {noted[0].group()}, the value is {point.value}",
                    "a data point and its own note give two changes for one comparison",
                )


def conflicts(base: KnowledgeBase) -> Iterator[Finding]:
    """Figures that disagree within a topic, across topics, and inside one data point."""
    found = figures(base)
    weights = ClauseIdf.among(found)
    checks: tuple[Callable[[list[StatedFigure], ClauseIdf], Iterator[Finding]], ...] = (
        _value_findings,
        _credits,
    )
    for check in checks:
        yield from check(found, weights)
    yield from _gains(base)
