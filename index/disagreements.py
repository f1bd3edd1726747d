"""Which figures among retrieved passages disagree, and which of that a question asks about.

Two statements are about the same quantity when, numbers aside, they say nearly the same words
(Jaccard similarity of their content words) and give one value each of the same dimension, or when
the rules of `index.audit.figure_pairs` say so: one configuration, or one label. That is
deliberately narrow: two different quantities must never be shown as a conflict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from index.audit.arithmetic import miscomputed
from index.audit.figure_pairs import ClauseIdf, figure_pairs
from index.audit.figures import StatedFigure, figures_of
from index.audit.numbers import Number, compatible
from index.text.quantities import Quantity, agree, quantities
from index.text.tokens import content_words
from index.types import Hit, Passage, PassageKind

__all__ = [
    "Disagreement",
    "Standing",
    "StatedValue",
    "conflicts_for",
    "disagreements",
]

_MARK = re.compile(r"[^\W_]+")
# Two statements are worded alike from this share of common words on, and this many of them.
_SAME_LABEL = 0.6
_SAME_SENTENCE = 0.7
_LEAST_WORDS = 3
_LEAST_WORDS_OF_SENTENCE = 5
_COVERED = 0.75
_COVERED_BY_AMOUNT = 0.45
_COMPARED = 10
_FIRST = 4
_FOREMOST = 2
_NAMED = 0.5
_AMOUNT = re.compile(
    r"\bhow\s+(?!(?:do|does|did|is|are|was|were|can|could|should|would|will|to|come|has|have|had)"
    r"\b)\w+|^(?!why\b).*\b(?:sizes?|numbers?|amounts?|counts?|costs?|figures?|percentages?|"
    r"shares?|rates?|footprints?|totals?|memory|v?ram|bytes|[kmgt]i?b)\b",
    re.IGNORECASE | re.DOTALL,
)
_HOW_MANY = re.compile(r"\bhow\s+many\s+([\w-]+)", re.IGNORECASE)
_COMPUTED = re.compile(
    r"[\w)]\s*[×*/÷·]\s*[\w(].*[=≈]|\b(?:comput|calculat|deriv)(?:ed|ing|ation)\b", re.IGNORECASE
)
# Who says so is not what is said; "(2022)" alone may be when.
_CREDITS = re.compile(
    r"\s*\((?:[^()]*\bet al\.|[^\W\d_][\w’'-]+(?: (?:and|&) [^\W\d_][\w’'-]+)?,)[^()]*"
    r"\b(?:19|20)\d\d[a-z]?\)"
)
# "Table 3" is a place, not a value.
_PLACE = re.compile(
    r"\b(?:table|fig\.|figure|section|chapter|appendix|equation|page|step|part)\s+$", re.IGNORECASE
)
_SECONDARY = re.compile(
    r"\b(?:survey|review|overview|blog|handbook|tutorial|textbook|wikipedia|documentation|guide|"
    r"press release|news)\b",
    re.IGNORECASE,
)


Standing = Literal["", "computed", "miscomputed", "newer", "primary"]


@dataclass(frozen=True, slots=True)
class StatedValue:
    """A value as printed, the passage that gives it, and what speaks for or against it.

    `computed` values come with their calculation; a `miscomputed` one does not follow from its
    own; `newer` and `primary` are said of the sources, where they are known to differ.
    """

    value: str
    passage: Passage
    standing: Standing = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A quantity with the different values that passages give it."""

    quantity: str
    values: tuple[StatedValue, ...]


@dataclass(frozen=True, slots=True)
class _Statement:
    passage: Passage
    label: str
    words: frozenset[str]
    marks: frozenset[str]
    value: Quantity
    printed: str
    is_label: bool


