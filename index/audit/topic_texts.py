"""The texts of a knowledge base, each with its place, and how they are cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.passages import practice_text
from index.types import KnowledgeBase, Passage, PassageKind, Topic

__all__ = ["Text", "clauses", "passage_texts", "sentences", "texts", "topic_texts"]


@dataclass(frozen=True, slots=True)
class Text:
    """A text and where it stands: `<slug>/faq/0.answer`, `<slug>/description` and so on."""

    topic: str
    place: str
    text: str


def topic_texts(topic: Topic) -> Iterator[Text]:
    """What a topic says, field by field; labels and questions included, phrasings not."""
    slug = topic.slug
    yield Text(slug, f"{slug}/description", topic.description)
    yield Text(slug, f"{slug}/snippet", topic.snippet)
    for i, point in enumerate(topic.data_points):
        yield Text(slug, f"{slug}/data/{i}.label", point.label)
        yield Text(slug, f"{slug}/data/{i}.value", f"{point.value} {point.unit}".strip())
        yield Text(slug, f"{slug}/data/{i}.note", point.note)
    for i, faq in enumerate(topic.faqs):
        yield Text(slug, f"{slug}/faq/{i}.question", faq.question)
        yield Text(slug, f"{slug}/faq/{i}.answer", faq.answer)
    for i, one in enumerate(topic.practice):
        yield Text(slug, f"{slug}/practice/{i}", practice_text(one))
    for i, caveat in enumerate(topic.caveats):
        yield Text(slug, f"{slug}/caveat/{i}", caveat.text)
    yield Text(slug, f"{slug}/definition", topic.definition)


def passage_texts(passage: Passage) -> Iterator[Text]:
    """What a passage states, field by field; neither its label nor its question."""
    figure = passage.figure
    if figure is not None:
        value = f"{figure.value} {figure.unit}".strip()
        yield Text(passage.topic, f"{passage.id}.value", value)
        yield Text(passage.topic, f"{passage.id}.note", figure.note)
    else:
        field = ".answer" if passage.kind is PassageKind.FAQ else ""
        yield Text(passage.topic, f"{passage.id}{field}", passage.text)


def texts(base: KnowledgeBase) -> Iterator[Text]:
    """What a knowledge base says."""
    for topic in base.topics:
        yield from topic_texts(topic)


_SENTENCE_END = re.compile(r"(?<!et al)(?<!e\.g)(?<!i\.e)(?<!\bvs)(?<!approx)[.?!](?=\s|$)|\n")
_CLAUSE_END = re.compile(r";|\s[—–]\s|:\s")


def _cut(text: str, at: re.Pattern[str]) -> list[str]:
    parts, start = [], 0
    for match in at.finditer(text):
        parts.append(text[start : match.end()].strip())
        start = match.end()
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def sentences(text: str) -> list[str]:
    """A text cut at full stops and line breaks."""
    return _cut(text, _SENTENCE_END)


def clauses(text: str) -> list[str]:
    """A text cut at full stops, semicolons, colons and dashes."""
    return [clause for sentence in sentences(text) for clause in _cut(sentence, _CLAUSE_END)]
