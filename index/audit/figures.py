"""The figures of a knowledge base: a number, what it counts, and the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from index.audit.numbers import NUMBER, Number, number_from
from index.audit.printed_units import UNITS
from index.audit.topic_texts import Text, clauses, passage_texts
from index.passages import passages_of
from index.text.corpus_words import corpus_words
from index.text.tokens import stem
from index.types import KnowledgeBase, Passage, PassageKind

__all__ = ["StatedFigure", "figures", "figures_of", "is_approximate", "stems"]

_STOPWORDS = frozenset(
    """a an the of to in on at for and or with by from as is are was were be been has have had it
    its this that these those than then over under per via into about roughly approximately
    nearly around only just total overall up using use uses used vs versus achieves achieved
    achieve reaches reached gets which while when where how what why does do each every all both
    not no but so if can could may will would more less most least their they one such also
    still, same average typical typically original""".split()
)
# Nouns that people use for one unit.
_SAME_UNIT = {
    "param": "parameter",
    "percentage": "%",
    "percent": "%",
    "pp": "%",
    "ppl": "perplexity",
}
_WORD = re.compile(r"[^\W\d_]+(?:[-_][\w{}]+)*|\d+-[^\W\d]\w*|\d+[^\W\d]\w*")
_YEARS = frozenset(map(float, range(1900, 2101)))
_APPROXIMATE = re.compile(
    r"(?:~|≈|about|roughly|approximately|around|nearly|some|over|up to|>|<|≥|≤)\s*$"
)


@dataclass(frozen=True, slots=True)
class StatedFigure:
    """A number in its context.

    Attributes:
        place: where it stands: a passage's id, and the field where it has several.
        passage: the passage's id.
        topic: slug of its topic.
        number: the number, in the unit's base (bytes for GB).
        unit: what it counts: a noun in the singular, a unit's family, or "%".
        approximate: whether it is said to be so, or a bound.
        words: stems of the words around it; of a data point, of its label.
        numbers: the other numbers around it.
        peers: every number of the same unit in the same clause, itself among them.
        shown: the clause, for people.
        printed: the number with its unit, as it stands there.
        is_point: whether it is the value of a data point.
    """

    place: str
    passage: str
    topic: str
    number: Number
    unit: str
    approximate: bool
    words: frozenset[str]
    numbers: frozenset[float]
    peers: tuple[Number, ...]
    shown: str
    printed: str
    is_point: bool


def _stem(word: str) -> str:
    return stem(word.lower().replace("'s", "").replace("’s", ""))


@cache
def _adjectives() -> frozenset[str]:
    """Stems of words that stand between a number and what it counts."""
    return frozenset(stem(row[0]) for row in corpus_words("counted_adjectives"))


def stems(text: str) -> frozenset[str]:
    """Stems of the content words; names with digits and hyphens stay whole, and in parts too."""
    found: set[str] = set()
    for word in _WORD.findall(text):
        parts = {word, *re.split(r"[-_]", word)} if "-" in word else {word}
        found |= {_stem(p) for p in parts if len(p) > 1 and p.lower() not in _STOPWORDS}
    return frozenset(found)


def is_approximate(before: str) -> bool:
    """Whether the words before a number say that it is not exact."""
    return bool(_APPROXIMATE.search(before))


def _unit(after: str, fallback: str) -> tuple[str, float, int]:
    """What a number counts, the size of that unit, and where its name ends."""
    match = re.match(
        r"\s?%|[\s-]*([^\W\d_]\w*)(?:\s+(?!per\b)([^\W\d_]\w*))?(?:\s?/\s?|\s+per\s+)?", after
    )
    if match is None:
        return fallback, 1.0, 0
    if match.group().strip() == "%":
        return "%", 1.0, match.end()
    rate = re.match(r"[^\W\d_]\w*", after[match.end() :])
    is_rate = re.search(r"(?:/\s?|\sper\s+)$", match.group()) is not None
    per = f" per {_stem(rate.group())}" if is_rate and rate else ""
    first, second = match[1], match[2]
    if first in UNITS:
        return UNITS[first].family + per, UNITS[first].size, match.end(1)
    for group, word in ((1, first), (2, second)):
        if not word or word.lower() in _STOPWORDS:
            break
        noun = _stem(word)
        if word == first and second and noun in _adjectives():
            continue
        return _SAME_UNIT.get(noun, noun) + per, 1.0, match.end(group)
    return fallback, 1.0, 0


def _scaled(number: Number, size: float) -> Number:
    return Number(number.value * size, number.step * size, number.counted)


def _in_clause(
    clause: str, place: str, passage: Passage, words: frozenset[str], fallback: str, is_point: bool
) -> Iterator[StatedFigure]:
    found = []
    for match in NUMBER.finditer(clause):
        before = clause[: match.start()]
        if re.search(r"[^\W\d_]-$", before):
            continue  # the 3 of GPT-3
        unit, size, named = _unit(clause[match.end() :], fallback)
        printed = clause[match.start() : match.end() + named].strip()
        # An operand is no figure of its own; the result of a sum is.
        if before.rstrip()[-1:] in tuple("×·*/÷^") or clause[match.end() :].lstrip()[:1] in tuple(
            "·*/÷^="
        ):
            unit = ""
        scaled = _scaled(number_from(match), size)
        found.append((scaled, unit, is_approximate(before), match, printed))
    for number, unit, approximate, match, printed in found:
        after = clause[match.end() : match.end() + 1]
        yield StatedFigure(
            place,
            passage.id,
            passage.topic,
            number,
            unit,
            approximate or after == "+",
            words or stems(clause),
            frozenset(n.value for n, *_ in found if n.value != number.value) - _YEARS,
            tuple(n for n, u, *_ in found if u == unit),
            clause,
            printed,
            is_point,
        )


@lru_cache(maxsize=8192)
def figures_of(passage: Passage) -> tuple[StatedFigure, ...]:
    """Read the figures that a passage states, in order; a definition's are no claims of size."""
    if passage.kind is PassageKind.DEFINITION:
        return ()
    return tuple(figure for text in passage_texts(passage) for figure in _in_text(passage, text))


def _in_text(passage: Passage, text: Text) -> Iterator[StatedFigure]:
    if passage.figure is not None and text.place.endswith(".value"):
        # Where the value is a calculation, its result is the figure.
        value = re.split(r"[=≈]\s*(?=[~\d])", text.text)[-1]
        if len(list(NUMBER.finditer(value))) == 1:
            yield from _of_point(passage, text.place, value)
            return
        text = replace(text, text=f"{passage.heading} {value}")
    for clause in clauses(text.text):
        yield from _in_clause(clause, text.place, passage, frozenset(), "", False)


def _of_point(passage: Passage, place: str, value: str) -> Iterator[StatedFigure]:
    label = passage.heading
    labelled = frozenset(number_from(m).value for m in NUMBER.finditer(label))
    for figure in _in_clause(value, place, passage, stems(label), "", True):
        yield replace(figure, numbers=labelled, shown=f"{label}: {value}")


def figures(base: KnowledgeBase) -> list[StatedFigure]:
    """Every figure of a knowledge base, in order."""
    return [
        figure
        for topic in base.topics
        for passage in passages_of(topic)
        for figure in figures_of(passage)
    ]