def conflicts_for(
    question: str,
    hits: Sequence[Hit],
    idf: Callable[[str], float],
    beside: Sequence[Hit] = (),
) -> tuple[list[Disagreement], list[Disagreement]]:
    """Find the conflicts among retrieved passages, each with one passage a value.

    Args:
        question: the question that stands alone.
        hits: what was retrieved, best first; the first ten are compared.
        idf: the inverse document frequency of a word.
        beside: what else there is on the subject, compared as well.

    Returns:
        Those that the question asks about, and those that only an answer which gives one of
        their values has to state.
    """
    first = {hit.passage.id for hit in hits[:_COMPARED]}
    hits = [*hits[:_COMPARED], *(hit for hit in beside if hit.passage.id not in first)]
    rank = {hit.passage.id: position for position, hit in enumerate(hits)}
    asked: list[Disagreement] = []
    unasked: list[Disagreement] = []
    seen: list[frozenset[str]] = []
    for conflict in disagreements([hit.passage for hit in hits], idf):
        refs = frozenset(value.passage.id for value in conflict.values)
        if any(len(refs & others) > 1 for others in seen):
            continue
        values = _one_each(conflict.values, rank)
        if len(values) > 1:
            seen.append(refs)
            chosen = Disagreement(conflict.quantity, _with_standing(values))
            best = min(rank[value.passage.id] for value in values)
            # What was found first is what was asked for.
            sought = best < _FOREMOST and _under_one_label(chosen)
            relevant = best < _FIRST and _asks_about(question, chosen, idf)
            (asked if sought or relevant else unasked).append(chosen)
    return asked, unasked


def _under_one_label(conflict: Disagreement) -> bool:
    """Tell whether data points of one label give the values: then they are of one quantity."""
    return all(
        value.passage.kind is PassageKind.DATA and value.passage.heading == conflict.quantity
        for value in conflict.values
    )


def _asks_about(question: str, conflict: Disagreement, idf: Callable[[str], float]) -> bool:
    """Tell whether a question asks for an amount of what is disputed, or names it in full."""
    words, quantity = _words(question), _words(conflict.quantity)
    around = _words(
        " ".join(f"{v.passage.title} {v.passage.heading} {v.passage.text}" for v in conflict.values)
    )

    def share(part: frozenset[str], whole: frozenset[str]) -> float:
        total = sum(idf(word) for word in whole)
        return sum(idf(word) for word in part & whole) / total if total else 0.0

    if _AMOUNT.search(question):
        counted = [q.noun for v in conflict.values for q in quantities(v.value) if not q.dimension]
        # A count is asked for by its noun, a size or a time in many ways, but by no other noun.
        named = not any(counted) or bool(_words(" ".join(counted)) & words)
        return (
            named
            and not _counts_others(question, conflict)
            and share(quantity | around, words) >= _COVERED_BY_AMOUNT
        )
    return share(quantity | around, words) >= _COVERED and share(words, quantity) >= _NAMED


def _counts_others(question: str, conflict: Disagreement) -> bool:
    """Tell whether a question asks how many there are of something that is not disputed."""
    asked = _HOW_MANY.search(question)
    if asked is None:
        return False
    counted = quantities(f"2 {asked[1]}")
    if counted and counted[0].dimension:
        return all(
            q.dimension != counted[0].dimension
            for v in conflict.values
            for q in quantities(v.value)
        )
    values = " ".join(value.value for value in conflict.values)
    return not _words(asked[1]) & _words(f"{conflict.quantity} {values}")


def _one_each(values: Sequence[StatedValue], rank: Mapping[str, int]) -> list[StatedValue]:
    """Keep one statement of each value: the one that was retrieved best, else the first."""
    kept: list[tuple[Quantity, StatedValue]] = []
    for stated in sorted(values, key=lambda value: rank[value.passage.id]):
        quantity = next(iter(quantities(stated.value)), None)
        if quantity is None:
            continue
        same = next((i for i, (q, _) in enumerate(kept) if _agree(quantity, q)), None)
        if same is None:
            kept.append((quantity, stated))
        elif stated.standing == "miscomputed":
            # What does not follow from its calculation does so nowhere.
            kept[same] = (kept[same][0], replace(kept[same][1], standing="miscomputed"))
    return [stated for _, stated in kept]


