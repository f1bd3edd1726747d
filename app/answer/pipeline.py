"""The one place where the stages meet: a question goes in, a stream of events comes out.

read -> talk: answered from what is known                    yield Retrieved, Delta, Final
  -> stand alone -> retrieve -> gate -> rerank -> conflicts  yield Retrieved
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
from app.answer.calculate import lacking
from app.answer.clock import Clock, searched_within
from app.answer.evidence_search import EvidenceSearch
from app.answer.pipeline_settings import PipelineSettings
from app.answer.prompt_builder import Delimiter
from app.chat_models import ChatModel
from app.checking.checker import Checker
from app.config.personas import Persona, resolve
from app.question.act_meaning import meaning_by
from app.question.acts import TALK, Act, MessageAct
from app.question.calculation_tool import called_calculation
from app.question.model_reading import asks_model, read_by_model
from app.question.reading import Reading, asks, is_remark, read_in_conversation, reread
from app.question.subjects import subjects_of
from app.record.checked import Checked
from app.record.errors import RequestError
from app.record.evidence import Idf
from app.record.hooks import Observers
from app.record.types import Event, Question, Retrieved, Rewrite
from app.verifying.choosing import VerifierFor, verifier_for
from app.verifying.supports import LexicalVerifier, Verifier
from index import rerankers
from index.calculations import term_of
from index.errata import SHIPPED_NAME
from index.errors import KnowledgeBaseError
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.types import Hit, PassageKind

__all__ = ["Pipeline", "PipelineSettings"]


class Pipeline:
    """Answers questions from an index with a chat model, under a persona."""

    def __init__(
        self,
        live_index: LiveIndex,
        model: ChatModel,
        settings: PipelineSettings | None = None,
        personas: Mapping[str, Persona] | None = None,
        reranker: rerankers.Reranker | None = None,
        verify_with: VerifierFor | None = None,
        observers: Observers | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            live_index: what is known.
            model: what writes.
            settings: how answers are made.
            personas: a person's own personas, by name, beside the shipped ones.
            reranker: what orders the first hits anew; None leaves them as fused.
            verify_with: what makes the verifier of an answer; the built-in one by default.
            observers: who is told what happens.
        """
        self.live_index, self.model, self.reranker = live_index, model, reranker
        self.settings = settings or PipelineSettings()
        self.personas: Mapping[str, Persona] = personas or {}
        self.verify_with = verify_with or verifier_for("builtin", model, "at once")
        self.observers, self.running = observers or Observers(), 0

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

    def verifier(self, idf: Idf, asked: str = "", prompt_tokens: int | None = None) -> Verifier:
        """Return what checks the sentences of a draft, made of a prompt of so many tokens."""
        return self.verify_with(LexicalVerifier(idf, asked=asked), prompt_tokens)

    async def sources(self) -> tuple[str, ...]:
        """Return the names of the sources that can be asked within."""
        return await asyncio.to_thread(self.live_index.sources)

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
        return (await self._read(question))[1]

    async def check(self, text: str) -> Checked:
        """Tell of each sentence of a text whether the sources bear it out.

        Raises:
            RequestError: the text is empty or too long.
        """
        self.settings.check_length(text, "text")
        retriever = self.live_index.retriever()
        verifier = self.verifier(retriever.index.lexical.idf)
        self.running += 1
        try:
            return await Checker(retriever, verifier).check(text)
        finally:
            self.running -= 1

    async def _retriever(self, sources: tuple[str, ...]) -> HybridRetriever:
        """Return what searches the sources named, or all of them."""
        if not sources:
            return self.live_index.retriever()
        try:
            return await asyncio.to_thread(self.live_index.within, sources)
        except KnowledgeBaseError as error:
            raise RequestError(str(error), field="x_sources") from error

    async def _read(self, question: Question) -> tuple[Reading, Retrieved]:
        """Read what a turn does, and find the evidence for it."""
        self.settings.check(question)
        clock = Clock()
        retriever = await self._retriever(question.sources)
        subjects, meaning = subjects_of(retriever.index), meaning_by(retriever.encoder)
        reading = read_in_conversation(question, subjects, meaning)
        rewrite = Rewrite("rules" if reading.forms[0].taken else "none")
        if self.rewriter is not None and asks_model(question, reading, subjects):
            reading, rewrite = await read_by_model(
                question, reading, subjects, self.rewriter, self.settings.rewrite_seconds
            )
        clock.spent("rewrite")
        if reading.calculation is None and reading.act is Act.ASK and question.form is None:
            called = await called_calculation(
                reading.said.rest, question.history, self.rewriter, self.settings.rewrite_seconds
            )
            if called is not None:
                said = replace(reading.said, act=Act.CALCULATE)
                reading = replace(reading, said=said, calculation=called)
        if reading.calculation is not None and lacking(reading.calculation):
            # What the reader's own documents say is told rather than asked for.
            asked = reread(reading, replace(reading.said, act=Act.ASK), subjects)
            known = await self._found(question, asked, retriever, clock, rewrite)
            if known.answerable and _is_of_own_documents(known.hits[0], retriever.index):
                return asked, known
        found = await self._found(question, reading, retriever, clock, rewrite)
        if reading.act is not Act.ASK or found.answerable:
            return reading, found
        # What finds no answer may be no question, whatever it looked like.
        perhaps = read_in_conversation(question, subjects, meaning, unanswered=True)
        if perhaps.act is not Act.ASK:
            return perhaps, await self._found(question, perhaps, retriever, clock, rewrite)
        if is_remark(reading.said, subjects) and not asks(question.text):
            courtesy = reading.said.beside
            said = (
                MessageAct(courtesy, "") if courtesy else MessageAct(Act.REMARK, reading.said.rest)
            )
            reading = replace(reading, said=said)
            return reading, _nothing_looked_up(question, reading, retriever.index)
        return reading, found

    async def _found(
        self,
        question: Question,
        reading: Reading,
        retriever: HybridRetriever,
        clock: Clock,
        rewrite: Rewrite,
    ) -> Retrieved:
        """Find the evidence for what a turn does, as it was read."""
        nothing = _nothing_looked_up(question, reading, retriever.index)
        if reading.calculation is not None:
            hits = _explained(reading.calculation.name, retriever.index)
            return replace(nothing, hits=hits, answerable=True, confidence=1.0)
        if reading.act in TALK and reading.act is not Act.CLARIFY:
            return replace(nothing, rewrite=rewrite)
        forms = reading.forms
        evidence = EvidenceSearch(reading, retriever, self.reranker, self.settings, clock)
        search = partial(evidence.best, question, forms)
        found, form = await searched_within(self.settings.retrieve_seconds, search)
        told = {
            "index": found.index_fingerprint,
            "query": found.standalone_query,
            "k": len(found.hits),
        }
        for stage in ("rewrite", "retrieve", "gate"):
            self.observers.stage(stage, clock.seconds[stage], told)
        if rewrite.method != "model" and not form.taken:
            rewrite = Rewrite(usage=rewrite.usage)
        elif rewrite.method == "model" and reading.act is Act.ASK and form is not forms[0]:
            rewrite = replace(rewrite, method="rules", reason="what it wrote finds no answer")
        return replace(found, rewrite=replace(rewrite, taken=form.taken))

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
        known = self.index.knowledge_base
        persona = resolve(question.persona, self.personas, known)
        self.running += 1
        try:
            reading, retrieved = await self._read(question)
            clock.mark("retrieved")
            yield retrieved
            if wished := reading.said.wishes.persona:
                persona = resolve(f"citewise-{wished}", self.personas, known)
            run = AnswerRun(self, question, persona, reading, retrieved, clock, delimiter)
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
        finally:
            self.running -= 1


def _nothing_looked_up(question: Question, reading: Reading, index: LoadedIndex) -> Retrieved:
    """What stands for the search where a turn needs none; a formula needs no evidence."""
    sure = reading.calculation is not None
    return Retrieved(
        question.text, (), (), sure, float(sure), index.fingerprint, (), {}, act=reading.act
    )


def _is_of_own_documents(hit: Hit, index: LoadedIndex) -> bool:
    """Tell whether a passage is of somebody's documents, not of the shipped knowledge base."""
    shipped = SHIPPED_NAME in index.manifest.knowledge_base.split("+")
    return hit.passage.kind is PassageKind.SECTION or not shipped


def _explained(name: str, index: LoadedIndex) -> tuple[Hit, ...]:
    """Return the definition of what a calculation works out; none where there is none."""
    term = term_of(name)
    topics = subjects_of(index).defined_by(f"{term}?") if term else frozenset()
    wanted = [f"{topic}/{PassageKind.DEFINITION}" for topic in topics]
    found = [passage for passage in index.passages if passage.id in wanted]
    slug = term.lower().replace(" ", "-")
    found.sort(key=lambda passage: (passage.topic != slug, passage.topic))
    return tuple(Hit(passage, 1.0) for passage in found[:1])
