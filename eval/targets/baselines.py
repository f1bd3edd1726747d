"""Baselines: the product with one part replaced, so that each part's worth can be told."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal

import prompts
from app.answer.pipeline import Pipeline
from app.chat_models import Decoding, Finished, Piece
from app.question.answerable import Gate, Head
from app.record.types import Message, Sampling, Usage
from eval.cases import Case
from eval.metrics.abstention import looks_like_abstention
from eval.metrics.citations import numbers_cited
from eval.provenance import code_sha256
from eval.samples import Cited, Output
from eval.targets.product import ProductTarget, answered, question_of, ranked, text_of
from index.encoders import DPR, Encoder, load_encoder
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.types import Hit, SearchHits
from index.weights import MINILM

__all__ = [
    "ClosedBookTarget",
    "GivenEvidenceTarget",
    "PlainRagTarget",
    "rank_fusion",
    "single_stage",
]

_Reorder = Callable[[tuple[Hit, ...], int], tuple[Hit, ...]]
_OPEN = Gate(Head({}, 30.0), Head({}, 30.0), threshold=0.0)
_CLOSED_BOOK, _PLAIN_RAG = "closed-book.md", "plain-rag.md"
_PASSAGES = 6
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

    return Pipeline(
        _StandIn(pipeline.live_index, reorder, _plain_encoder(pipeline)),
        pipeline.model,
        pipeline.settings,
        pipeline.personas,
    )


def _plain_encoder(pipeline: Pipeline) -> Encoder:
    """MiniLM as published in place of the shipped question tower; any other encoder as it is."""
    shipped = pipeline.index.manifest.encoder.name == DPR
    return load_encoder(MINILM.name) if shipped else pipeline.live_index.retriever().encoder


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


@dataclass(frozen=True, slots=True)
class _Written:
    """What a model wrote, with its tokens and when its first and last came, in milliseconds."""

    text: str
    usage: Usage
    times: dict[str, float]


class _ModelTarget:
    """A model that is asked and shown as it answers; abstention is told by its words."""

    name: str
    prompt: str

    def __init__(self, pipeline: Pipeline, sampling: Sampling) -> None:
        self.pipeline, self._model, self._sampling = pipeline, pipeline.model, sampling
        # An embedded model writes one answer at a time: more would only wait in its latency.
        self.parallel = 1 if pipeline.model.small else 8

    def identity(self) -> dict[str, Any]:
        """Return the model, prompt and sampling."""
        return {
            "target": self.name,
            "kind": self.name,
            "model": self._model.name,
            "prompt_sha256": hashlib.sha256(prompts.text(self.prompt).encode()).hexdigest(),
            "sampling": {
                "temperature": self._sampling.temperature,
                "top_p": self._sampling.top_p,
                "max_tokens": self._sampling.max_tokens,
            },
            "code_sha256": code_sha256(),
        }

    async def close(self) -> None:
        """Release the model."""
        await self._model.close()

    async def _written(self, case: Case, asked: str, seed: int | None) -> _Written:
        """Have it answer under its prompt, after the conversation's earlier turns."""
        turns = [Message(turn.role, turn.content) for turn in case.history]
        instructions = Message("system", prompts.text(self.prompt).strip())
        sampling = self._sampling
        decoding = Decoding(
            0.0 if sampling.temperature is None else sampling.temperature,
            1.0 if sampling.top_p is None else sampling.top_p,
            sampling.max_tokens or _TOKENS,
            seed,
        )
        started, usage = time.perf_counter(), Usage()
        pieces: list[str] = []
        times: dict[str, float] = {}
        messages = [instructions, *turns, Message("user", asked)]
        async with aclosing(self._model.stream(messages, decoding)) as events:
            async for event in events:
                now = (time.perf_counter() - started) * 1e3
                if isinstance(event, Piece):
                    times.setdefault("seen_first", now)
                    pieces.append(event.text)
                elif isinstance(event, Finished):
                    usage, times["seen_last"] = event.usage, now
        return _Written("".join(pieces).strip(), usage, times)


class ClosedBookTarget(_ModelTarget):
    """The model alone, without evidence."""

    name, prompt = "closed-book", _CLOSED_BOOK

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Ask the model the question."""
        return _shown(await self._written(case, case.question, seed), self._model.name, self.name)


class PlainRagTarget(_ModelTarget):
    """What most systems begin with: six passages by MiniLM, citations asked for, all of it shown.

    Nothing is refused, checked or mended. The question is searched for as it was put.
    """

    name, prompt = "plain-rag", _PLAIN_RAG

    def __init__(self, pipeline: Pipeline, sampling: Sampling) -> None:
        super().__init__(pipeline, sampling)
        self._live_index = _StandIn(pipeline.live_index, _by_dense, _plain_encoder(pipeline))

    def identity(self) -> dict[str, Any]:
        """Return the index as well."""
        return {**super().identity(), "index_fingerprint": self.pipeline.index.fingerprint}

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Search, ask, and read the markers."""
        started = time.perf_counter()
        hits = self._live_index.retriever().search(case.question, _PASSAGES).hits
        searched = (time.perf_counter() - started) * 1e3
        passages = "\n\n".join(f"[{n}] {text_of(hit)}" for n, hit in enumerate(hits, 1))
        asked = f"Passages:\n\n{passages}\n\nQuestion: {case.question}"
        written = await self._written(case, asked, seed)
        output = _shown(written, self._model.name, self.name)
        cited = [n for n in numbers_cited(written.text) if 1 <= n <= len(hits)]
        return replace(
            output,
            hits=ranked(hits),
            citations=tuple(_cited(n, hits[n - 1]) for n in cited),
            passages={hit.passage.id: text_of(hit) for hit in hits},
            timings={name: spent + searched for name, spent in output.timings.items()},
            index_fingerprint=self.pipeline.index.fingerprint,
        )


def _by_dense(hits: tuple[Hit, ...], k: int) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: -hit.trace["dense"])[:k])


def _cited(n: int, hit: Hit) -> Cited:
    """A marker's passage, with its first source."""
    passage = hit.passage
    url = passage.sources[0].url if passage.sources else ""
    return Cited(n, passage.id, url, passage.title, passage.text)


def _shown(written: _Written, model: str, mode: str) -> Output:
    return Output(
        text=written.text,
        abstained=looks_like_abstention(written.text),
        prompt_tokens=written.usage.prompt_tokens,
        completion_tokens=written.usage.completion_tokens,
        timings=written.times,
        model=model,
        mode=mode,
    )
