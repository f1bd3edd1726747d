"""Shadow knowledge bases: what must change in the answers when the knowledge changes.

Everything is derived from a knowledge base without chance, so that anyone gets the same cases:

- `verbatim`: the FAQs themselves, over the knowledge base as it is. Sanity only.
- `leave-out`: one FAQ a topic is removed with all its phrasings; its question is asked, and what
  the topic's other passages still give of its figures is expected.
- `counterfactual`: a data point's figure is changed wherever its topic gives it; the answer must
  give the new one.
- `conflict`: a second source is made to give another figure for the same quantity; the answer
  must give both.
- `cloze`: a sentence is taken out of a document's section and asked for; what is left of the
  section is to be found (the inverse cloze task, Lee et al. 2019).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from eval.cases import Case, ExpectedNumber, Nugget
from eval.edits import (
    QUALIFIER,
    Edit,
    edits,
    figure_of,
    gives,
    rewritten,
    scale_of,
    swap,
    where_given,
)
from eval.metrics.number_fidelity import figures, stated
from eval.metrics.text import sentences
from index.passages import passages_of
from index.types import DataPoint, Faq, KnowledgeBase, Passage, PassageKind, Section, Topic

__all__ = ["DERIVED", "Derived", "derive", "record_of"]

# Of a document, about so many sections lose a sentence; in words, how much is asked and left.
_A_DOCUMENT, _LEAST_ASKED, _LEAST_LEFT = 20, 8, 20


@dataclass(frozen=True, slots=True)
class Derived:
    """A suite with the knowledge base that it is asked over."""

    knowledge_base: KnowledgeBase
    cases: tuple[Case, ...]


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
            number = figure_of(point)
            if number is None or not gives(opening, number):
                continue
            expected.append(ExpectedNumber(QUALIFIER.sub("", point.value), scale_of(point)))
            gold += [f"{topic.slug}/data/{i}", *_giving(number, passages_of(rest))]
        if expected:
            # More figures first; among equals the FAQ that comes first.
            yield (len(expected), -position), position, tuple(dict.fromkeys(gold)), tuple(expected)


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
    given = where_given(knowledge_base)
    for topic in knowledge_base.topics:
        chosen = edits(topic, given)
        edited = topic
        for edit in chosen:
            edited = rewritten(edited, edit)
        texts = {p.id: f"{p.heading}\n{p.text}" for p in passages_of(edited)}
        for edit in chosen:
            gold = f"{topic.slug}/data/{edit.position}"
            case = _asked(
                "counterfactual", topic, edit, (gold,), (edit.new,),
                forbidden=(rf"(?<![\d.,]){re.escape(edit.old)}(?!\d|[.,]\d)",),
            )  # fmt: skip
            # One edit of a topic may touch another's figure: such a case tells nothing.
            told = all(stated(number, texts[gold]) for number in case.numbers)
            if told and not any(gives(text, edit.old) for text in texts.values()):
                cases.append(case)
        topics.append(edited)
    return Derived(replace(knowledge_base, topics=tuple(topics)), tuple(cases))


def _conflict(knowledge_base: KnowledgeBase) -> Derived:
    topics, cases = [], []
    given = where_given(knowledge_base)
    for topic in knowledge_base.topics:
        found = [edit for edit in edits(topic, given) if _other_source(topic, edit.point)]
        if not found:
            topics.append(topic)
            continue
        edit = found[0]
        rival = replace(
            edit.point,
            value=swap(edit.point.value, edit),
            note=swap(edit.point.note, edit),
            sources=(_other_source(topic, edit.point),),
        )
        gold = (f"{topic.slug}/data/{edit.position}", f"{topic.slug}/data/{len(topic.data_points)}")
        topics.append(replace(topic, data_points=(*topic.data_points, rival)))
        cases.append(_asked("conflict", topic, edit, gold, (edit.old, edit.new)))
    return Derived(replace(knowledge_base, topics=tuple(topics)), tuple(cases))


def _cloze(knowledge_base: KnowledgeBase) -> Derived:
    topics, cases = [], []
    for topic in knowledge_base.topics:
        sections = list(topic.sections)
        step = max(1, len(sections) // _A_DOCUMENT)
        for n in range(0, len(sections), step):
            section = sections[n]
            taken = _sentence_of_its_own(topic, section)
            if not taken:
                continue
            rest = section.text.replace(taken, "", 1)
            sections[n] = replace(section, text=rest)
            cases.append(
                Case(
                    id=f"cloze-{topic.slug}-{n}",
                    slice="cloze",
                    style="removed",
                    topic=topic.slug,
                    question=taken,
                    answerable=True,
                    gold=(section.id,),
                    reference=rest,
                )
            )
        topics.append(replace(topic, sections=tuple(sections)))
    return Derived(replace(knowledge_base, topics=tuple(topics)), tuple(cases))


def _sentence_of_its_own(topic: Topic, section: Section) -> str:
    """Return the longest sentence of running text that stands nowhere else in its document.

    The first and the last are left where they are: they open the section, or the next one too.
    Empty where there is none, or too little would be left.
    """
    if any(mark in section.text for mark in ("```", "|", "$$")):
        return ""
    inner = sentences(section.text)[1:-1]
    best = max(inner, key=len, default="")
    words = len(best.split())
    others = (one.text for one in topic.sections if one is not section)
    elsewhere = any(best in text for text in (*others, section.text.replace(best, "", 1)))
    left = len(section.text.split()) - words
    enough = words >= _LEAST_ASKED and left >= _LEAST_LEFT
    return best if enough and best in section.text and not elsewhere else ""


def _other_source(topic: Topic, point: DataPoint) -> str:
    return next((s.id for s in topic.sources if s.id not in point.sources), "")


def _asked(
    kind: str,
    topic: Topic,
    edit: Edit,
    gold: tuple[str, ...],
    values: tuple[str, ...],
    forbidden: tuple[str, ...] = (),
) -> Case:
    point = edit.point
    unit = scale_of(point)
    said = " or ".join(f"{value} {point.unit}".strip() for value in values)
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
        numbers=tuple(
            ExpectedNumber(QUALIFIER.sub("", point.value.replace(edit.old, value)), unit)
            for value in values
        ),
        forbidden=forbidden,
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
    "cloze": _cloze,
}