def _with_standing(values: Sequence[StatedValue]) -> tuple[StatedValue, ...]:
    """Say of one value what sets it apart, the most telling that is known."""
    if any(value.standing == "miscomputed" for value in values):
        return tuple(values)
    plain = [replace(value, standing="") for value in values]
    marks: tuple[tuple[Standing, list[bool]], ...] = (
        ("computed", [_is_computed(value) for value in values]),
        ("primary", _primary(values)),
        ("newer", _newer(values)),
    )
    for standing, marked in marks:
        if sum(marked) == 1:
            plain[marked.index(True)] = replace(plain[marked.index(True)], standing=standing)
            break
    return tuple(plain)


def _blanked(sentence: str, value: str) -> str:
    """Leave the number of a value open in a sentence, to name the quantity by it."""
    number = next((q.text for q in quantities(value)), value)
    return sentence.replace(number, "…", 1).rstrip(".;:— ")


def _is_computed(stated: StatedValue) -> bool:
    """Tell whether a passage gives a value together with its calculation."""
    return any(
        stated.value in sentence and _COMPUTED.search(sentence) is not None
        for sentence in re.split(r"(?<=[.!?;])\s+", stated.passage.text)
    )


def _primary(values: Sequence[StatedValue]) -> list[bool]:
    """Mark the values with a source that is no survey, guide or the like, if others have none."""
    known = [bool(value.passage.sources) for value in values]
    primary = [
        not all(_SECONDARY.search(source.label) for source in value.passage.sources)
        for value in values
    ]
    return primary if all(known) else [False] * len(values)


def _newer(values: Sequence[StatedValue]) -> list[bool]:
    """Mark the value all of whose sources are younger than each source of the others."""
    spans = []
    for value in values:
        found = [source.year for source in value.passage.sources if source.year is not None]
        if not found or len(found) < len(value.passage.sources):
            return [False] * len(values)
        spans.append((min(found), max(found)))
    return [
        all(low > other[1] for position, other in enumerate(spans) if position != own)
        for own, (low, _) in enumerate(spans)
    ]


def disagreements(passages: Sequence[Passage], idf: Callable[[str], float]) -> list[Disagreement]:
    """Find the quantities for which passages give different values.

    First come those of data points under one label, which are certain; one pair of passages may
    come again by another rule.
    """
    worded = _worded_alike(passages)
    certain = [conflict for conflict in worded if _under_one_label(conflict)]
    return [*certain, *_by_figures(passages, idf), *worded]


def _by_figures(passages: Sequence[Passage], idf: Callable[[str], float]) -> list[Disagreement]:
    """Group the figures that stand in one configuration or under one label by quantity."""
    by_id = {passage.id: passage for passage in passages}
    figures = [figure for passage in passages for figure in figures_of(passage)]
    groups: list[dict[str, StatedFigure]] = []
    for pair in figure_pairs(figures, ClauseIdf(idf)):
        members = {figure.passage: figure for figure in (pair.one, pair.other)}
        if len(members) < 2:
            continue
        for group in [group for group in groups if _shares(group, members)]:
            groups.remove(group)
            members = {**group, **members}
        groups.append(members)
    return [
        Disagreement(
            _label(list(members.values())),
            tuple(_stated(by_id[ref], figure) for ref, figure in members.items()),
        )
        for members in groups
    ]


def _shares(group: Mapping[str, StatedFigure], members: Mapping[str, StatedFigure]) -> bool:
    """Tell whether two groups speak of one quantity: they have a figure in common."""
    return any(
        ref in group and group[ref].number == figure.number for ref, figure in members.items()
    )


def _label(members: Sequence[StatedFigure]) -> str:
    """Name the quantity: by a data point's label, the fullest one, else by a clause."""
    points = [figure.shown.rpartition(": ")[0] for figure in members if figure.is_point]
    if points:
        return max(points, key=lambda label: (len(label), label))
    shortest = min(members, key=lambda figure: len(figure.shown))
    return _blanked(shortest.shown, shortest.printed)


