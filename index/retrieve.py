"""Query -> ranked hits: dense max-pooling and BM25, fused, with a trace of every stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from index.encoders import Encoder, Vectors
from index.store import LoadedIndex
from index.types import Hit, SearchResult

__all__ = ["FusionSettings", "HybridRetriever", "Retriever"]

# Where passages of other topics are looked for.
_CONSIDERED = 32


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """How stages are combined.

    `dense_weight` is the dense share of the fused score, 0 to 1 (1 switches BM25 off).
    `pool` is the number of embedded texts that the dense stage fetches before pooling.
    The hits from `ranked` to `varied` leave room for a second topic: a passage whose topic has
    `per_topic` hits yields there to the next one of another topic. Another form of the query
    counts for `other_forms` of its score. docs/retrieval.md says what each was chosen by.
    """

    dense_weight: float = 0.9
    pool: int = 512
    ranked: int = 5
    varied: int = 8
    per_topic: int = 3
    other_forms: float = 0.9


class Retriever(Protocol):
    """Anything that ranks passages for a query, given in one or several forms."""

    def search(self, query: str, k: int, *, also: Sequence[str] = ()) -> SearchResult:
        """Return the k best passages, best first."""


class HybridRetriever:
    """Exact inner-product search with max-pooling over a passage's texts, fused with BM25.

    A passage's dense score is the maximum over its texts' inner products with the query. The
    fused score is w · dense + (1 - w) · bm25 / max(bm25), the maximum taken over the passages
    of this query; with several forms of a query a passage keeps its best fused score.
    """

    def __init__(
        self, index: LoadedIndex, encoder: Encoder, settings: FusionSettings | None = None
    ) -> None:
        self.index, self.encoder = index, encoder
        self.settings = settings or FusionSettings()
        # One query is too little work to share among threads; callers bring their own.
        faiss.omp_set_num_threads(1)

    def search(self, query: str, k: int, *, also: Sequence[str] = ()) -> SearchResult:
        """Return the k best passages for a query.

        Args:
            query: the question that stands alone.
            k: how many hits at most; the index may hold fewer passages.
            also: other forms of the same question (a follow-up as it was typed).
        """
        started = time.perf_counter()
        forms = [query, *also]
        vectors = self.encoder.encode_queries(forms)
        encoded = time.perf_counter()
        dense = np.stack([self._dense(vector) for vector in vectors])
        searched = time.perf_counter()
        lexical = np.stack([self.index.lexical.scores(form) for form in forms])
        scored = time.perf_counter()
        weight = self.settings.dense_weight
        fused_forms = weight * dense + (1 - weight) * _normalized(lexical)
        fused_forms[1:] *= self.settings.other_forms
        best_form = fused_forms.argmax(axis=0)
        fused = fused_forms.max(axis=0)
        hits = self._hits(fused, dense, lexical, best_form, k)
        done = time.perf_counter()
        return SearchResult(
            query,
            hits,
            {
                "encode": (encoded - started) * 1e3,
                "dense": (searched - encoded) * 1e3,
                "lexical": (scored - searched) * 1e3,
                "fuse": (done - scored) * 1e3,
            },
        )

    def _dense(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pool the nearest texts' similarities by passage. Shape: (passages,)."""
        texts = len(self.index.texts)
        pooled = np.zeros(len(self.index.passages), np.float32)
        similarities, rows = self.index.vectors.search(
            vector[np.newaxis], min(texts, self.settings.pool)
        )
        found = rows[0] >= 0
        np.maximum.at(pooled, self.index.owners[rows[0][found]], similarities[0][found])
        return pooled

    def _hits(
        self,
        fused: NDArray[np.float32],
        dense: NDArray[np.float32],
        lexical: NDArray[np.float32],
        best_form: NDArray[np.intp],
        k: int,
    ) -> tuple[Hit, ...]:
        order = self._with_variety(np.argsort(-fused, kind="stable")[: max(k, _CONSIDERED)])[:k]
        ranks = {"dense": _ranks(dense.max(axis=0)), "lexical": _ranks(lexical.max(axis=0))}
        return tuple(
            Hit(
                self.index.passages[row],
                float(fused[row]),
                {
                    "dense": float(dense[best_form[row], row]),
                    "lexical": float(lexical[best_form[row], row]),
                    "dense_rank": float(ranks["dense"][row]),
                    "lexical_rank": float(ranks["lexical"][row]),
                },
            )
            for row in order
        )

    def _with_variety(self, order: NDArray[np.intp]) -> list[int]:
        """Reorder passages so that a topic does not crowd the others out of the first hits."""
        settings = self.settings
        rows = [int(row) for row in order]
        first = rows[: settings.ranked]
        for row in rows[settings.ranked :]:
            if len(first) >= settings.varied:
                break
            topic = self.index.passages[row].topic
            taken = sum(self.index.passages[other].topic == topic for other in first)
            if taken < settings.per_topic:
                first.append(row)
        chosen = set(first)
        return first + [row for row in rows if row not in chosen]


def _normalized(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    top: Vectors = scores.max(axis=1, keepdims=True)
    return np.divide(scores, top, out=np.zeros_like(scores), where=top > 0)


def _ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rank scores from 1, best first. Shape: as given."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
