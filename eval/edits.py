"""Edits of figures: a data point's number changed wherever its topic gives it."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from eval.cases import ExpectedNumber
from eval.metrics.number_fidelity import figures, same, stated
from eval.metrics.text import content, sentences
from index.passages import data_sentence
from index.types import Caveat, DataPoint, Faq, KnowledgeBase, Practice, Topic

__all__ = [
    "QUALIFIER",
    "Edit",
    "Given",
    "edits",
    "figure_of",
    "gives",
    "rewritten",
    "scale_of",
    "swap",
    "where_given",
]

_NUMBER = re.compile(r"(?<![\w.,^])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d^])")
_RUN = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)*")
QUALIFIER = re.compile(r"^[~≈≥≤<>+±]\s?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_PER_TOPIC = 6
_SHARED = 3
_DIGITS = 2
# The fields of a topic and of its items that are texts, and those that are items.
_TEXTS = frozenset(
    "title description snippet definition question answer also_asked label value note text why "
    "sign".split()
)
_ITEMS = frozenset(("faqs", "data_points", "practice", "caveats"))
_Item = TypeVar("_Item", Topic, Faq, DataPoint, Practice, Caveat)


# Numbers as printed, with the topics' slugs and texts that give them.
Given = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Edit:
    """A data point of a topic, its figure as printed, and another in the same form."""

    position: int
    point: DataPoint
    old: str
    new: str


def figure_of(point: DataPoint) -> str | None:
    """The number of a data point that has just one, of two digits at least and no year."""
    found = [str(number) for number in _NUMBER.findall(point.value)]
    if len(found) != 1 or len(figures(point.value)) != 1 or _YEAR.fullmatch(found[0]):
        return None
    return found[0] if sum(c.isdigit() for c in found[0]) >= _DIGITS else None


def scale_of(point: DataPoint) -> str:
    """The part of a data point's unit without which its number is another one."""
    if "%" in point.value or point.unit.startswith("%"):
        return "%"
    first = point.unit.split(" ")[0]
    return first if figures(f"1 {first}")[0].value != 1 else ""


def where_given(knowledge_base: KnowledgeBase) -> Given:
    """Find where each number of a knowledge base is given."""
    given: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for topic in knowledge_base.topics:
        for text in _texts(topic):
            for number in dict.fromkeys(_RUN.findall(text)):
                given[number].append((topic.slug, text))
    return given


def edits(topic: Topic, given: Given) -> list[Edit]:
    """Choose data points whose figure no other topic gives for the same thing.

    So one topic's edit changes all there is about it.

    Args:
        topic: whose data points are edited.
        given: where its knowledge base gives each number (`where_given`).
    """
    found: list[Edit] = []
    taken: set[str] = set()
    own = [figure for text in _texts(topic) for figure in figures(text)]
    for position, point in enumerate(topic.data_points):
        old = figure_of(point)
        if old is None or old in taken or len(found) == _PER_TOPIC:
            continue
        if not figures(old)[0].value:
            continue
        if any(_tells(text, old, point) for slug, text in given.get(old, ()) if slug != topic.slug):
            continue
        new = _another(old, f"{topic.slug}/{position}")
        if any(same(figures(new)[0], other) for other in own):
            continue
        edit = Edit(position, point, old, new)
        if not _stated_after(edit):
            continue
        taken.add(old)
        own += figures(new)
        found.append(edit)
    return found


def _stated_after(edit: Edit) -> bool:
    """Tell whether the edited data point states its new figure: a version such as 0.12.0 can't."""
    value, note = swap(edit.point.value, edit), swap(edit.point.note, edit)
    expected = ExpectedNumber(QUALIFIER.sub("", value), scale_of(edit.point))
    return stated(expected, data_sentence(replace(edit.point, value=value, note=note)))


def _another(number: str, salt: str) -> str:
    """Change a number's first digit other than 0, by a hash, and keep its form."""
    at = next(i for i, character in enumerate(number) if character in "123456789")
    shift = 1 + hashlib.sha256(salt.encode()).digest()[0] % 8
    return f"{number[:at]}{(int(number[at]) - 1 + shift) % 9 + 1}{number[at + 1 :]}"


def _pattern(number: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\d.,]){re.escape(number)}(?!\d|[.,]\d)")


def gives(text: str, number: str) -> bool:
    """Tell whether a text gives a number, exactly as printed."""
    return _pattern(number).search(text) is not None


def _tells(text: str, number: str, point: DataPoint) -> bool:
    """Whether a text gives the number in a sentence that shares three words with its label."""
    label = set(content(f"{point.label} {point.unit}"))
    return any(
        gives(sentence, number) and len(label & set(content(sentence))) >= _SHARED
        for sentence in sentences(text)
    )


def swap(text: str, edit: Edit) -> str:
    """Put an edit's new figure for its old one."""
    return _pattern(edit.old).sub(edit.new, text)


def _texts(topic: Topic) -> list[str]:
    """What a topic says and the ways in which it is asked; no ids, sources or units."""
    found: list[str] = []

    def noted(text: str) -> str:
        found.append(text)
        return text

    _with_texts(topic, noted)
    return found


def rewritten(topic: Topic, edit: Edit) -> Topic:
    """Return a topic with the new figure wherever it gave the old one."""
    return _with_texts(topic, lambda text: swap(text, edit))


def _with_texts(item: _Item, change: Callable[[str], str]) -> _Item:
    """Return a topic, or an item of one, with each of its texts changed."""
    made: dict[str, Any] = {}
    for name in (field.name for field in fields(item)):
        value = getattr(item, name)
        if name in _ITEMS:
            made[name] = tuple(_with_texts(one, change) for one in value)
        elif name in _TEXTS:
            made[name] = change(value) if isinstance(value, str) else tuple(map(change, value))
    return replace(item, **made)
