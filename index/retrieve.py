"""Query -> ranked hits: dense max-pooling and BM25, fused; the best are read again, all traced."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from index.asked import AskedWords
from index.encoders import Encoder, TokenEncoder, TokenVectors, Vectors
from index.store import LoadedIndex
from index.types import Hit, SearchHits

__all__ = ["FusionSettings", "HybridRetriever", "Retriever"]


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """How stages are combined.

    `dense_weight` is the dense share of the fused score, 0 to 1 (1 switches BM25 off).
    `pool` is the number of embedded texts that the dense stage fetches before pooling.
    The hits from `ranked` to `varied` leave room for a second topic: a passage whose topic has
    `per_topic` hits yields there to the next one of another topic. Another form of the query
    counts for `other_forms` of its score. The best `reread` passages are read again: late
    interaction counts for `late_weight` of the fused score (0 switches it off), the share of the
    query's words in what a passage is asked for for `asked_weight`, and the dense score is then
    the mean of the passage's two best texts. docs/retrieval.md says what each was chosen by.
    """

    dense_weight: float = 0.75
    pool: int = 512
    ranked: int = 5
    varied: int = 8
    per_topic: int = 3
    other_forms: float = 0.9
    late_weight: float = 1.0
    asked_weight: float = 0.4
    reread: int = 24


class Retriever(Protocol):
    """Anything that ranks passages for a query, given in one or several forms."""

    def search(self, query: str, k: int, *, also: Sequence[str] = ()) -> SearchHits:
        """Return the k best passages, best first."""


class HybridRetriever:
    """Exact inner-product search with max-pooling over a passage's texts, fused with BM25.

    A passage's dense score is the maximum over its texts' inner products with the query. The
    fused score is w · dense + (1 - w) · bm25 / max(bm25), the maximum taken over the passages
    of this query; with several forms of a query a passage keeps its best score. The best are
    read again: see `FusionSettings`.
    """

    def __init__(
        self, index: LoadedIndex, encoder: Encoder, settings: FusionSettings | None = None
    ) -> None:
        self.index, self.encoder = index, encoder
        self.settings = settings or FusionSettings()
        self._asked = AskedWords(index)
        self._texts_each = np.bincount(index.owners, minlength=len(index.passages))
        # One query is too little work to share among threads; callers bring their own.
        faiss.omp_set_num_threads(1)
        threadpool_limits(1, user_api="blas")

    def search(self, query: str, k: int, *, also: Sequence[str] = ()) -> SearchHits:
        """Return the k best passages for a query.

        Args:
            query: the question that stands alone.
            k: how many hits at most; the index may hold fewer passages.
            also: other forms of the same question (a follow-up as it was typed).
        """
        forms = [query, *also]
        watch = _Watch()
        vectors, tokens = self._encode(forms)
        watch.lap("encode")
        pooled = [self._dense(vector) for vector in vectors]
        dense = np.stack([best for best, _ in pooled])
        watch.lap("dense")
        lexical = np.stack([self.index.lexical.scores(form) for form in forms])
        watch.lap("lexical")
        weight = self.settings.dense_weight
        fused = weight * dense + (1 - weight) * _normalized(lexical)
        fused[1:] *= self.settings.other_forms
        candidates = np.argsort(-fused.max(axis=0), kind="stable")[: max(k, self.settings.reread)]
        watch.lap("fuse")
        late = self._late(tokens, candidates, len(forms))
        asked = np.zeros_like(fused)
        asked[:, candidates] = [self._asked.shares(form, candidates.tolist()) for form in forms]
        again = self.settings.late_weight * late.scores + self.settings.asked_weight * asked
        again -= weight / 2 * (dense - np.stack([second for _, second in pooled]))
        again[1:] *= self.settings.other_forms
        total = (fused + again).astype(np.float32)
        watch.lap("late")
        stages = {"dense": dense, "lexical": lexical, "late": late.scores, "asked": asked}
        hits = self._hits(_Scores(total, stages, late.met), candidates, k)
        return SearchHits(query, hits, watch.laps, late.weights)

    def _encode(self, forms: Sequence[str]) -> tuple[Vectors, tuple[TokenVectors, ...]]:
        """Encode a query's forms, with their tokens where the index holds the passages'."""
        if (
            self.index.late is not None
            and self.settings.late_weight > 0
            and isinstance(self.encoder, TokenEncoder)
        ):
            return self.encoder.encode_query_tokens(forms)
        return self.encoder.encode_queries(forms), ()

    def _dense(self, vector: NDArray[np.float32]) -> tuple[Vectors, Vectors]:
        """Pool the nearest texts' similarities by passage: its best, and its second best text's.

        A text that is not among the nearest counts as the last of them at most; a passage of one
        text has no second one, and its best counts twice. Shape of each: (passages,).
        """
        texts = len(self.index.texts)
        similarities, rows = self.index.vectors.search(
            vector[np.newaxis], min(texts, self.settings.pool)
        )
        found = rows[0] >= 0
        near, owners = similarities[0][found], self.index.owners[rows[0][found]]
        best = np.zeros(len(self.index.passages), np.float32)
        np.maximum.at(best, owners, near)
        firsts = np.unique(owners, return_index=True)[1]
        others = np.delete(np.arange(len(owners)), firsts)
        second = np.minimum(best, near.min(initial=1.0))
        np.maximum.at(second, owners[others], near[others])
        return best, np.where(self._texts_each > 1, second, best)

    def _late(self, forms: Sequence[TokenVectors], rows: NDArray[np.int64], count: int) -> _Late:
        """Read candidates again, token by token."""
        scores = np.zeros((count, len(self.index.passages)), np.float32)
        late = self.index.late
        if late is None or not forms:
            return _Late(scores, {}, ())
        met = [late.met(tokens, rows) for tokens in forms]
        weights = [late.weights(tokens) for tokens in forms]
        for number in range(count):
            scores[number, rows] = met[number] @ weights[number]
        by_row = dict(zip(rows.tolist(), met[0], strict=True))
        return _Late(scores, by_row, tuple(weights[0].tolist()))

    def _hits(self, found: _Scores, candidates: NDArray[np.intp], k: int) -> tuple[Hit, ...]:
        score = found.total.max(axis=0)
        best_form = found.total.argmax(axis=0)
        ranks = {
            name: _ranks(stage.max(axis=0))
            for name, stage in found.stages.items()
            if name != "late" or found.met
        }
        order = candidates[np.argsort(-score[candidates], kind="stable")]
        chosen = self._with_variety(order)[:k]
        return tuple(
            Hit(
                self.index.passages[row],
                float(score[row]),
                {name: float(found.stages[name][best_form[row], row]) for name in ranks}
                | {f"{name}_rank": float(rank[row]) for name, rank in ranks.items()},
                tuple(found.met[row].tolist()) if row in found.met else (),
            )
            for row in chosen
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


@dataclass(frozen=True, slots=True)
class _Late:
    """Late interaction: scores, (forms, passages), 0 where a passage was not read.

    `met` tells how well each passage that was read meets the first form's tokens, and `weights`
    what these count for.
    """

    scores: NDArray[np.float32]
    met: dict[int, NDArray[np.float32]]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Scores:
    """What a query's forms scored, in all and by stage. Shape of each: (forms, passages).

    `met` tells how well a candidate meets the tokens of the first form.
    """

    total: NDArray[np.float32]
    stages: dict[str, NDArray[np.float32]]
    met: dict[int, NDArray[np.float32]]


class _Watch:
    """Milliseconds a stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage."""
        now = time.perf_counter()
        self.laps[stage], self._last = (now - self._last) * 1e3, now


def _normalized(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    top: Vectors = scores.max(axis=1, keepdims=True)
    return np.divide(scores, top, out=np.zeros_like(scores), where=top > 0)


def _ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rank scores from 1, best first. Shape: as given."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
