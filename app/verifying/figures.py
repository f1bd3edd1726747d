"""The figures of a sentence: whether what it is held against has them, or makes them follow.

A figure is borne where one of the passages' values says the same at the precision it is written
with, or where it follows from two of one kind: their sum, difference or ratio, the one's share of
the other or its change in percent. The question's own figures count like the passages'.
*About what* a figure is said is not asked here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations

from app.record.evidence import Evidence
from app.record.reasons import Objection, Reason
from index.text.quantities import Quantity, agree, quantities

__all__ = ["figures_in", "unborne"]

_MOST_PAIRED = 40  # values of the passages, so that the pairs stay few
_FEW = 12.0  # what can be counted by reading


def figures_in(items: Iterable[Evidence]) -> tuple[Quantity, ...]:
    """Return the figures of whole passages, their headings and titles among them."""
    return tuple(quantity for item in items for quantity in quantities(item.context))


def unborne(
    sentence: str, items: Sequence[Evidence], asked: str = "", *, derived: bool = True
) -> Objection | None:
    """Return the first figure of a sentence that passages don't bear; None where all are borne.

    Args:
        sentence: what is said.
        items: the passages that it is held against, together.
        asked: the question, whose figures may be repeated and worked with.
        derived: whether what follows from two values counts.
    """
    stated = [*figures_in(items), *quantities(asked)]
    years = {int(q.low) for q in stated if q.kind == "year"}.union(*(i.years for i in items))
    names = frozenset().union(*(item.names for item in items))
    for claimed in quantities(sentence):
        if claimed.kind == "year":
            if int(claimed.low) not in years and not _equals(claimed, stated):
                return Objection(Reason.YEAR, claimed.text)
        elif not (
            _said(claimed, stated)
            or _merely_counted(claimed, stated)
            or (not claimed.dimension and claimed.text.lower() in names)
            or (derived and not _in_words(claimed) and _follows(claimed, stated))
        ):
            return Objection(Reason.NUMBER, claimed.text)
    return None


def _said(claimed: Quantity, stated: Sequence[Quantity]) -> bool:
    """Both ends of a figure stand in the passages, together or apart."""
    return any(agree(claimed, other) for other in stated) or all(
        any(_end_agrees(claimed, end, other) for other in stated)
        for end in (claimed.low, claimed.high)
    )


def _end_agrees(claimed: Quantity, end: float, stated: Quantity) -> bool:
    one = replace(claimed, low=end, high=end)
    return any(
        agree(one, other)
        for low in {stated.low, stated.high}
        for other in _readings(replace(stated, low=low, high=low))
    )


def _readings(stated: Quantity) -> Iterator[Quantity]:
    """A share may be written in percent or as a fraction of one, a year may be an amount."""
    yield stated
    if stated.kind == "percent":
        yield replace(_times(stated, 0.01), kind="number", dimension="")
    elif not stated.dimension and 0 < stated.low <= 1:
        yield replace(_times(stated, 100.0), kind="percent", dimension="percent")
    if stated.kind == "year":
        yield replace(stated, kind="number")


def _times(stated: Quantity, by: float) -> Quantity:
    return replace(stated, low=stated.low * by, high=stated.high * by, step=stated.step * by)


def _equals(claimed: Quantity, stated: Sequence[Quantity]) -> bool:
    """An amount that looks like a year stands in the passages as an amount."""
    return any(claimed.low in (other.low, other.high) for other in stated)


def _in_words(claimed: Quantity) -> bool:
    """Whether it is a small count that is spelled out."""
    return claimed.text.isalpha() and not claimed.dimension and claimed.low <= _FEW


def _merely_counted(claimed: Quantity, stated: Sequence[Quantity]) -> bool:
    """A small count in words says how many things are named, unless the passage counts them."""
    return _in_words(claimed) and not any(q.noun == claimed.noun for q in stated if q.noun)


def _follows(claimed: Quantity, stated: Sequence[Quantity]) -> bool:
    """Tell whether a single figure follows from two of the passages' values."""
    if claimed.low != claimed.high:
        return False
    values = dict.fromkeys(
        (end, q.kind, q.dimension) for q in stated for end in (q.low, q.high) if q.kind != "year"
    )
    return any(
        _near(claimed, result)
        for one, other in permutations(list(values)[:_MOST_PAIRED], 2)
        if one[1:] == other[1:]
        for result in _results(claimed, one, other)
    )


def _results(
    claimed: Quantity, one: tuple[float, str, str], other: tuple[float, str, str]
) -> Iterator[float]:
    """What two values of a kind give of the kind that is claimed."""
    first, second, kind = one[0], other[0], one[1:]
    if kind == (claimed.kind, claimed.dimension) or (kind[0] == "percent" and claimed.noun):
        yield first + second
        yield first - second
    if second and claimed.kind == "percent":
        yield 100 * first / second
        yield 100 * (first - second) / second
    elif second and not claimed.dimension:
        yield first / second


def _near(claimed: Quantity, result: float) -> bool:
    """Whether a result is claimed: two leading digits are exact enough for what is worked out."""
    if not math.isfinite(result) or not result or not claimed.low:
        return False
    size = 10.0 ** (math.floor(math.log10(abs(claimed.low))) - 1)
    step = max(claimed.step, size) if abs(claimed.low) >= 1 else claimed.step
    return abs(abs(claimed.low) - abs(result)) <= 0.5001 * step
