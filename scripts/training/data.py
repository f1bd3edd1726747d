"""Questions and passages for training: split by topic, and laid out in hard batches."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from index.passages import data_sentence
from index.types import KnowledgeBase, Topic

__all__ = [
    "Case",
    "Item",
    "cases_of",
    "digest_of",
    "items_of",
    "lay_out",
    "split_questions",
    "split_topics",
]


@dataclass(frozen=True, slots=True)
class Item:
    """A passage with the questions it answers and the texts that can stand for it."""

    passage: str
    topic: str
    questions: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One question to measure by, with the passages that answer it."""

    question: str
    gold: tuple[str, ...]
    topic: str


def items_of(knowledge_base: KnowledgeBase) -> list[Item]:
    """Return every passage; those that nobody asks about have no questions."""
    return [item for topic in knowledge_base.topics for item in _topic_items(topic)]


def _topic_items(topic: Topic) -> Iterable[Item]:
    for i, faq in enumerate(topic.faqs):
        yield Item(
            f"{topic.slug}/faq/{i}",
            topic.slug,
            (faq.question, *faq.also_asked),
            (
                faq.question,
                f"{topic.title}: {faq.question}",
                f"{faq.question} {faq.answer}",
                faq.answer,
            ),
        )
    for i, point in enumerate(topic.data_points):
        sentence = data_sentence(point)
        yield Item(
            f"{topic.slug}/data/{i}",
            topic.slug,
            point.also_asked,
            (
                point.label,
                f"{topic.title}: {point.label}",
                f"{topic.title}: {sentence}",
                point.note or sentence,
            ),
        )
    for tail, text in (("description", topic.description), ("snippet", topic.snippet)):
        if text:
            texts = (topic.title, f"{topic.title}: {text}", text)
            yield Item(f"{topic.slug}/{tail}", topic.slug, (), texts)


def cases_of(knowledge_base: KnowledgeBase, topics: Iterable[str]) -> list[Case]:
    """Return the other ways of asking of some topics, as questions to measure by."""
    wanted = frozenset(topics)
    cases = []
    for topic in knowledge_base.topics:
        if topic.slug not in wanted:
            continue
        asked = {f"faq/{i}": faq.also_asked for i, faq in enumerate(topic.faqs)}
        asked |= {f"data/{i}": point.also_asked for i, point in enumerate(topic.data_points)}
        for tail, questions in asked.items():
            gold = (f"{topic.slug}/{tail}",)
            cases += [Case(question, gold, topic.slug) for question in questions]
    return cases


def split_topics(topics: Sequence[str], held_out: int, seed: int) -> tuple[list[str], list[str]]:
    """Split topics into those to train on and those held out, by a seeded shuffle."""
    shuffled = sorted(topics)
    random.Random(seed).shuffle(shuffled)
    return sorted(shuffled[held_out:]), sorted(shuffled[:held_out])


def split_questions(items: Sequence[Item], every: int = 8) -> tuple[list[Item], list[Case]]:
    """Set every so many questions aside, so that validation asks of known passages too."""
    kept, aside, seen = [], [], 0
    for item in items:
        mine = []
        for question in item.questions:
            seen += 1
            if seen % every:
                mine.append(question)
            else:
                aside.append(Case(question, (item.passage,), item.topic))
        kept.append(replace(item, questions=tuple(mine)))
    return kept, aside


def lay_out(items: Sequence[Item], batch: int, seed: str) -> list[list[int]]:
    """Lay out an epoch's batches so that a passage's negatives are hard ones.

    A batch takes whole topics, so that a question's negatives are above all the passages beside
    its own, which Karpukhin et al. (2020) would mine by BM25. No passage stands twice in a batch,
    for it would be its own negative. Each question comes once, with one of its passage's texts.

    Returns:
        Rows of the table of every question with every text of its passage, in order.
    """
    rng = random.Random(seed)
    left: dict[str, list[list[int]]] = {}
    row = 0
    for item in items:
        width = len(item.texts)
        left[item.passage] = [
            list(range(at, at + width))
            for at in range(row, row + width * len(item.questions), width)
        ]
        row += width * len(item.questions)
        rng.shuffle(left[item.passage])
    batches = []
    while live := [item for item in items if left[item.passage]]:
        topics = list(dict.fromkeys(item.topic for item in live))
        rng.shuffle(topics)
        live.sort(key=lambda item: topics.index(item.topic))
        for start in range(0, len(live), batch):
            rows = [rng.choice(left[item.passage].pop()) for item in live[start : start + batch]]
            # A small batch has few negatives and would weigh as much as a full one.
            if 2 * len(rows) >= batch:
                batches.append(rows)
    rng.shuffle(batches)
    return batches


def digest_of(items: Iterable[Item]) -> str:
    """Hash the training data: passages, questions and texts, in order."""
    rows = [[item.passage, item.questions, item.texts] for item in items]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()
