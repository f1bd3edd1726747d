"""Topics are cut into passages, and each passage gets the texts it is embedded under.

A passage is found under any of several texts (all that it says, its question or label, the other
ways it is asked), and its score is the best of theirs: the index-side counterpart of doc2query
(Nogueira et al. 2019) and of multi-vector retrieval.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from index.types import (
    DataPoint,
    Figure,
    Link,
    Passage,
    PassageKind,
    Place,
    Practice,
    Section,
    Topic,
)

__all__ = [
    "data_sentence",
    "definition_questions",
    "embedded_texts",
    "full_text",
    "passages_of",
    "practice_text",
]

_UNIT_WORD = re.compile(r"[%×]|[^\W\d_]+")
_ENDS = (".", "!", "?", ")", "…")


def passages_of(topic: Topic) -> list[Passage]:
    """Cut one topic into passages, each with the sources that bear it, in source order."""
    known = {source.id: source for source in topic.sources}

    def make(
        kind: PassageKind,
        tail: str,
        heading: str,
        text: str,
        ids: tuple[str, ...],
        figure: Figure | None = None,
        place: Place | None = None,
        see_also: tuple[Link, ...] = (),
    ) -> Passage:
        return Passage(
            id=f"{topic.slug}/{tail}",
            kind=kind,
            topic=topic.slug,
            title=topic.title,
            heading=heading,
            text=text,
            sources=tuple(known[i] for i in ids if i in known) or topic.sources,
            category=topic.category,
            figure=figure,
            place=place,
            see_also=see_also,
        )

    found = [
        make(
            PassageKind.FAQ,
            f"faq/{i}",
            faq.question,
            faq.answer,
            faq.sources,
            place=faq.place,
            see_also=faq.see_also,
        )
        for i, faq in enumerate(topic.faqs)
    ]
    found += [
        make(
            PassageKind.DATA,
            f"data/{i}",
            point.label,
            data_sentence(point),
            point.sources,
            Figure(point.value, point.unit, point.note),
        )
        for i, point in enumerate(topic.data_points)
    ]
    found += [
        make(PassageKind.PRACTICE, f"practice/{i}", "In practice", practice_text(one), one.sources)
        for i, one in enumerate(topic.practice)
    ]
    found += [
        make(PassageKind.CAVEAT, f"caveat/{i}", "What is unsettled", one.text, one.sources)
        for i, one in enumerate(topic.caveats)
    ]
    for kind, text in _texts_as_a_whole(topic):
        described = kind is PassageKind.DESCRIPTION
        place, links = (topic.place, topic.see_also) if described else (None, ())
        found.append(make(kind, kind.value, topic.title, text, (), place=place, see_also=links))
    found += [_section(topic, section) for section in topic.sections]
    return found


def _section(topic: Topic, section: Section) -> Passage:
    return Passage(
        id=section.id,
        kind=PassageKind.SECTION,
        topic=topic.slug,
        title=topic.title,
        heading=section.heading,
        text=section.text,
        sources=topic.sources,
        category=topic.category,
        place=section.place,
        see_also=section.see_also,
    )


def _texts_as_a_whole(topic: Topic) -> Iterator[tuple[PassageKind, str]]:
    """Yield what is said of the topic as a whole, as far as it is there."""
    for kind, text in (
        (PassageKind.DEFINITION, topic.definition),
        (PassageKind.DESCRIPTION, topic.description),
        (PassageKind.SNIPPET, topic.snippet),
    ):
        if text:
            yield kind, text


def practice_text(one: Practice) -> str:
    """Write a statement of practice as text that can be quoted: what to do, why, its sign."""
    written = ""
    for text in filter(None, (one.text, one.why, one.sign)):
        ends = "\n\n" if written.rstrip().endswith("```") else " "  # a fence has a line of its own
        written = f"{written.rstrip()}{ends}{text}" if written else text
    return written


def data_sentence(point: DataPoint) -> str:
    """Write a data point as text that can be quoted: label, value, unit, then its note."""
    figure = f"{point.value} {_unit_beside(point.value, point.unit)}".strip()
    head = f"{point.label}: {figure}" if figure else point.label
    note = point.note.rstrip()
    return f"{head}. {note}{'' if note.endswith(_ENDS) else '.'}" if note else f"{head}."


def _unit_beside(value: str, unit: str) -> str:
    """Return the unit without its first words if the value has them: 57% of “% accuracy”."""
    said = set(_UNIT_WORD.findall(value.lower()))
    if "%" in said:
        said.add("percent")
    words = unit.split()
    while words and words[0].lower() in said:
        words = words[1:]
    return " ".join(words)


def embedded_texts(
    topic: Topic, passages: Sequence[Passage] | None = None
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each passage's id with the texts it is embedded under, in the passages' order.

    Args:
        topic: what is cut.
        passages: its passages, where they are cut already.
    """
    asked = {
        **{f"faq/{i}": (faq.question, *faq.also_asked) for i, faq in enumerate(topic.faqs)},
        **{f"data/{i}": (one.label, *one.also_asked) for i, one in enumerate(topic.data_points)},
        **{f"practice/{i}": one.also_asked for i, one in enumerate(topic.practice)},
        PassageKind.DEFINITION.value: definition_questions(topic),
    }
    for passage in passages_of(topic) if passages is None else passages:
        tail = passage.id.removeprefix(f"{topic.slug}/")
        yield passage.id, _unique((full_text(passage), *asked.get(tail, ())))


def definition_questions(topic: Topic) -> tuple[str, ...]:
    """Ask for the definition under each of the topic's terms."""
    return tuple(f"What is {term}?" for term in topic.terms)


def full_text(passage: Passage) -> str:
    """Return all that a passage says in one text: what is encoded, its tokens included."""
    return f"{passage.title}. {passage.heading} {passage.text}"


def _unique(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text.strip()))
