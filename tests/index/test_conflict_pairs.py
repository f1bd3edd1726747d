"""Sixty pairs of statements beside the shipped knowledge base: which are conflicts, which not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from index.disagreements import disagreements
from index.lexical import Bm25
from index.passages import full_text, passages_of
from index.sources import SHIPPED, read
from index.types import DataPoint, Faq, KnowledgeBase, Topic
from tests.index.conflict_pairs import AGREEING, DISAGREEING, Pair


def _topics(name: str, pair: Pair) -> tuple[Topic, Topic]:
    one, other = (_topic(f"{name}-{side}", said) for side, said in zip("ab", pair, strict=True))
    return one, other


def _topic(slug: str, said: str) -> Topic:
    label, _, value = said.partition(" :: ")
    if value:
        return Topic(slug, "Figures", data_points=(DataPoint(label, value),))
    return Topic(slug, "Figures", faqs=(Faq("What is known of it?", said),))


@cache
def _shipped() -> KnowledgeBase:
    return read(SHIPPED, name="ai").knowledge_base


@cache
def _idf() -> Callable[[str], float]:
    """How telling a word is among the shipped passages and all of the pairs."""
    pairs = enumerate((*DISAGREEING, *AGREEING))
    made = [topic for i, pair in pairs for topic in _topics(f"pair{i}", pair)]
    passages = [p for topic in (*_shipped().topics, *made) for p in passages_of(topic)]
    return Bm25.build([full_text(passage) for passage in passages]).idf


def _disagree(pair: Pair) -> bool:
    passages = [passage for topic in _topics("pair", pair) for passage in passages_of(topic)]
    return bool(disagreements(passages, _idf()))


@pytest.mark.parametrize("position", range(len(DISAGREEING)))
def test_one_quantity_with_two_values_is_found(position: int) -> None:
    assert _disagree(DISAGREEING[position]), DISAGREEING[position]


@pytest.mark.parametrize("position", range(len(AGREEING)))
def test_two_quantities_are_no_conflict(position: int) -> None:
    assert not _disagree(AGREEING[position]), AGREEING[position]


def test_there_are_enough_pairs() -> None:
    assert len(DISAGREEING) >= 20
    assert len(AGREEING) >= 40


def test_no_topic_of_the_shipped_knowledge_base_disagrees_with_itself() -> None:
    for topic in _shipped().topics[::6]:
        assert disagreements(passages_of(topic), _idf()) == [], topic.slug
