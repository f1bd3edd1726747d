"""Questions to offer: a persona's examples at first, the knowledge base's own later on."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.ui.conversation import Answering, Turn
from index.errors import CitewiseError
from index.types import Passage, PassageKind

__all__ = ["examples", "follow_ups"]


def examples(
    own: Sequence[str], pipeline: Answering, chance: random.Random, count: int
) -> list[str]:
    """Pick of a persona's own examples, others on each visit; the knowledge base's without any."""
    pool = list(own) or [p.heading for p in _questions(pipeline)]
    return chance.sample(pool, min(count, len(pool)))


def follow_ups(turns: Sequence[Turn], pipeline: Answering, count: int) -> list[str]:
    """Pick questions of the topics that the last answer cites, that were not asked or used."""
    last = turns[-1]
    if last.retrieved is None:
        return []
    cited = {citation.ref for turn in turns for citation in turn.citations}
    asked = {turn.question.casefold() for turn in turns}
    topics = [ref.split("/", 1)[0] for ref in (c.ref for c in last.citations)]
    topics += [hit.passage.topic for hit in last.retrieved.hits]
    order = {topic: rank for rank, topic in reversed(list(enumerate(topics)))}
    near = {hit.passage.id: rank for rank, hit in enumerate(last.retrieved.hits)}
    open_ones = [
        passage
        for passage in _questions(pipeline)
        if passage.topic in order
        and passage.id not in cited
        and passage.heading.casefold() not in asked
    ]
    open_ones.sort(key=lambda p: (near.get(p.id, len(near)), order[p.topic]))
    return [passage.heading for passage in open_ones[:count]]


def _questions(pipeline: Answering) -> list[Passage]:
    try:
        passages = pipeline.index.passages
    except CitewiseError:
        return []
    return [
        passage
        for passage in passages
        if passage.kind is PassageKind.FAQ
        or (passage.kind is PassageKind.SECTION and passage.heading.endswith("?"))
    ]