def _stated(passage: Passage, figure: StatedFigure) -> StatedValue:
    # People cut digits off as often as they round.
    wrong = any(
        compatible(figure.number, Number(value, 0.0, counted=True), loose=True)
        for value in (wrong.value for wrong in miscomputed(passage))
    )
    stated = StatedValue(figure.printed, passage, "miscomputed" if wrong else "")
    return replace(stated, standing="computed") if not wrong and _is_computed(stated) else stated


def _worded_alike(passages: Sequence[Passage]) -> list[Disagreement]:
    """Find the quantities that passages tell of in nearly the same words, each pair once."""
    statements = [statement for passage in passages for statement in _statements(passage)]
    found: dict[str, dict[str, StatedValue]] = {}
    for one, other in combinations(statements, 2):
        if one.passage.id == other.passage.id or not _same_quantity(one, other):
            continue
        if _agree(one.value, other.value):
            continue
        label = min((one, other), key=lambda statement: len(statement.label)).label
        for statement in (one, other):
            stated = StatedValue(statement.printed, statement.passage)
            found.setdefault(label, {})[statement.passage.id] = stated
    return [Disagreement(label, tuple(values.values())) for label, values in found.items()]


def _agree(one: Quantity, other: Quantity) -> bool:
    return agree(one, other) or agree(other, one)


def _same_quantity(one: _Statement, other: _Statement) -> bool:
    if one.value.dimension != other.value.dimension or one.value.kind != other.value.kind:
        return False
    if not one.value.dimension and one.value.noun != other.value.noun:
        return False
    if one.marks != other.marks or not (one.words <= other.words or one.words >= other.words):
        # Each has a word of its own: the base model and the big one, parameters and data.
        return False
    union = one.words | other.words
    shared = one.words & other.words
    least = _SAME_LABEL if one.is_label and other.is_label else _SAME_SENTENCE
    brief = (one.is_label and other.is_label) or _worded_the_same(one, other)
    enough = _LEAST_WORDS if brief else _LEAST_WORDS_OF_SENTENCE
    return len(shared) >= enough and len(shared) >= least * len(union)


def _worded_the_same(one: _Statement, other: _Statement) -> bool:
    """Tell whether one topic counts the same things in the same words: short ones say enough."""
    counts = one.value.dimension or content_words(one.value.noun.partition(" ")[0])
    return bool(counts) and one.words == other.words and one.passage.topic == other.passage.topic


def _statements(passage: Passage) -> Iterator[_Statement]:
    if passage.kind is PassageKind.DATA:
        value = passage.text.removeprefix(passage.heading).lstrip(": ").split(". ")[0]
        stated = [q for q in quantities(value) if q.kind != "year"]
        if len(stated) == 1:
            words = _words(f"{passage.topic.replace('-', ' ')} {passage.heading}")
            yield _Statement(
                passage, passage.heading, words, _marks(passage.heading),
                stated[0], value.strip(" ."), True,
            )  # fmt: skip
    text = passage.text
    if passage.kind is PassageKind.DATA:
        # Its first sentence is the label and the value, which stand above.
        text = text.removeprefix(passage.heading).partition(". ")[2]
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        sentence = _CREDITS.sub("", sentence)
        stated = [q for q in quantities(sentence) if q.kind != "year"]
        if len(stated) == 1 and not _PLACE.search(sentence, 0, stated[0].start):
            printed = f"{stated[0].text} {stated[0].noun}".strip()
            marks = _marks(sentence) - frozenset(_MARK.findall(stated[0].text))
            yield _Statement(
                passage, _blanked(sentence, printed), _words(sentence), marks,
                stated[0], printed, False,
            )  # fmt: skip


def _marks(text: str) -> frozenset[str]:
    """Return what tells one quantity from its neighbor: names, symbols and numbers."""
    first, *rest = _MARK.findall(text) or [""]
    # A capital that begins the text is no name unless it goes on like one.
    telling = [first, *rest] if len(first) == 1 or not first[1:].islower() else rest
    return frozenset(
        mark for mark in telling if len(mark) == 1 or any(c.isupper() or c.isdigit() for c in mark)
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in content_words(text) if not word[0].isdigit())
