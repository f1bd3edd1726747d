"""Two places that can't both be right about one figure."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from index.audit.figures import Figure, figures
from index.audit.findings import Finding, Kind, Severity
from index.audit.numbers import NUMBER, compatible, number_from
from index.text.corpus_words import corpus_words
from index.text.tokens import stem
from index.types import KnowledgeBase

__all__ = ["ValueConflict", "conflicts", "value_conflicts"]

_MARK = re.compile(r"\b[^\W\d_]+-?\d[\w.]*\b")
_CONFIGURATION = "both describe the same configuration, setting by setting"
_SAME_SETTING = 3  # shared settings that make two descriptions the same configuration
_FAR_APART = 1.5
_ROUNDED_DOWN = 1.01  # people cut digits off as often as they round
_TELLING = 9.0  # summed idf of the words of a label that says what it measures
_TELLING_ELSEWHERE = 18.0  # the same, where the other clause is in another topic


@cache
def _rows(name: str) -> tuple[frozenset[str], ...]:
    """Rows of the subject's words as stems, those with a hyphen whole."""
    return tuple(frozenset(stem(word) for word in row) for row in corpus_words(name))


def _siblings(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether each has another word of one row: then they speak of different things."""
    return any((row & a) and (row & b) and not (row & a & b) for row in _rows("siblings"))


def _marked_apart(a: Figure, b: Figure) -> bool:
    """Whether each has a name with a digit that the other lacks: fp16 and int8, v1 and v2."""
    ours, theirs = _marks(a), _marks(b)
    return bool(ours - theirs) and bool(theirs - ours)


def _marks(figure: Figure) -> frozenset[str]:
    said = figure.shown.rpartition(": ")[0] if figure.is_point else figure.shown
    return frozenset(mark.lower() for mark in _MARK.findall(said))


def _setting(a: Figure, b: Figure) -> int:
    """How many of the numbers around two figures are the same, 4K and 4096 being so."""
    return sum(any(abs(x - y) <= 0.025 * max(x, y) for y in b.numbers) for x in a.numbers)


def _said_there(a: Figure, b: Figure) -> bool:
    """Whether one of the two clauses also gives the other's figure."""
    loose = a.approximate or b.approximate
    for x, y in ((a, b), (b, a)):
        others = [n for n in y.peers if n != y.number]
        others += [number_from(match) for match in NUMBER.finditer(y.shown)]
        if any(compatible(x.number, n, loose=loose) for n in others if n.value != y.number.value):
            return True
    return False


@dataclass(frozen=True, slots=True)
class ValueConflict:
    """Two figures for one quantity; `why` says what makes it one."""

    one: Figure
    other: Figure
    why: str

    @property
    def certain(self) -> bool:
        """Whether the figures stand in the same configuration and are far apart."""
        return self.why == _CONFIGURATION and _apart(self.one, self.other) > _FAR_APART


class _Weights:
    """How telling a word is: rare ones are."""

    def __init__(self, all_figures: list[Figure]) -> None:
        contexts = {(f.place, f.shown): f.words for f in all_figures}
        self._count = Counter(word for words in contexts.values() for word in words)
        self._contexts = len(contexts)
        self._known: dict[frozenset[str], float] = {}

    def of(self, words: frozenset[str]) -> float:
        """Summed inverse document frequency."""
        if words not in self._known:
            self._known[words] = sum(
                math.log((self._contexts + 1) / (self._count[w] + 0.5)) for w in words
            )
        return self._known[words]


def _same_configuration(a: Figure, b: Figure, weights: _Weights) -> bool:
    # A clause with several figures of the unit tells of several things.
    if len(a.numbers) < _SAME_SETTING or len(b.numbers) < _SAME_SETTING:
        return False
    if len(a.peers) > 1 or len(b.peers) > 1:
        return False
    setting = _setting(a, b)
    differing = len(a.numbers) + len(b.numbers) - 2 * setting
    if setting < _SAME_SETTING or differing > 1:
        return False
    smaller = min(weights.of(a.words), weights.of(b.words))
    return weights.of(a.words & b.words) >= 0.3 * smaller


def _same_label(point: Figure, other: Figure, weights: _Weights) -> bool:
    if other.is_point:
        shared = weights.of(point.words & other.words)
        union = weights.of(point.words | other.words)
        return shared >= max(_TELLING, 0.9 * union) and point.numbers == other.numbers
    if len(point.words) < 3 or not point.words <= other.words or len(other.peers) > 1:
        return False
    telling, clause = weights.of(point.words), weights.of(other.words)
    if point.topic == other.topic:
        return telling >= max(_TELLING, 0.3 * clause)
    return telling >= max(_TELLING_ELSEWHERE, 0.5 * clause)


def _why(a: Figure, b: Figure, weights: _Weights) -> str | None:
    """Why two figures speak of one quantity, or None where that isn't clear."""
    why = None
    point, other = (a, b) if a.is_point else (b, a)
    if _same_configuration(a, b, weights):
        why = _CONFIGURATION
    elif point.is_point and _same_label(point, other, weights):
        why = (
            "both have the same label"
            if other.is_point
            else "the sentence has every word of the data point's label"
        )
    if why is None or _siblings(a.words, b.words) or _marked_apart(a, b):
        return None
    return why


def _apart(a: Figure, b: Figure) -> float:
    """The larger figure in multiples of the smaller one."""
    low, high = sorted((abs(a.number.value), abs(b.number.value)))
    return high / low if low else math.inf


def _short(text: str) -> str:
    return text if len(text) <= 140 else text[:137] + "…"


def value_conflicts(base: KnowledgeBase) -> Iterator[ValueConflict]:
    """Pairs of figures in two places that can't both be right, each pair of places once."""
    found = figures(base)
    yield from _values(found, _Weights(found))


def _values(all_figures: list[Figure], weights: _Weights) -> Iterator[ValueConflict]:
    reported: set[frozenset[str]] = set()
    for a, b in _comparable(all_figures, weights):
        why = _why(a, b, weights)
        pair = frozenset((a.place, b.place))
        if why is None or a.place == b.place or pair in reported:
            continue
        if compatible(a.number, b.number) or _said_there(a, b):
            continue
        loose = a.approximate or b.approximate
        if why != _CONFIGURATION and compatible(a.number, b.number, loose=loose):
            continue
        if _apart(a, b) < _ROUNDED_DOWN:
            continue
        reported.add(pair)
        yield ValueConflict(a, b, why)


def _comparable(all_figures: list[Figure], weights: _Weights) -> Iterator[tuple[Figure, Figure]]:
    """Pairs of one unit that may speak of one quantity: two settings, or a label's rarest word."""
    by_unit: dict[str, list[Figure]] = defaultdict(list)
    for figure in all_figures:
        if figure.unit:
            by_unit[figure.unit].append(figure)
    for same_unit in by_unit.values():
        settings = [figure for figure in same_unit if len(figure.numbers) >= _SAME_SETTING]
        yield from combinations(settings, 2)
        by_word: dict[str, list[Figure]] = defaultdict(list)
        for figure in same_unit:
            for word in figure.words:
                by_word[word].append(figure)
        for point in same_unit:
            if point.is_point and point.words:
                rarest = max(sorted(point.words), key=lambda word: weights.of(frozenset({word})))
                yield from ((point, other) for other in by_word[rarest] if other is not point)


def _value_findings(all_figures: list[Figure], weights: _Weights) -> Iterator[Finding]:
    for found in _values(all_figures, weights):
        a, b = found.one, found.other
        yield Finding(
            Kind.CONFLICT_VALUE,
            Severity.ERROR if found.certain else Severity.WARNING,
            b.place,
            f"“{_short(b.shown)}” disagrees with {a.place}: “{_short(a.shown)}”",
            f"{found.why}, and the figures can't be roundings of one",
        )


def _credits(all_figures: list[Figure], weights: _Weights) -> Iterator[Finding]:
    """One result, credited to two siblings: the base model here, the big one there."""
    exact: dict[tuple[str, float], list[Figure]] = defaultdict(list)
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
                for row in _rows("family")
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
    weights = _Weights(found)
    checks: tuple[Callable[[list[Figure], _Weights], Iterator[Finding]], ...] = (
        _value_findings,
        _credits,
    )
    for check in checks:
        yield from check(found, weights)
    yield from _gains(base)
