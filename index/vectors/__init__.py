"""Where an index's vectors are searched: exactly while they are few, approximately beyond.

Every kind keeps the exact vectors and scores its candidates with them, so that similarities
mean the same whatever the kind, and the vectors of unchanged texts can be reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from index.encoders import Vectors
from index.errors import IndexUnusable

__all__ = [
    "FLAT_UP_TO", "HNSW_UP_TO", "Rows", "VectorChoice", "VectorKind", "VectorOpener",
    "VectorStore", "best_first", "choose",
]  # fmt: skip

VectorKind = Literal["flat", "hnsw", "ivf"]
VectorChoice = Literal["auto", "flat", "hnsw", "ivf"]
Rows = NDArray[np.int64]

# The sizes, in vectors, up to which `auto` takes a kind; docs/speed.md has the measurements.
FLAT_UP_TO = 50_000
HNSW_UP_TO = 1_000_000


class VectorStore(Protocol):
    """Vectors by row, searched by inner product."""

    @property
    def ntotal(self) -> int:
        """How many vectors there are."""

    @property
    def d(self) -> int:
        """The vectors' dimension."""

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """Find each query's k nearest vectors: similarities and rows, best first.

        Where fewer are found the rest have row -1.

        Shape: queries (n, d); similarities and rows (n, k).
        """

    def reconstruct(self, row: int) -> Vectors:
        """Return one vector as it was stored. Shape: (d,)."""


class VectorOpener(Protocol):
    """Opens the vectors of an index directory that was checked."""

    def __call__(self, home: Path, kind: VectorKind, fingerprint: str) -> VectorStore:
        """Open the vectors that lie in `home`."""


def choose(choice: VectorChoice, count: int) -> VectorKind:
    """Turn the setting into the kind for `count` vectors.

    Raises:
        IndexUnusable: there is no such kind.
    """
    if choice not in get_args(VectorChoice):
        raise IndexUnusable(
            f"unknown kind of vectors {choice!r}: expected one of "
            f"{', '.join(get_args(VectorChoice))}"
        )
    if choice != "auto":
        return choice
    if count <= FLAT_UP_TO:
        return "flat"
    return "hnsw" if count <= HNSW_UP_TO else "ivf"


def best_first(found: Sequence[Sequence[tuple[float, int]]], k: int) -> tuple[Vectors, Rows]:
    """Lay (similarity, row) pairs out as `VectorStore.search` returns them, ties by row."""
    similarities = np.full((len(found), k), -np.inf, np.float32)
    rows = np.full((len(found), k), -1, np.int64)
    for i, pairs in enumerate(found):
        ordered = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:k]
        for j, (similarity, row) in enumerate(ordered):
            similarities[i, j], rows[i, j] = similarity, row
    return similarities, rows
