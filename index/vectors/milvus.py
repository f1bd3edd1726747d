"""Vectors in Milvus, for those who outgrow one machine.

The index directory stays the truth: the first process that opens an index here copies its
vectors to a collection named after the fingerprint; others find it complete. The same code
talks to a cluster (`https://…`), a single server or, in tests, a file of Milvus Lite.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from index.encoders import Vectors
from index.errors import IndexUnusable
from index.vectors import Rows, VectorKind, VectorOpener, VectorStore, best_first
from index.vectors.faiss_store import open_faiss

__all__ = ["MilvusVectors", "milvus_opener"]

_BATCH = 1000
_MOST = 16_384  # Milvus gives no more for one query


class MilvusVectors:
    """One collection, searched by inner product."""

    def __init__(self, client: Any, collection: str, dimension: int, count: int) -> None:  # noqa: ANN401 - pymilvus is optional
        self._client, self._collection = client, collection
        self._dimension, self._count = dimension, count

    @property
    def ntotal(self) -> int:
        """How many vectors there are."""
        return self._count

    @property
    def d(self) -> int:
        """The vectors' dimension."""
        return self._dimension

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Rows]:
        """Find each query's k nearest vectors, best first, at most 16,384 of them.

        Shape: queries (n, d); similarities and rows (n, k).

        Raises:
            IndexUnusable: Milvus can't be reached or refuses.
        """
        with _refusals(self._collection):
            answers = self._client.search(
                self._collection,
                data=[query.tolist() for query in np.asarray(queries, np.float32)],
                limit=min(k, _MOST, max(1, self._count)),
                search_params={"metric_type": "IP"},
                consistency_level="Strong",
            )
        found = [[(float(hit["distance"]), int(hit["id"])) for hit in hits] for hits in answers]
        return best_first(found, k)

    def reconstruct(self, row: int) -> Vectors:
        """Return one vector as it was stored. Shape: (d,).

        Raises:
            IndexUnusable: Milvus can't be reached or has no such row.
        """
        with _refusals(self._collection):
            rows = self._client.get(self._collection, ids=[row], output_fields=["vector"])
        if not rows:
            raise IndexUnusable(
                f"Milvus collection {self._collection} has no row {row}, expected 0 to "
                f"{self._count - 1}; drop the collection and start again, which fills it"
            )
        return np.asarray(rows[0]["vector"], np.float32)


def milvus_opener(uri: str, token: str = "") -> VectorOpener:  # nosec B107
    """Make what `store.load(..., open_vectors=...)` takes to search an index in Milvus.

    Args:
        uri: `http(s)://host:port` of a server or cluster, or a Milvus Lite file (`*.db`).
        token: `user:password` or an API key; empty for none.

    Raises:
        IndexUnusable: pymilvus is not installed, or Milvus can't be reached.
    """
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise IndexUnusable(
            f"vectors in Milvus need pymilvus ({error}); install it with: "
            "python -m pip install 'pymilvus>=2.6'"
        ) from error
    with _refusals(uri):
        client = MilvusClient(uri=uri, token=token)

    def open_vectors(home: Path, kind: VectorKind, fingerprint: str) -> VectorStore:
        exact = open_faiss(home, "flat")
        collection = f"citewise_{fingerprint}"
        with _refusals(uri):
            _fill(client, collection, exact)
        return MilvusVectors(client, collection, exact.d, exact.ntotal)

    return open_vectors


@contextmanager
def _refusals(place: str) -> Iterator[None]:
    """Turn what pymilvus raises into one line."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, OSError) as error:
        reason = " ".join(str(error).split())
        raise IndexUnusable(
            f"Milvus at {place} refused: {reason}; expected a server that answers and lets this "
            "user read and fill the collection; check its address and token"
        ) from error


def _fill(client: Any, collection: str, exact: VectorStore) -> None:  # noqa: ANN401
    """Copy the vectors that the collection lacks; by row, so that doing it twice is no harm."""
    if not client.has_collection(collection):
        client.create_collection(
            collection,
            dimension=exact.d,
            metric_type="IP",
            primary_field_name="id",
            vector_field_name="vector",
            auto_id=False,
            consistency_level="Strong",
        )
    client.load_collection(collection)
    counted = client.query(
        collection, filter="", output_fields=["count(*)"], consistency_level="Strong"
    )
    if int(counted[0]["count(*)"]) == exact.ntotal:
        return
    for start in range(0, exact.ntotal, _BATCH):
        rows = range(start, min(start + _BATCH, exact.ntotal))
        client.upsert(
            collection,
            [{"id": row, "vector": exact.reconstruct(row).tolist()} for row in rows],
        )
    client.flush(collection)
