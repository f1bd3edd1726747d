"""Synthetic vectors in growing numbers: which kind of search for which size."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

import numpy as np

from index.encoders import Vectors
from index.vectors import Rows, VectorKind
from index.vectors.faiss_store import FaissVectors, open_faiss, write_faiss
from scripts.bench.measure import peak_mb, run, summary, table, timed, work_dir

__all__ = ["figures"]

_DIMENSION = 384
_QUERIES = 100
_TRUTH = "truth.npy"


def figures(sizes: list[int], kinds: list[str]) -> str:
    """Measure each kind at each size, each in a process of its own; return Markdown."""
    rows: list[tuple[object, ...]] = []
    for size in sizes:
        folder = work_dir("ladder")
        for kind in kinds:
            base = [sys.executable, "-m", "scripts.bench.ladder"]
            made = run([*base, "build", str(folder), str(size), kind]).lines[0]
            (found,) = run([*base, "ask", str(folder), str(size), kind]).lines
            rows.append(
                (size, kind, made["seconds"], made["mb"], found["peak_mb"], found["recall"],
                 found["median"], found["p95"], found["pool"], found["open"])
            )  # fmt: skip
            print(f"{kind} at {size}: done", file=sys.stderr, flush=True)
    return table(
        ["vectors", "kind", "build s", "files MB", "peak MB while asked", "recall@10",
         "median ms, k=10", "95th", "median ms, k=512", "open ms"], rows,
    )  # fmt: skip


def synthetic(count: int) -> Vectors:
    """Make unit vectors in overlapping clusters, of unequal size, as embeddings of topics are.

    Shape: (count, 384).
    """
    random = np.random.default_rng(7)
    clusters = max(16, int(count**0.5))
    centres = random.standard_normal((clusters, _DIMENSION), np.float32)
    share = random.pareto(1.5, clusters) + 0.1
    owner = random.choice(clusters, count, p=share / share.sum())
    vectors = centres[owner]
    for start in range(0, count, 100_000):
        part = vectors[start : start + 100_000]
        part += 0.9 * random.standard_normal(part.shape, np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def _queries(vectors: Vectors) -> Vectors:
    """Make queries near stored vectors, as questions are near their paraphrases."""
    random = np.random.default_rng(8)
    near = vectors[random.choice(len(vectors), _QUERIES)]
    near = near + 0.03 * random.standard_normal(near.shape, np.float32)
    return cast(Vectors, near / np.linalg.norm(near, axis=1, keepdims=True))


def _build(folder: Path, size: int, kind: VectorKind) -> dict[str, float]:
    vectors = synthetic(size)
    queries = _queries(vectors)
    started = time.perf_counter()
    write_faiss(folder, vectors, kind)
    seconds = time.perf_counter() - started
    names = ["vectors.faiss"] + (["neighbours.faiss"] if kind != "flat" else [])
    np.save(folder / "queries.npy", queries)
    np.save(folder / _TRUTH, open_faiss(folder, "flat").search(queries, 10)[1])
    return {"seconds": seconds, "mb": sum((folder / n).stat().st_size for n in names) / 1e6}


def _ask(folder: Path, kind: VectorKind) -> dict[str, float]:
    started = time.perf_counter()
    store: FaissVectors = open_faiss(folder, kind)
    opened = (time.perf_counter() - started) * 1e3
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / _TRUTH)
    found = store.search(queries, 10)[1]
    median, p95 = summary(timed(_searches(store, queries, 10)))
    pool, _ = summary(timed(_searches(store, queries[:30], 512)))
    return {
        "recall": _recall(found, truth), "median": median, "p95": p95, "pool": pool,
        "open": opened, "peak_mb": peak_mb(),
    }  # fmt: skip


def _searches(store: FaissVectors, queries: Vectors, k: int) -> Iterator[Search]:
    return (Search(store, query[np.newaxis], k) for query in queries)


class Search:
    """One search, to be timed."""

    def __init__(self, store: FaissVectors, query: Vectors, k: int) -> None:
        self._arguments = store, query, k

    def __call__(self) -> Rows:
        store, query, k = self._arguments
        return store.search(query, k)[1]


def _recall(found: Rows, truth: Rows) -> float:
    pairs = zip(found.tolist(), truth.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs]))


def main(action: str, folder: Path, size: int, kind: str) -> None:
    """Build or ask, and print one line of JSON."""
    if kind not in get_args(VectorKind):
        sys.exit(f"unknown kind {kind!r}: expected one of {', '.join(get_args(VectorKind))}")
    chosen = cast(VectorKind, kind)
    print(json.dumps(_build(folder, size, chosen) if action == "build" else _ask(folder, chosen)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
