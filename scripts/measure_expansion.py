"""`python -m scripts.measure_expansion`: what the questions of `index expand` gain.

A knowledge base is indexed as it was and as it was expanded, without the ways of asking that
either held before, and asked the development questions on its passages; questions on passages that
it lacks do not count, so a part of a knowledge base will do.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from index import store
from index.build import build
from index.cli import Parser, run
from index.encoders import Encoder, load_encoder
from index.retrieve import HybridRetriever
from index.sources import read_all
from index.types import KnowledgeBase
from scripts.dev_cases import dev_cases
from scripts.training.measure import figure

_WITHIN = (1, 5)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = Parser(prog="python -m scripts.measure_expansion", description=__doc__)
    parser.add_argument("--kb", required=True, help="the knowledge base as it was")
    parser.add_argument("--expanded", required=True, help="what index expand made of it")
    options = parser.parse_args(argv)
    return run("measure_expansion", lambda: _measure(options.kb, options.expanded))


def _measure(before: str, after: str) -> int:
    was = read_all([before]).knowledge_base
    now = read_all([after]).knowledge_base
    encoder = load_encoder()
    suites = ("paraphrase", "data-point")
    header = [f"{suite} @{k}" for suite in suites for k in _WITHIN]
    print(f"| index | questions in it | {' | '.join(header)} |")
    print(f"|---|---|{'---|' * len(header)}")
    bare = _less(was, was)
    for name, base in (("as it was", bare), ("expanded", _less(now, was))):
        asked = len(_also_asked(base))
        cells = [cell for suite in suites for cell in _cells(base, encoder, suite)]
        print(f"| {name} | {asked} | {' | '.join(cells)} |")
    return 0


def _also_asked(base: KnowledgeBase) -> list[str]:
    faqs = [asked for topic in base.topics for faq in topic.faqs for asked in faq.also_asked]
    return faqs + [
        asked for topic in base.topics for point in topic.data_points for asked in point.also_asked
    ]


def _less(base: KnowledgeBase, known: KnowledgeBase) -> KnowledgeBase:
    """Leave out the ways of asking that `known` has."""
    held = set(_also_asked(known))

    def new(asked: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(question for question in asked if question not in held)

    topics = tuple(
        replace(
            topic,
            faqs=tuple(replace(faq, also_asked=new(faq.also_asked)) for faq in topic.faqs),
            data_points=tuple(replace(p, also_asked=new(p.also_asked)) for p in topic.data_points),
        )
        for topic in base.topics
    )
    return KnowledgeBase(base.name, topics)


def _cells(base: KnowledgeBase, encoder: Encoder, suite: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        build(base, Path(folder), encoder)
        retriever = HybridRetriever(store.load(Path(folder), encoder.info), encoder)
        held = {passage.id for passage in retriever.index.passages}
        cases = [case for case in dev_cases(suite) if held.intersection(case["gold"])]
        hits = [retriever.search(case["question"], max(_WITHIN)).hits for case in cases]
    topics = [case["topic"] for case in cases]
    cells = []
    for k in _WITHIN:
        right = [
            any(hit.passage.id in case["gold"] for hit in found[:k])
            for case, found in zip(cases, hits, strict=True)
        ]
        cells.append(f"{figure(np.asarray(right, np.float64), topics)} ({len(cases)})")
    return cells


if __name__ == "__main__":
    sys.exit(main())
