"""Which of the retrieved figures disagree: different values for what is the same quantity.

Two statements are about the same quantity when, numbers aside, they say nearly the same words
(Jaccard similarity of their content words) and give one value each of the same dimension. That
is deliberately narrow: two different quantities must never be shown as a conflict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from index.lexical import content_words
from index.quantities import Quantity, agree, quantities
from index.types import Hit, Passage, PassageKind

__all__ = ["Disagreement", "disagreements"]

_MARK = re.compile(r"[^\W_]+")
_SAME_LABEL = 0.6
_SAME_SENTENCE = 0.7
_LEAST_WORDS = 3
_LEAST_WORDS_OF_SENTENCE = 5


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A quantity with the values that passages give it: (value as printed, passage id)."""

    quantity: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Statement:
    passage: str
    topic: str
    label: str
    words: frozenset[str]
    marks: frozenset[str]
    value: Quantity
    printed: str
    is_label: bool


def disagreements(hits: Sequence[Hit]) -> list[Disagreement]:
    """Find the quantities for which the hits give different values, each pair once."""
    statements = [s for hit in hits for s in _statements(hit.passage)]
    found: dict[str, dict[str, str]] = {}
    for one, other in combinations(statements, 2):
        if one.passage == other.passage or not _same_quantity(one, other):
            continue
        if agree(one.value, other.value) or agree(other.value, one.value):
            continue
        label = min((one, other), key=lambda statement: len(statement.label)).label
        found.setdefault(label, {}).update({one.passage: one.printed, other.passage: other.printed})
    return [
        Disagreement(label, tuple((value, ref) for ref, value in values.items()))
        for label, values in found.items()
    ]


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
    enough = _LEAST_WORDS if one.is_label and other.is_label else _LEAST_WORDS_OF_SENTENCE
    return len(shared) >= enough and len(shared) >= least * len(union)


def _statements(passage: Passage) -> Iterator[_Statement]:
    if passage.kind is PassageKind.DATA:
        value = passage.text.removeprefix(passage.heading).lstrip(": ").split(". ")[0]
        stated = [q for q in quantities(value) if q.kind != "year"]
        if len(stated) == 1:
            words = _words(f"{passage.topic.replace('-', ' ')} {passage.heading}")
            yield _Statement(
                passage.id, passage.topic, passage.heading, words, _marks(passage.heading),
                stated[0], value.strip(), True,
            )  # fmt: skip
    text = passage.text
    if passage.kind is PassageKind.DATA:
        # Its first sentence is the label and the value, which stand above.
        text = text.removeprefix(passage.heading).partition(". ")[2]
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        stated = [q for q in quantities(sentence) if q.kind != "year"]
        if len(stated) == 1:
            printed = f"{stated[0].text} {stated[0].noun}".strip()
            marks = _marks(sentence) - frozenset(_MARK.findall(stated[0].text))
            yield _Statement(
                passage.id, passage.topic, sentence, _words(sentence), marks,
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
