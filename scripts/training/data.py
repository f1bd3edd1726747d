"""Question-passage pairs for training, split by topic."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from index.passages import definition_questions, embedded_texts
from index.types import KnowledgeBase, Topic

__all__ = [
    "EvaluationCase",
    "Item",
    "Part",
    "TrainingPair",
    "cases_of",
    "digest_of",
    "is_test",
    "items_of",
    "part_of",
    "split_questions",
    "split_topics",
    "unasked",
]


Part = Literal["train", "tune", "test"]


@dataclass(frozen=True, slots=True)
class Item:
    """A passage with the questions it answers and the texts that can stand for it."""

    passage: str
    topic: str
    questions: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """One training example: a question and a text of the passage that answers it."""

    question: str
    positive: str
    passage: str


@dataclass(frozen=True, slots=True)
class EvaluationCase:
    """One question to measure by, with the passages that answer it."""

    question: str
    gold: tuple[str, ...]
    topic: str


def items_of(knowledge_base: KnowledgeBase) -> list[Item]:
    """Return every passage; those that nobody asks about have no questions."""
    return [item for topic in knowledge_base.topics for item in _topic_items(topic)]


def _topic_items(topic: Topic) -> Iterable[Item]:
    asked = {f"faq/{i}": (faq.question, *faq.also_asked) for i, faq in enumerate(topic.faqs)}
    asked |= {f"data/{i}": point.also_asked for i, point in enumerate(topic.data_points)}
    asked |= {f"practice/{i}": one.also_asked for i, one in enumerate(topic.practice)}
    asked["definition"] = definition_questions(topic)
    for passage, texts in embedded_texts(unasked(topic)):
        questions = asked.get(passage.removeprefix(f"{topic.slug}/"), ())
        yield Item(passage, topic.slug, questions, texts)


def unasked(topic: Topic) -> Topic:
    """Return a topic without the other ways in which it is asked about."""
    return replace(
        topic,
        faqs=tuple(replace(faq, also_asked=()) for faq in topic.faqs),
        data_points=tuple(replace(point, also_asked=()) for point in topic.data_points),
        practice=tuple(replace(one, also_asked=()) for one in topic.practice),
        terms=(),
    )


def cases_of(knowledge_base: KnowledgeBase, topics: Iterable[str]) -> list[EvaluationCase]:
    """Return the other ways of asking of some topics, as questions to measure by."""
    wanted = frozenset(topics)
    cases = []
    for topic in knowledge_base.topics:
        if topic.slug not in wanted:
            continue
        asked = {f"faq/{i}": faq.also_asked for i, faq in enumerate(topic.faqs)}
        asked |= {f"data/{i}": point.also_asked for i, point in enumerate(topic.data_points)}
        asked |= {f"practice/{i}": one.also_asked for i, one in enumerate(topic.practice)}
        for tail, questions in asked.items():
            gold = (f"{topic.slug}/{tail}",)
            cases += [EvaluationCase(question, gold, topic.slug) for question in questions]
    return cases


def split_topics(topics: Sequence[str], held_out: int, seed: int) -> tuple[list[str], list[str]]:
    """Split topics into those to train on and those held out, by a seeded shuffle."""
    shuffled = sorted(topics)
    random.Random(seed).shuffle(shuffled)
    return sorted(shuffled[held_out:]), sorted(shuffled[:held_out])


def split_questions(
    pairs: Sequence[TrainingPair], every: int = 8
) -> tuple[list[TrainingPair], list[TrainingPair]]:
    """Set every so many questions aside, so that validation asks of known passages too."""
    aside = pairs[every - 1 :: every]
    kept = [pair for n, pair in enumerate(pairs, 1) if n % every]
    return kept, list(aside)


def part_of(topic: str) -> Part:
    """Tell what a topic's training material is for.

    About a tenth of the topics test, another tenth tune what is built on what was trained.
    """
    parts: dict[int, Part] = {0: "test", 1: "tune"}
    return parts.get(_tenth(topic), "train")


def is_test(topic: str) -> bool:
    """Tell whether a topic's training material is set aside for testing: about a tenth are."""
    return _tenth(topic) == 0


def _tenth(topic: str) -> int:
    return hashlib.sha256(f"material:{topic}".encode()).digest()[0] % 10


def digest_of(items: Iterable[Item]) -> str:
    """Hash the training data: passages, questions and texts, in order."""
    rows = [[item.passage, item.questions, item.texts] for item in items]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()
