"""Shadow knowledge bases: what must change in the answers when the knowledge changes.

Everything is derived from a knowledge base without chance, so that anyone gets the same cases:

- `verbatim`: the FAQs themselves, over the knowledge base as it is. Sanity only.
- `leave-out`: one FAQ a topic is removed with all its phrasings; its question is asked, and what
  the topic's other passages still give of its figures is expected.
- `counterfactual`: a data point's figure is changed wherever its topic gives it; the answer must
  give the new one.
- `conflict`: a second source is made to give another figure for the same quantity; the answer
  must give both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from eval.cases import Case, ExpectedNumber, Nugget
from eval.metrics.numbers import figures, same
from eval.metrics.text import content, sentences
from index.passages import passages_of
from index.types import DataPoint, Faq, KnowledgeBase, Passage, PassageKind, Topic

__all__ = ["DERIVED", "Derived", "derive", "record_of"]

_NUMBER = re.compile(r"(?<![\w.,^])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d^])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_PER_TOPIC = 4
_SHARED = 2


@dataclass(frozen=True, slots=True)
class Derived:
    """A suite with the knowledge base that it is asked over."""

    knowledge_base: KnowledgeBase
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    """A data point of a topic, its figure as printed, and another in the same form."""

    position: int
    point: DataPoint
    old: str
    new: str


def derive(kind: str, knowledge_base: KnowledgeBase) -> Derived:
    """Make one of the `DERIVED` suites from a knowledge base."""
    return DERIVED[kind](knowledge_base)


def _verbatim(knowledge_base: KnowledgeBase) -> Derived:
    cases = [
        Case(
            id=f"verbatim-{topic.slug}-{i}",
            slice="verbatim",
            style="verbatim",
            topic=topic.slug,
            question=faq.question,
            answerable=True,
            gold=(f"{topic.slug}/faq/{i}",),
            reference=faq.answer,
            nuggets=_nuggets(faq),
        )
        for topic in knowledge_base.topics
        for i, faq in enumerate(topic.faqs)
    ]
    return Derived(knowledge_base, tuple(cases))


def _nuggets(faq: Faq) -> tuple[Nugget, ...]:
    first, *rest = sentences(faq.answer) or [faq.answer]
    return (Nugget(first, True), *(Nugget(sentence, False) for sentence in rest))


def _leave_out(knowledge_base: KnowledgeBase) -> Derived:
    topics, cases = [], []
    for topic in knowledge_base.topics:
        best = max(_left_out(topic), key=lambda found: found[0], default=None)
        if best is None:
            topics.append(topic)
            continue
        _, position, gold, numbers = best
        faqs = tuple(faq for i, faq in enumerate(topic.faqs) if i != position)
        topics.append(replace(topic, faqs=faqs))
        cases.append(
            Case(
                id=f"leave-out-{topic.slug}",
                slice="leave-out",
                style="removed",
                topic=topic.slug,
                question=topic.faqs[position].question,
                answerable=True,
                gold=gold,
                reference=topic.faqs[position].answer,
                numbers=numbers,
            )
        )
    return Derived(replace(knowledge_base, topics=tuple(topics)), tuple(cases))


def _left_out(
    topic: Topic,
) -> Iterator[tuple[tuple[int, int], int, tuple[str, ...], tuple[ExpectedNumber, ...]]]:
    """Yield each FAQ whose first two sentences give figures that the topic's data points give."""
    for position, faq in enumerate(topic.faqs):
        rest = replace(topic, faqs=tuple(f for i, f in enumerate(topic.faqs) if i != position))
        opening = " ".join(sentences(faq.answer)[:2])
        expected, gold = [], []
        for i, point in enumerate(topic.data_points):
            number = _figure(point)
            if number is None or not _gives(opening, number):
                continue
            expected.append(ExpectedNumber(number))
            gold += [f"{topic.slug}/data/{i}", *_giving(number, passages_of(rest))]
        if expected:
            # More figures first; among equals the FAQ that comes first.
            yield (len(expected), -position), position, tuple(dict.fromkeys(gold)), tuple(expected)


def _figure(point: DataPoint) -> str | None:
    """The first number of a data point that has two digits at least and is no year."""
    found = (str(number) for number in _NUMBER.findall(point.value))
    return next(
        (n for n in found if sum(c.isdigit() for c in n) >= 2 and not _YEAR.fullmatch(n)), None
    )


def _giving(number: str, passages: list[Passage]) -> list[str]:
    wanted = figures(number)[0]
    return [
        passage.id
        for passage in passages
        if passage.kind is not PassageKind.DATA
        and any(f.value == wanted.value for f in figures(passage.text))
    ]


def _counterfactual(knowledge_base: KnowledgeBase) -> Derived:
    topics, cases = [], []
    for topic in knowledge_base.topics:
        edited = topic
        for edit in _edits(topic, knowledge_base):
            edited = _rewritten(edited, edit)
            gold = [f"{topic.slug}/data/{edit.position}"]
            cases.append(
                _asked(
                    "counterfactual", topic, edit, tuple(gold), (edit.new,),
                    forbidden=(rf"(?<![\d.,]){re.escape(edit.old)}(?!\d|[.,]\d)",),
                )
            )  # fmt: skip
        topics.append(edited)
    return Derived(replace(knowledge_base, topics=tuple(topics)), tuple(cases))


