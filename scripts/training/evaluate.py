"""Ranks of the right passages, measured through the index and the retriever that serve."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index import store
from index.build import build
from index.encoders import Encoder
from index.retrieve import FusionSettings, HybridRetriever
from index.types import KnowledgeBase
from scripts.training.data import EvaluationCase, unasked
from scripts.training.measure import Estimate, figure, found_within

__all__ = ["ComparisonRow", "compare", "without_also_asked"]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One line of the before-and-after table: a measure on a set, under two encoders."""

    knowledge_base: str
    kind: str
    retrieval: str
    measure: str
    before: Estimate
    after: Estimate
    gain: Estimate


def without_also_asked(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """Leave out the other ways of asking, so that no index holds a question to measure by."""
    topics = tuple(unasked(topic) for topic in knowledge_base.topics)
    return replace(knowledge_base, topics=topics)


def compare(
    knowledge_base: KnowledgeBase, cases: Sequence[EvaluationCase], before: Encoder, after: Encoder
) -> list[ComparisonRow]:
    """Measure two encoders on the same questions over the same passages of all topics."""
    ranks = {
        name: _ranks(without_also_asked(knowledge_base), cases, encoder)
        for name, encoder in (("before", before), ("after", after))
    }
    rows = []
    for retrieval in ("dense", "hybrid"):
        for kind in ("faq", "data"):
            mine = [i for i, case in enumerate(cases) if f"/{kind}/" in case.gold[0]]
            mine = [i for i in mine if ranks["before"][retrieval][i] > 0]
            topics = [cases[i].topic for i in mine]
            for k in (1, 5):
                old, new = (
                    found_within([ranks[name][retrieval][i] for i in mine], k)
                    for name in ("before", "after")
                )
                rows.append(
                    ComparisonRow(
                        knowledge_base.name,
                        "FAQ" if kind == "faq" else "data point",
                        retrieval,
                        f"recall@{k}",
                        figure(old, topics),
                        figure(new, topics),
                        figure(new - old, topics),
                    )
                )
    return rows


def _ranks(
    knowledge_base: KnowledgeBase, cases: Sequence[EvaluationCase], encoder: Encoder
) -> dict[str, list[int]]:
    """Rank the first right passage of each question; 0 where the knowledge base has none."""
    with tempfile.TemporaryDirectory() as folder:
        build(knowledge_base, Path(folder), encoder)
        index = store.load(Path(folder), encoder.info)
        held = {passage.id for passage in index.passages}
        found: dict[str, list[int]] = {}
        for name, settings in (("dense", FusionSettings(dense_weight=1.0)), ("hybrid", None)):
            retriever = HybridRetriever(index, encoder, settings)
            found[name] = []
            for case in cases:
                gold = held.intersection(case.gold)
                hits = retriever.search(case.question, len(held)).hits if gold else ()
                places = [n for n, hit in enumerate(hits, 1) if hit.passage.id in gold]
                found[name].append(min(places, default=0))
        return found
