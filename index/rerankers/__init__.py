"""Rerankers read a query and a passage together, which is slower than vectors and sees more.

A reranker orders the first passages that retrieval found anew (Nogueira and Cho 2019, "Passage
re-ranking with BERT"). The index knows nothing of it: it can be switched on and off at will.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from index.types import SearchHits

__all__ = ["DEPTH", "Engine", "Reranker", "Scores", "load_reranker", "rerank"]

Scores = NDArray[np.float32]
Engine = Literal["auto", "openvino", "torch"]
# How many passages are read by default.
DEPTH = 20


class Reranker(Protocol):
    """Anything that judges how well passages answer a query."""

    @property
    def name(self) -> str:
        """The reranker's name."""

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        """Score texts for a query, higher is better. Shape: (len(texts),).

        Safe to call from several threads.
        """


def rerank(reranker: Reranker, found: SearchHits, depth: int = DEPTH) -> SearchHits:
    """Order the first `depth` hits by the reranker; the others follow as they were.

    Each reordered hit keeps its fused score; its trace gains `rerank` (the reranker's score),
    `fused_rank` and `rerank_rank` (its place before and after, from 1). Equal scores keep the
    order that they came in.
    """
    started = time.perf_counter()
    head = found.hits[:depth]
    texts = [f"{hit.passage.heading} {hit.passage.text}" for hit in head]
    scores = reranker.scores(found.query, texts) if texts else np.empty(0, np.float32)
    order = np.argsort(-scores, kind="stable").tolist()
    moved = tuple(
        replace(
            head[row],
            trace={
                **head[row].trace,
                "rerank": float(scores[row]),
                "fused_rank": float(row + 1),
                "rerank_rank": float(rank),
            },
        )
        for rank, row in enumerate(order, start=1)
    )
    elapsed = (time.perf_counter() - started) * 1e3
    return replace(
        found,
        hits=moved + found.hits[depth:],
        timings_ms={**found.timings_ms, "rerank": elapsed},
    )


def load_reranker(name: str, *, engine: Engine = "auto") -> Reranker:
    """Load a cross-encoder by a local folder or a model hub's name.

    Args:
        name: a folder, or a name on a hub such as `cross-encoder/ms-marco-MiniLM-L6-v2`.
        engine: `openvino` runs local BERT folders without torch, `torch` whatever
            sentence-transformers runs, on a GPU if there is one; `auto` takes the first where
            it can.

    Raises:
        WeightsError: the weights are missing or not of a kind that the engine runs.
    """
    from index.rerankers.openvino_cross_encoder import OpenVinoCrossEncoder, runs_without_torch

    if engine == "openvino" or (engine == "auto" and runs_without_torch(Path(name))):
        return OpenVinoCrossEncoder(Path(name), name)
    from index.rerankers.torch_cross_encoder import TorchCrossEncoder

    return TorchCrossEncoder(name)