def _conflict(knowledge_base: KnowledgeBase) -> Derived:
    topics, cases = [], []
    for topic in knowledge_base.topics:
        edits = [e for e in _edits(topic, knowledge_base) if _other_source(topic, e.point)]
        if not edits:
            topics.append(topic)
            continue
        edit = edits[0]
        rival = replace(
            edit.point,
            value=_swap(edit.point.value, edit),
            note=f"A later count gives {edit.new} {edit.point.unit}".strip() + ".",
            sources=(_other_source(topic, edit.point),),
            also_asked=(),
        )
        gold = (f"{topic.slug}/data/{edit.position}", f"{topic.slug}/data/{len(topic.data_points)}")
        topics.append(replace(topic, data_points=(*topic.data_points, rival)))
        cases.append(_asked("conflict", topic, edit, gold, (edit.old, edit.new)))
    return Derived(replace(knowledge_base, topics=tuple(topics)), tuple(cases))


def _other_source(topic: Topic, point: DataPoint) -> str:
    return next((s.id for s in topic.sources if s.id not in point.sources), "")


def _asked(
    kind: str,
    topic: Topic,
    edit: _Edit,
    gold: tuple[str, ...],
    values: tuple[str, ...],
    forbidden: tuple[str, ...] = (),
) -> Case:
    point = edit.point
    percent = "%" if "%" in point.value else ""
    unit = percent or point.unit
    said = " or ".join(f"{value} {unit}".strip() for value in values)
    phrasings = [asked for asked in point.also_asked if edit.old not in asked]
    return Case(
        id=f"{kind}-{topic.slug}-{edit.position}",
        slice=kind,
        style="edited" if kind == "counterfactual" else "disagreeing",
        topic=topic.slug,
        question=phrasings[0] if phrasings else f"{point.label} ({topic.title})?",
        answerable=True,
        gold=gold,
        reference=f"{point.label}: {said}.",
        numbers=tuple(ExpectedNumber(value, percent) for value in values),
        forbidden=forbidden,
    )


def _edits(topic: Topic, knowledge_base: KnowledgeBase) -> list[_Edit]:
    """Choose data points whose figure no other topic gives for the same thing.

    So one topic's edit changes all there is about it.
    """
    found: list[_Edit] = []
    taken: set[str] = set()
    others = [other for other in knowledge_base.topics if other.slug != topic.slug]
    for position, point in enumerate(topic.data_points):
        old = _figure(point)
        if old is None or old in taken or len(found) == _PER_TOPIC:
            continue
        given = figures(old)[0]
        if any(_tells(text, old, point) for other in others for text in _texts(other)):
            continue
        new = _another(old, f"{topic.slug}/{position}")
        same_topic = [f for text in _texts(topic) for f in figures(text)]
        if any(same(figures(new)[0], other) for other in same_topic) or not given.value:
            continue
        taken.add(old)
        found.append(_Edit(position, point, old, new))
    return found


def _another(number: str, salt: str) -> str:
    """Change a number's first digit other than 0, by a hash, and keep its form."""
    at = next(i for i, character in enumerate(number) if character in "123456789")
    shift = 1 + hashlib.sha256(salt.encode()).digest()[0] % 8
    return f"{number[:at]}{(int(number[at]) - 1 + shift) % 9 + 1}{number[at + 1 :]}"


def _pattern(number: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\d.,]){re.escape(number)}(?!\d|[.,]\d)")


def _gives(text: str, number: str) -> bool:
    return _pattern(number).search(text) is not None


def _tells(text: str, number: str, point: DataPoint) -> bool:
    """Whether a text gives the number in a sentence that shares two words with its label."""
    if number not in text:
        return False
    label = set(content(f"{point.label} {point.unit}"))
    return any(
        _gives(sentence, number) and len(label & set(content(sentence))) >= _SHARED
        for sentence in sentences(text)
    )


def _swap(text: str, edit: _Edit) -> str:
    return _pattern(edit.old).sub(edit.new, text)


def _texts(topic: Topic) -> list[str]:
    found = [topic.title, topic.description, topic.snippet]
    for faq in topic.faqs:
        found += [faq.question, faq.answer, *faq.also_asked]
    for point in topic.data_points:
        found += [point.label, point.value, point.note, *point.also_asked]
    return found


def _rewritten(topic: Topic, edit: _Edit) -> Topic:
    """Return a topic with the new figure wherever it gave the old one."""

    def put(text: str) -> str:
        return _swap(text, edit)

    return replace(
        topic,
        title=put(topic.title),
        description=put(topic.description),
        snippet=put(topic.snippet),
        faqs=tuple(
            replace(
                faq,
                question=put(faq.question),
                answer=put(faq.answer),
                also_asked=tuple(put(asked) for asked in faq.also_asked),
            )
            for faq in topic.faqs
        ),
        data_points=tuple(
            replace(
                point,
                label=put(point.label),
                value=put(point.value),
                note=put(point.note),
                also_asked=tuple(put(asked) for asked in point.also_asked),
            )
            for point in topic.data_points
        ),
    )


def record_of(case: Case) -> dict[str, Any]:
    """Return a case as a line of a suite holds it; optional keys only where they say something."""
    found = asdict(case)
    for name in ("topics", "standalone", "attack", "forbidden"):
        if not found[name]:
            del found[name]
    return found


DERIVED: dict[str, Callable[[KnowledgeBase], Derived]] = {
    "verbatim": _verbatim,
    "leave-out": _leave_out,
    "counterfactual": _counterfactual,
    "conflict": _conflict,
}
