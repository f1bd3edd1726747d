"""The one place where the stages meet: a question goes in, a stream of events comes out.

rewrite -> retrieve -> gate -> rerank -> conflicts           yield Retrieved
  -> not enough evidence: abstain, name near questions       yield Delta, Final
  -> the model drafts, each sentence is verified             yield Delta*
  -> too little of it stands: composed from the evidence     yield Delta*
  -> the record                                              yield Final
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from app.answer.builder import AnswerRun
from app.answer.clock import Clock, searched_within
from app.answer.conflicts import disputes
from app.answer.prompt_builder import Delimiter
from app.answer.replies import nearest_questions
from app.answer.settings import PipelineSettings
from app.chat_models import ChatModel
from app.config.personas import Persona, resolve
from app.question import answerable as gate
from app.question.history import Standalone
from app.question.model_rewrite import stand_alone
from app.record.evidence import Weigh
from app.record.hooks import Observers
from app.record.types import Event, Question, Retrieved
from app.verifying.judges import Judge, JudgedVerifier
from app.verifying.supports import LexicalVerifier, Verifier
from index import rerankers
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from index.store import LoadedIndex

__all__ = ["Pipeline", "PipelineSettings"]

_NEAREST_WITHIN = 40


class Pipeline:
    """Answers questions from an index with a chat model, under a persona."""

    def __init__(
        self,
        live_index: LiveIndex,
        model: ChatModel,
        settings: PipelineSettings | None = None,
        personas: Mapping[str, Persona] | None = None,
        reranker: rerankers.Reranker | None = None,
        judge: Judge | None = None,
        observers: Observers | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            live_index: what is known.
            model: what writes.
            settings: how answers are made.
            personas: a person's own personas, by name, beside the shipped ones.
            reranker: what orders the first hits anew; None leaves them as fused.
            judge: a second model that verifies drafts; None checks without one.
            observers: who is told what happens.
        """
        self.live_index, self.model, self.reranker = live_index, model, reranker
        self.settings = settings or PipelineSettings()
        self.personas: Mapping[str, Persona] = personas or {}
        self.judge, self.observers, self.running = judge, observers or Observers(), 0

    @property
    def index(self) -> LoadedIndex:
        """The index that serves now."""
        return self.live_index.index

    @property
    def renewing(self) -> bool:
        """Whether another index is being built, which will serve instead."""
        return self.live_index.renewing

    @property
    def rewriter(self) -> ChatModel | None:
        """The model that makes follow-ups stand alone; None where the rules do."""
        chosen = self.settings.rewrite
        by_model = chosen == "model" or (chosen == "auto" and not self.model.small)
        return self.model if by_model else None

    def verifier(self, weigh: Weigh) -> Verifier:
        """Return what checks a draft's sentences."""
        own = LexicalVerifier(weigh)
        return JudgedVerifier(own, self.judge) if self.judge else own

    async def health(self) -> dict[str, bool]:
        """Tell which parts are ready."""
        found = await asyncio.to_thread(self.live_index.health)
        return {**found, "model": await self.model.ready()}

    async def retrieve(self, question: Question) -> Retrieved:
        """Find the evidence for a question and judge whether it is enough.

        Raises:
            RequestError: the question is empty or too long.
            RetrievalTimeout: the search took longer than it may.
        """
        self.settings.check(question)
        clock = Clock()
        retriever = self.live_index.retriever()
        asked, rewrite = await stand_alone(
            question.text,
            question.history,
            retriever.index.lexical.weight,
            self.rewriter,
            self.settings.rewrite_seconds,
        )
        clock.spent("rewrite")
        search = partial(self._retrieve, question, retriever, asked, clock)
        found = await searched_within(self.settings.retrieve_seconds, search)
        told = {"index": found.index_fingerprint, "query": asked.query, "k": len(found.hits)}
        for stage in ("rewrite", "retrieve", "gate"):
            self.observers.stage(stage, clock.seconds[stage], told)
        return replace(found, rewrite=rewrite)

    async def answer(
        self, question: Question, *, delimiter: Delimiter | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer a question; closing the generator stops the model.

        Args:
            question: what is asked.
            delimiter: what set data apart when this was answered before; else drawn anew.

        Raises:
            RequestError: the question or its persona can't be honoured.
            ModelError: the model failed; what was yielded before stays valid.
        """
        clock = Clock()
        persona = resolve(question.persona, self.personas)
        self.running += 1
        try:
            retrieved = await self.retrieve(question)
            clock.mark("retrieved")
            yield retrieved
            run = AnswerRun(self, question, persona, retrieved, clock, delimiter)
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
        finally:
            self.running -= 1

    def _retrieve(
        self, question: Question, retriever: HybridRetriever, asked: Standalone, clock: Clock
    ) -> Retrieved:
        weigh = retriever.index.lexical.weight
        k = question.passages or self.settings.passages
        # The gate and the nearest questions look further than the evidence.
        found = retriever.search(asked.query, max(k, _NEAREST_WITHIN), also=asked.also)
        clock.spent("retrieve")
        judge = self.settings.gate or gate.Gates.shipped().judging(found, retriever.index)
        judged = gate.features(asked.query, found, weigh)
        subject = judged
        if asked.also and not asked.rewritten:
            # What a question is about is judged by what it finds alone, not by its history.
            alone = retriever.search(asked.query, gate.DEPTH)
            subject = gate.features(asked.query, alone, weigh)
        confidence = judge.confidence(judged, subject)
        clock.spent("gate")
        if self.reranker is not None:
            # After the gate, which is calibrated on what fusion finds.
            found = rerankers.rerank(self.reranker, found, self.settings.rerank_depth)
        hits = found.hits[:k]
        disputed = disputes(asked.query, hits, retriever.index)
        nearest = nearest_questions(found.hits)
        clock.spent("retrieve")
        return Retrieved(
            standalone_query=asked.query,
            hits=hits,
            conflicts=disputed.asked,
            answerable=judge.answerable(confidence),
            confidence=confidence,
            index_fingerprint=retriever.index.fingerprint,
            nearest=nearest,
            timings={**found.timings_ms, **clock.milliseconds()},
            latent=disputed.latent,
            beside=disputed.beside,
        )
