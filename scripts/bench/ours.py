"""Citewise's own figures: latency, cold start, memory, build, load, threads, fidelity."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from index import store
from index.build import build
from index.encoders import Encoder, load_encoder
from index.retrieve import HybridRetriever
from index.sources import SHIPPED, read_all
from index.types import KnowledgeBase
from scripts.bench.measure import run, summary, table, timed, work_dir

__all__ = ["figures", "questions", "scaling"]

_WARM_UP = 40
_COLD_RUNS = 5
_SAMPLED_TEXTS = 640


def questions(knowledge_base: KnowledgeBase, count: int) -> list[str]:
    """Take questions from a knowledge base, of all lengths, in a fixed random order."""
    asked = [
        question
        for topic in knowledge_base.topics
        for faq in topic.faqs
        for question in (faq.question, *faq.also_asked)
    ]
    random.Random(1).shuffle(asked)
    return asked[:count]


def figures(count: int) -> str:
    """Measure everything but the peers and the ladder; return Markdown."""
    knowledge_base = read_all([f"ai={SHIPPED}"]).knowledge_base
    encoder = load_encoder()
    folder = work_dir("shipped")
    build(knowledge_base, folder, encoder)
    asked = questions(knowledge_base, count + _WARM_UP)
    rows = [
        *_latency(folder, encoder, asked),
        *_loading(folder),
        *_cold(folder, asked[0]),
        *_fidelity_and_build(folder, encoder, asked[:100]),
    ]
    return table(["figure", "value", "goal"], rows) + "\n" + _threads(folder, encoder, asked)


def _latency(folder: Path, encoder: Encoder, asked: list[str]) -> list[tuple[object, ...]]:
    index = store.load(folder, encoder.info)
    retriever = HybridRetriever(index, encoder)
    for question in asked[:_WARM_UP]:
        retriever.search(question, 8)
    asked = asked[_WARM_UP:]
    whole = summary(timed([partial(retriever.search, q, 8) for q in asked]))
    used = time.process_time()
    for question in asked:
        retriever.search(question, 8)
    used = (time.process_time() - used) / len(asked) * 1e3
    encoding = summary(timed([partial(encoder.encode_queries, [q]) for q in asked]))
    about = f"{len(asked)} questions, {len(index.passages)} passages, {index.vectors.ntotal} texts"
    return [
        (f"a query, encoder included, median ({about})", f"{whole[0]:.2f} ms", "≤ 5 ms"),
        ("the same, 95th percentile", f"{whole[1]:.2f} ms", ""),
        ("its processor time, all cores together, mean", f"{used:.2f} ms", ""),
        ("of which encoder, median / 95th", f"{encoding[0]:.2f} / {encoding[1]:.2f} ms", ""),
    ]


def _loading(folder: Path) -> list[tuple[object, ...]]:
    median, p95 = summary(timed([partial(store.load, folder)] * 15))
    size = sum(p.stat().st_size for p in (folder / "current/").rglob("*") if p.is_file()) / 1e6
    return [
        (f"load of the index ({size:.1f} MB, every file hashed), median / 95th",
         f"{median:.0f} / {p95:.0f} ms", "< 100 ms"),
    ]  # fmt: skip


def _cold(folder: Path, question: str) -> list[tuple[object, ...]]:
    command = [sys.executable, "-m", "scripts.bench.cold", str(folder), question]
    runs = [run(command) for _ in range(_COLD_RUNS)]
    first = sorted(one.first_line for one in runs)
    peak = max(one.lines[-1]["peak_mb"] for one in runs)
    return [
        (f"cold process to its first hits, median of {_COLD_RUNS} (best)",
         f"{first[len(first) // 2]:.2f} s ({first[0]:.2f} s)", "≤ 1 s"),
        ("its peak memory", f"{peak:.0f} MB", "< 250 MB"),
    ]  # fmt: skip


def _fidelity_and_build(
    folder: Path, encoder: Encoder, asked: list[str]
) -> list[tuple[object, ...]]:
    """Compare with plain sentence-transformers, on the same texts in the same run."""
    from sentence_transformers import SentenceTransformer

    from index.weights import MINILM

    texts = [entry.text for entry in store.load(folder).texts]
    random.Random(2).shuffle(texts)
    texts = texts[:_SAMPLED_TEXTS]
    reference = SentenceTransformer(str(MINILM.locate().parent))
    started = time.perf_counter()
    theirs = reference.encode(texts, show_progress_bar=False)
    plain = time.perf_counter() - started
    started = time.perf_counter()
    mine = encoder.encode_passages(texts)
    ours = time.perf_counter() - started
    best_theirs = np.argsort(-reference.encode(asked, show_progress_bar=False) @ theirs.T, axis=1)[
        :, :10
    ]
    # The same model on both sides: the trained question tower is to differ.
    same = load_encoder(MINILM.name).encode_queries(asked)
    best_mine = np.argsort(-same @ mine.T, axis=1)[:, :10]
    pairs = zip(best_mine.tolist(), best_theirs.tolist(), strict=True)
    overlap = float(np.mean([len(set(a) & set(b)) / 10 for a, b in pairs]))
    return [
        (f"encoding {len(texts)} texts for an index: here / plain sentence-transformers",
         f"{ours:.1f} / {plain:.1f} s, {plain / ours:.1f} times as fast", "≥ 4 times"),
        (f"overlap of the top 10 with the reference encoder's ({len(asked)} questions)",
         f"{overlap:.4f}", "≥ 0.99"),
    ]  # fmt: skip


def scaling(count: int, threads: Sequence[int]) -> str:
    """Measure queries from many threads alone; return Markdown."""
    knowledge_base = read_all([f"ai={SHIPPED}"]).knowledge_base
    encoder = load_encoder()
    folder = work_dir("shipped")
    build(knowledge_base, folder, encoder)
    return _threads(folder, encoder, questions(knowledge_base, count + _WARM_UP), threads)


def _threads(
    folder: Path, encoder: Encoder, asked: list[str], threads: Sequence[int] = (1, 2, 4, 8, 16)
) -> str:
    retriever = HybridRetriever(store.load(folder, encoder.info), encoder)

    def hits(question: str) -> list[tuple[str, float]]:
        return [(hit.passage.id, hit.score) for hit in retriever.search(question, 8).hits]

    wanted = [hits(question) for question in asked]
    rows: list[tuple[object, ...]] = []
    alone = 0.0
    for number in threads:
        with ThreadPoolExecutor(number) as pool:
            list(pool.map(hits, asked[:_WARM_UP]))
            started = time.perf_counter()
            found = list(pool.map(hits, asked))
            rate = len(asked) / (time.perf_counter() - started)
        alone = alone or rate
        same = sum(a == b for a, b in zip(found, wanted, strict=True)) / len(asked)
        rows.append((number, rate, f"{rate / alone:.2f}", f"{same:.0%}"))
    return table(
        ["threads", "queries a second", f"times {threads[0]} thread's", "same as from one"], rows
    )
