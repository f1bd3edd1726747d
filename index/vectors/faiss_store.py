"""Vectors on one machine: FAISS, memory-mapped.

`vectors.faiss` holds the exact vectors whatever the kind. Beyond exact search `neighbours.faiss`
beside it proposes candidates, whose similarities are then computed from the exact vectors:
HNSW (Malkov and Yashunin 2020) over 8-bit codes, or inverted lists over RaBitQ codes (Gao and
Long 2024).
"""

from __future__ import annotations

import os
from math import sqrt
from pathlib import Path
from typing import Any

import faiss as typed_faiss
import numpy as np

from index.encoders import Vectors
from index.vectors import Rows, VectorKind

__all__ = ["FaissVectors", "open_faiss", "write_faiss"]

# Its type stubs know a part of it only.
faiss: Any = typed_faiss

_EXACT, _NEIGHBOURS = "vectors.faiss", "neighbours.faiss"
# So many candidates, or k if it is more, are scored exactly.
_CANDIDATES = 512
_LINKS, _EF_CONSTRUCTION = 32, 80
_TRAINED_PER_LIST = 64
_PROBED_SHARE, _LEAST_PROBED = 8, 16


class FaissVectors:
    """FAISS vectors, searched exactly or through a neighbour index. Safe to use from threads."""

    def __init__(
        self, exact: typed_faiss.Index, neighbours: typed_faiss.Index | None = None
    ) -> None:
        self._exact, self._neighbours = exact, neighbours
        self._refined = faiss.IndexRefine(neighbours, exact) if neighbours is not None else None

    @property
    def ntotal(self) -> int:
        """How many vectors there are."""
        return int(self._exact.ntotal)

    @property
    def d(self) -> int:
        """The vectors' dimension."""
        return int(self._exact.d)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """Find each query's k nearest vectors, best first.

        Shape: queries (n, d); similarities and rows (n, k).
        """
        queries = np.ascontiguousarray(queries, np.float32)
        # The setting is the calling thread's own. Sharing one query among threads costs more
        # than it saves, many times more on a busy machine; callers bring their own.
        faiss.omp_set_num_threads(1)
        if self._refined is None:
            similarities, rows = self._exact.search(queries, k)
        else:
            candidates = max(k, _CANDIDATES)
            inner = self._parameters(candidates)
            outer = faiss.IndexRefineSearchParameters(
                k_factor=candidates / k, base_index_params=inner
            )
            similarities, rows = self._refined.search(queries, k, params=outer)
        return similarities, rows

    def reconstruct(self, row: int) -> Vectors:
        """Return one vector as it was stored. Shape: (d,)."""
        return np.asarray(self._exact.reconstruct(row), np.float32)

    def _parameters(self, candidates: int) -> Any:  # noqa: ANN401 - faiss' stubs lack it
        index: Any = self._neighbours
        if isinstance(index, faiss.IndexHNSW):
            return faiss.SearchParametersHNSW(efSearch=candidates)
        probed = max(_LEAST_PROBED, index.nlist // _PROBED_SHARE)
        return faiss.IVFRaBitQSearchParameters(nprobe=probed)


def write_faiss(home: Path, vectors: Vectors, kind: VectorKind) -> None:
    """Write vectors to a directory. The same vectors give the same bytes.

    Shape: vectors (n, d).

    Raises:
        RuntimeError: a file could not be written.
    """
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    faiss.write_index(exact, str(home / _EXACT))
    if kind != "flat":
        faiss.write_index(_neighbours(vectors, kind), str(home / _NEIGHBOURS))


def open_faiss(home: Path, kind: VectorKind, fingerprint: str = "") -> FaissVectors:
    """Map what `write_faiss` wrote into memory; nothing is read until it is searched.

    Raises:
        RuntimeError: a file can't be read.
    """
    exact = faiss.read_index(str(home / _EXACT), faiss.IO_FLAG_MMAP_IFC)
    if kind == "flat":
        return FaissVectors(exact)
    return FaissVectors(exact, faiss.read_index(str(home / _NEIGHBOURS), faiss.IO_FLAG_MMAP_IFC))


def _neighbours(vectors: Vectors, kind: VectorKind) -> Any:  # noqa: ANN401 - faiss' stubs lack it
    count, dimension = vectors.shape
    # Threads would link an HNSW graph in the order they happen to run in.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    if kind == "hnsw":
        faiss.omp_set_num_threads(1)
        index = faiss.index_factory(dimension, f"HNSW{_LINKS}_SQ8", faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _EF_CONSTRUCTION
        sample = vectors
    else:
        lists = max(1, min(int(4 * sqrt(count)), count // 32))
        index = faiss.index_factory(dimension, f"IVF{lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1  # few are enough for a small test, without a warning
        step = max(1, count // (lists * _TRAINED_PER_LIST))
        sample = np.ascontiguousarray(vectors[::step])
    try:
        index.train(sample)
        index.add(vectors)
    finally:
        faiss.omp_set_num_threads(threads)
    return index
