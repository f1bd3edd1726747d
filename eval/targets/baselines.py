"""Baselines: the product with one part replaced, so that each part's worth can be told."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

import prompts
from app.answer.pipeline import Pipeline
from app.chat_models import Decoding, Finished, Piece
from app.question.answerable import Gate, Head
from app.record.types import Message, Sampling, Usage
from eval.cases import Case
from eval.metrics.abstention import looks_like_abstention
from eval.provenance import code_sha256
from eval.samples import Output
from eval.targets.product import ProductTarget, answered, question_of
from index.encoders import DPR, Encoder, load_encoder
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.types import Hit, SearchHits
from index.weights import MINILM

__all__ = ["ClosedBookTarget", "GivenEvidenceTarget", "rank_fusion", "single_stage"]

_Reorder = Callable[[tuple[Hit, ...], int], tuple[Hit, ...]]
_OPEN = Gate(Head({}, 30.0), Head({}, 30.0), threshold=0.0)
_CLOSED_BOOK = "closed-book.md"
_TOKENS = 200


class _Reordered(HybridRetriever):
    """The product's search over all passages, then another order of them."""

    def __init__(self, inner: HybridRetriever, reorder: _Reorder) -> None:
        super().__init__(inner.index, inner.encoder, inner.settings)
        self._inner, self._reorder = inner, reorder

    def search(self, query: str, k: int, *, also: Sequence[str] = ()) -> SearchHits:
        """Return the k first of the new order."""
        found = self._inner.search(query, len(self.index.passages), also=also)
        return replace(found, hits=self._reorder(found.hits, k))


class _StandIn(LiveIndex):
    """A live index whose retriever is another; one with `encoder` has no late interaction."""

    def __init__(self, inner: LiveIndex, reorder: _Reorder, encoder: Encoder | None = None) -> None:
        self._inner, self._reorder, self._queries = inner, reorder, encoder

    @property
    def index(self) -> LoadedIndex:
        """The index as it is now."""
        return self._inner.index

    def retriever(self) -> HybridRetriever:
        """The reordered retriever."""
        inner = self._inner.retriever()
        if self._queries is not None:
            settings = replace(inner.settings, late_weight=0)
            inner = HybridRetriever(inner.index, self._queries, settings)
        return _Reordered(inner, self._reorder)


def single_stage(pipeline: Pipeline, stage: Literal["dense", "lexical"]) -> Pipeline:
    """Return the product over one stage of retrieval alone, ranked by that stage's own score."""

    def reorder(hits: tuple[Hit, ...], k: int) -> tuple[Hit, ...]:
        ranked = sorted(hits, key=lambda hit: -hit.trace[stage])
        return tuple(replace(hit, score=hit.trace[stage]) for hit in ranked[:k])

    return Pipeline(
        _StandIn(pipeline.live_index, reorder),
        pipeline.model,
        pipeline.settings,
        pipeline.personas,
    )


def rank_fusion(pipeline: Pipeline) -> Pipeline:
    """Return the product over BM25 and MiniLM, fused by reciprocal ranks: what others begin with.

    The score is 1 / (60 + rank) summed over both (Cormack, Clarke and Büttcher 2009). The shipped
    encoder's passage vectors are MiniLM's own, so that only its question tower is replaced; an
    index of another encoder keeps its own.
    """

    def fused(hit: Hit) -> float:
        return sum(1 / (60 + hit.trace[f"{stage}_rank"]) for stage in ("dense", "lexical"))

    def reorder(hits: tuple[Hit, ...], k: int) -> tuple[Hit, ...]:
        ranked = sorted(hits, key=lambda hit: -fused(hit))
        return tuple(replace(hit, score=fused(hit)) for hit in ranked[:k])

    shipped = pipeline.index.manifest.encoder.name == DPR
    encoder = load_encoder(MINILM.name) if shipped else pipeline.live_index.retriever().encoder
    return Pipeline(
        _StandIn(pipeline.live_index, reorder, encoder),
        pipeline.model,
        pipeline.settings,
        pipeline.personas,
    )


class GivenEvidenceTarget(ProductTarget):
    """The product with its evidence given: the gold passages, or all of the case's topic.

    The gate is open, so that writing alone is measured. A case without such passages is
    abstained from, as there is nothing to write from.
    """

    def __init__(
        self, pipeline: Pipeline, sampling: Sampling, name: Literal["gold", "topic"]
    ) -> None:
        super().__init__(pipeline, sampling, name)
        self._given = name

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Answer one case from what is given."""

        def reorder(hits: tuple[Hit, ...], k: int) -> tuple[Hit, ...]:
            chosen = [hit for hit in hits if self._wanted(case, hit)]
            return tuple(replace(hit, score=1.0) for hit in chosen)

        passages = max(1, len(self.pipeline.index.passages))
        pipeline = Pipeline(
            _StandIn(self.pipeline.live_index, reorder),
            self.pipeline.model,
            replace(self.pipeline.settings, gate=_OPEN, passages=passages),
            self.pipeline.personas,
        )
        sampling = replace(self._sampling, seed=seed)
        return await answered(pipeline, question_of(case, persona, sampling, passages))

    def _wanted(self, case: Case, hit: Hit) -> bool:
        if self._given == "gold":
            return hit.passage.id in case.gold
        return hit.passage.topic in {case.topic, *case.topics}


class ClosedBookTarget:
    """The model alone. Abstention is told by its words."""

    parallel = 2

    def __init__(self, pipeline: Pipeline, sampling: Sampling) -> None:
        self._model, self._sampling = pipeline.model, sampling

    def identity(self) -> dict[str, Any]:
        """Return the model, prompt and sampling."""
        return {
            "target": "closed-book",
            "kind": "closed-book",
            "model": self._model.name,
            "prompt_sha256": hashlib.sha256(prompts.text(_CLOSED_BOOK).encode()).hexdigest(),
            "sampling": {"temperature": self._sampling.temperature, "top_p": self._sampling.top_p},
            "code_sha256": code_sha256(),
        }

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Ask the model the question, after the conversation's earlier turns."""
        turns = [Message(turn.role, turn.content) for turn in case.history]
        instructions = Message("system", prompts.text(_CLOSED_BOOK).strip())
        messages = [instructions, *turns, Message("user", case.question)]
        asked = self._sampling
        decoding = Decoding(
            0.0 if asked.temperature is None else asked.temperature,
            1.0 if asked.top_p is None else asked.top_p,
            asked.max_tokens or _TOKENS,
            seed,
        )
        started, usage = time.perf_counter(), Usage()
        pieces: list[str] = []
        times: dict[str, float] = {}
        async with aclosing(self._model.stream(messages, decoding)) as events:
            async for event in events:
                now = (time.perf_counter() - started) * 1e3
                if isinstance(event, Piece):
                    times.setdefault("seen_first", now)
                    pieces.append(event.text)
                elif isinstance(event, Finished):
                    usage, times["seen_last"] = event.usage, now
        text = "".join(pieces).strip()
        return Output(
            text=text,
            abstained=looks_like_abstention(text),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            timings=times,
            model=self._model.name,
            mode="closed-book",
        )

    async def close(self) -> None:
        """Release the model."""
        await self._model.close()
