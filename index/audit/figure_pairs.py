"""Two figures for one quantity: when they speak of the same, and when they can't both be right.

Two figures are of one quantity when they stand in the same configuration (three or more settings
around them are the same, at most one differs), when two data points have the same label, or when
a sentence has every word of a data point's label. Each with a name of its own (fp16 and int8), or
with another word of a row of siblings (base and large), they are of two.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from index.audit.figures import StatedFigure
from index.audit.numbers import NUMBER, compatible, number_from
from index.text.corpus_words import corpus_words
from index.text.tokens import stem

__all__ = ["ClauseIdf", "FigurePair", "figure_pairs", "word_rows"]

_MARK = re.compile(r"\b[^\W\d_]+-?\d[\w.]*\b")
_CONFIGURATION = "both describe the same configuration, setting by setting"
_SAME_SETTING = 3  # shared settings that make two descriptions the same configuration
_FAR_APART = 1.5
_ROUNDED_DOWN = 1.01  # people cut digits off as often as they round
_TELLING = 9.0  # summed idf of the words of a label that says what it measures
_TELLING_ELSEWHERE = 18.0  # the same, where the other clause is in another topic


@cache
def word_rows(name: str) -> tuple[frozenset[str], ...]:
    """Read rows of the subject's words as stems, those with a hyphen whole."""
    return tuple(frozenset(stem(word) for word in row) for row in corpus_words(name))


def _siblings(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether each has another word of one row: then they speak of different things."""
    return any((row & a) and (row & b) and not (row & a & b) for row in word_rows("siblings"))


def _marked_apart(a: StatedFigure, b: StatedFigure) -> bool:
    """Whether each has a name with a digit that the other lacks: fp16 and int8, v1 and v2."""
    ours, theirs = _marks(a), _marks(b)
    return bool(ours - theirs) and bool(theirs - ours)


def _marks(figure: StatedFigure) -> frozenset[str]:
    said = figure.shown.rpartition(": ")[0] if figure.is_point else figure.shown
    return frozenset(mark.lower() for mark in _MARK.findall(said))


def _setting(a: StatedFigure, b: StatedFigure) -> int:
    """How many of the numbers around two figures are the same, 4K and 4096 being so."""
    return sum(any(abs(x - y) <= 0.025 * max(x, y) for y in b.numbers) for x in a.numbers)


def _said_there(a: StatedFigure, b: StatedFigure) -> bool:
    """Whether one of the two clauses also gives the other's figure."""
    loose = a.approximate or b.approximate
    for x, y in ((a, b), (b, a)):
        others = [n for n in y.peers if n != y.number]
        others += [number_from(match) for match in NUMBER.finditer(y.shown)]
        if any(compatible(x.number, n, loose=loose) for n in others if n.value != y.number.value):
            return True
    return False


@dataclass(frozen=True, slots=True)
class FigurePair:
    """Two figures for one quantity; `why` says what makes it one."""

    one: StatedFigure
    other: StatedFigure
    why: str

    @property
    def certain(self) -> bool:
        """Whether the figures stand in the same configuration and are far apart."""
        return self.why == _CONFIGURATION and _apart(self.one, self.other) > _FAR_APART


class ClauseIdf:
    """How telling words are together: the sum of their inverse document frequencies."""

    def __init__(self, idf: Callable[[str], float]) -> None:
        self._idf = idf
        self._known: dict[frozenset[str], float] = {}

    @classmethod
    def among(cls, figures: Iterable[StatedFigure]) -> ClauseIdf:
        """Weigh words by how many clauses with a figure hold them."""
        contexts = {(f.place, f.shown): f.words for f in figures}
        count = Counter(word for words in contexts.values() for word in words)
        return cls(lambda word: math.log((len(contexts) + 1) / (count[word] + 0.5)))

    def of(self, words: frozenset[str]) -> float:
        """Return the summed idf of some words."""
        if words not in self._known:
            self._known[words] = sum(self._idf(word) for word in words)
        return self._known[words]


def _same_configuration(a: StatedFigure, b: StatedFigure, weights: ClauseIdf) -> bool:
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


def _same_label(point: StatedFigure, other: StatedFigure, weights: ClauseIdf) -> bool:
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


def _why(a: StatedFigure, b: StatedFigure, weights: ClauseIdf) -> str | None:
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


def _apart(a: StatedFigure, b: StatedFigure) -> float:
    """The larger figure in multiples of the smaller one."""
    low, high = sorted((abs(a.number.value), abs(b.number.value)))
    return high / low if low else math.inf


def figure_pairs(all_figures: Sequence[StatedFigure], weights: ClauseIdf) -> Iterator[FigurePair]:
    """Yield the figures in two places that can't both be right, each pair of places once."""
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
        yield FigurePair(a, b, why)


def _comparable(
    all_figures: Sequence[StatedFigure], weights: ClauseIdf
) -> Iterator[tuple[StatedFigure, StatedFigure]]:
    """Pairs of one unit that may speak of one quantity: two settings, or a label's rarest word."""
    by_unit: dict[str, list[StatedFigure]] = defaultdict(list)
    for figure in all_figures:
        if figure.unit:
            by_unit[figure.unit].append(figure)
    for same_unit in by_unit.values():
        settings = [figure for figure in same_unit if len(figure.numbers) >= _SAME_SETTING]
        yield from combinations(settings, 2)
        by_word: dict[str, list[StatedFigure]] = defaultdict(list)
        for figure in same_unit:
            for word in figure.words:
                by_word[word].append(figure)
        for point in same_unit:
            if point.is_point and point.words:
                rarest = max(sorted(point.words), key=lambda word: weights.of(frozenset({word})))
                yield from ((point, other) for other in by_word[rarest] if other is not point)
