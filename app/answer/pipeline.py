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
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from app.answer.builder import AnswerRun
from app.answer.clock import Clock, searched_within
from app.answer.conflicts import find_conflicts
from app.answer.manner import of_the_subject
from app.answer.pipeline_settings import PipelineSettings
from app.answer.prompt_builder import Delimiter
from app.answer.replies import nearest_questions
from app.chat_models import ChatModel
from app.checking.checker import Checker
from app.config.personas import Persona, resolve
from app.question import answerable as gate
from app.question.acts import TALK, Act, MessageAct
from app.question.gaps import find_gap, lexicon_of
from app.question.history import Form, without_quantities
from app.question.language import ENGLISH
from app.question.model_rewrite import stand_alone
from app.question.reading import Reading, is_remark, only_tells, read_in_conversation
from app.question.spelling import spelled
from app.question.subjects import Subjects, subjects_of
from app.record.checked import Checked
from app.record.errors import RequestError
from app.record.evidence import Idf
from app.record.hooks import Observers
from app.record.types import Event, Gap, Question, Retrieved, Rewrite
from app.verifying.judges import Judge, JudgedVerifier
from app.verifying.supports import LexicalVerifier, Verifier
from index import rerankers
from index.calculations import term_of
from index.errors import KnowledgeBaseError
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.text.sentences import MARKER
from index.text.tokens import UNSEEN, content_words
from index.types import Hit, PassageKind, SearchResult

__all__ = ["Pipeline", "PipelineSettings"]

_NEAREST_WITHIN = 40
# How many passages an act on the last answer chooses from.
_AGAIN = 12
# What a follow-up says itself must be of the field, or stand in what is found.
_OWN_DOMAIN = 0.9
_PERHAPS_DOMAIN = 0.2
_UNKNOWN = 0.5
_OWN_COVERED = 0.5
_GUESSED_COVERED = 0.8
_READ = 5
# Below this what a question finds alone is compared with what it finds with its history, which
# must be so many times as sure.
_DOUBTFUL = 0.35
_BETTER = 2.0
_TOLD = 0.45  # what a statement must find, which asks for nothing
_OPENING = 60  # code points of a passage by which it is known again
# How sure it is that a definition which is asked for by its very name answers.
_DEFINED = 0.95


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found for one form of a question, and how sure it is that it answers."""

    form: Form
    found: SearchResult
    confidence: float
    answerable: bool
    gap: Gap | None = None


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

    def verifier(self, idf: Idf, asked: str = "") -> Verifier:
        """Return what checks the sentences of a draft for a question."""
        own = LexicalVerifier(idf, asked=asked)
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
        reading = read_in_conversation(question, subjects_of(retriever.index))
        nothing = _nothing_looked_up(question, reading, retriever.index)
        if reading.calculation is not None:
            hits = _explained(reading.calculation.name, retriever.index)
            return reading, replace(nothing, hits=hits, answerable=True, confidence=1.0)
        if reading.act in TALK and reading.act is not Act.CLARIFY:
            return reading, nothing
        forms, rewrite = await stand_alone(
            question, reading.forms, self.rewriter, self.settings.rewrite_seconds
        )
        clock.spent("rewrite")
        search = partial(self._retrieve, question, reading, retriever, forms, clock)
        found, form = await searched_within(self.settings.retrieve_seconds, search)
        told = {
            "index": found.index_fingerprint,
            "query": found.standalone_query,
            "k": len(found.hits),
        }
        for stage in ("rewrite", "retrieve", "gate"):
            self.observers.stage(stage, clock.seconds[stage], told)
        if not form.taken:
            rewrite = Rewrite(usage=rewrite.usage)
        elif rewrite.method == "model" and form is not forms[0]:
            rewrite = replace(rewrite, method="rules", reason="what it wrote finds no answer")
        found = replace(found, rewrite=replace(rewrite, taken=form.taken))
        subjects = subjects_of(retriever.index)
        if reading.act is Act.ASK and not found.answerable and is_remark(reading.said, subjects):
            courtesy = reading.said.beside
            said = (
                MessageAct(courtesy, "") if courtesy else MessageAct(Act.REMARK, reading.said.rest)
            )
            reading = replace(reading, said=said)
            return reading, _nothing_looked_up(question, reading, retriever.index)
        return reading, found

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
            reading, retrieved = await self._read(question)
            clock.mark("retrieved")
            yield retrieved
            if wished := reading.said.wishes.persona:
                persona = resolve(f"citewise-{wished}", self.personas)
            run = AnswerRun(self, question, persona, reading, retrieved, clock, delimiter)
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event
        finally:
            self.running -= 1

    def _retrieve(
        self,
        question: Question,
        reading: Reading,
        retriever: HybridRetriever,
        forms: Sequence[Form],
        clock: Clock,
    ) -> tuple[Retrieved, Form]:
        """Find what answers a question best in one of its forms, and tell which form that is."""
        k = question.passages or self.settings.passages
        if reading.again is not None:
            k = max(k, _AGAIN)
        looked = self._looked(reading, retriever, forms, max(k, _NEAREST_WITHIN), clock)
        found = looked.found
        if self.reranker is not None:
            # After the gate, which is calibrated on what fusion finds.
            found = rerankers.rerank(self.reranker, found, self.settings.rerank_depth)
        hits = found.hits[:k]
        found_conflicts = find_conflicts(
            looked.form.query, hits, found.hits, retriever.index.lexical.idf
        )
        nearest = nearest_questions(found.hits)
        clock.spent("retrieve")
        retrieved = Retrieved(
            standalone_query=looked.form.query,
            hits=hits,
            conflicts=found_conflicts.asked,
            answerable=looked.answerable and reading.act is not Act.CLARIFY,
            confidence=looked.confidence,
            index_fingerprint=retriever.index.fingerprint,
            nearest=nearest,
            timings={**found.timings_ms, **clock.milliseconds()},
            unasked=found_conflicts.unasked,
            counterparts=found_conflicts.counterparts,
            act=reading.act,
            gap=looked.gap if reading.language == ENGLISH else None,
            beside=of_the_subject(hits, found.hits, retriever.index.passages),
        )
        return retrieved, looked.form

    def _looked(
        self,
        reading: Reading,
        retriever: HybridRetriever,
        forms: Sequence[Form],
        depth: int,
        clock: Clock,
    ) -> _Looked:
        """Search with one form after the other until one answers; else with the own words.

        What a question finds doubtfully, or finds although it was just said, gives way to what
        another form finds better.
        """
        if reading.language == ENGLISH:
            forms = [_put_right(form, retriever) for form in forms]
        own, last = reading.said.rest, reading.past.last
        said = last.answer if last is not None and reading.again is None else ""
        first: _Looked | None = None
        tells = reading.act is Act.ASK and only_tells(reading.said)
        least, forms = (_TOLD, forms[:1]) if tells else (0.0, forms)
        for form in forms:
            looked = self._look(form, retriever, depth, clock)
            if not looked.answerable or looked.confidence < least:
                continue
            if not self._bears(own, form, looked.found.hits, retriever, clock):
                continue
            if first is None:
                first = looked
                if looked.confidence >= _DOUBTFUL and not _was_said(looked.found.hits, said):
                    return looked
            elif not _was_said(looked.found.hits, said) and (
                looked.confidence >= _BETTER * first.confidence
                or (_was_said(first.found.hits, said) and looked.confidence >= first.confidence)
            ):
                return looked
        if first is not None:
            return first
        # What is refused is refused in the reader's own words, without the history.
        return replace(self._look(Form(own), retriever, depth, clock), answerable=False)

    def _look(self, form: Form, retriever: HybridRetriever, depth: int, clock: Clock) -> _Looked:
        """Search for one form of a question and judge what is found."""
        # The gate and the nearest questions look further than the evidence.
        found = retriever.search(form.query, depth, also=form.also)
        clock.spent("retrieve")
        judge = self.settings.gate or gate.Gates.shipped().judging(found, retriever.index)
        judged = gate.features(form.query, found, retriever.index.lexical.idf)
        confidence = judge.confidence(judged)
        subjects = subjects_of(retriever.index)
        if defined := _defined(found, form.query, subjects, retriever.index):
            clock.spent("gate")
            return _Looked(form, defined, max(confidence, _DEFINED), True)
        gap = find_gap(form.query, found.hits, lexicon_of(retriever.index), subjects)
        # What is there of the subject is given where the gate thinks it near enough.
        doubted = confidence * (gate.UNNAMED if gap else 1)
        judged_by = doubted if gap and gap.kind == "absent" else confidence
        clock.spent("gate")
        return _Looked(form, found, doubted, judge.answerable(judged_by), gap)

    def _bears(
        self,
        own: str,
        form: Form,
        hits: Sequence[Hit],
        retriever: HybridRetriever,
        clock: Clock,
    ) -> bool:
        """Tell whether what a follow-up says itself is of the field, its borrowed subject aside."""
        if not form.taken:
            return True
        borrowed = set(content_words(form.taken))
        words = set(content_words(without_quantities(own))) - borrowed
        if not words:
            return True
        idf = retriever.index.lexical.idf
        unknown = sum(idf(word) >= idf(UNSEEN) for word in words)
        if len(words) > 1 and unknown >= _UNKNOWN * len(words):
            return False
        read = [f"{h.passage.title} {h.passage.heading} {h.passage.text}" for h in hits[:_READ]]
        there = {word for text in read for word in content_words(text)}
        total = sum(idf(word) for word in words)
        covered = sum(idf(word) for word in words & there) / total if total else 1.0
        if form.guessed and covered < _GUESSED_COVERED:
            return False
        alone = retriever.search(own, gate.DEPTH)
        judge = self.settings.gate or gate.Gates.shipped().judging(alone, retriever.index)
        of_the_field = judge.domain(gate.features(own, alone, idf))
        clock.spent("gate")
        if of_the_field >= _OWN_DOMAIN:
            return True
        perhaps = of_the_field >= _PERHAPS_DOMAIN and covered >= _OWN_COVERED
        return perhaps and not form.guessed


def _put_right(form: Form, retriever: HybridRetriever) -> Form:
    """Put a form's misspelled words right; it is searched for as it was typed as well."""
    index, count = retriever.index, retriever.encoder.count_tokens
    idf, bare = index.lexical.idf, sum(count([""]))

    def is_word(word: str) -> bool:
        """What has a form that the index knows, or what the encoder reads as one piece."""
        known = all(idf(stem) < idf(UNSEEN) for stem in content_words(word))
        return known or sum(count([word])) <= bare + 1

    query = spelled(form.query, lambda: lexicon_of(index).counts, is_word)
    return (
        form if query == form.query else replace(form, query=query, also=(form.query, *form.also))
    )


def _was_said(hits: Sequence[Hit], answer: str) -> bool:
    """Tell whether the passage that answers best is what the last answer gave."""
    opening = hits[0].passage.text[:_OPENING] if hits else ""
    return bool(opening) and opening in MARKER.sub("", answer)


def _nothing_looked_up(question: Question, reading: Reading, index: LoadedIndex) -> Retrieved:
    """What stands for the search where a turn needs none; a formula needs no evidence."""
    sure = reading.calculation is not None
    return Retrieved(
        question.text, (), (), sure, float(sure), index.fingerprint, (), {}, act=reading.act
    )


def _explained(name: str, index: LoadedIndex) -> tuple[Hit, ...]:
    """Return the definition of what a calculation works out; none where there is none."""
    term = term_of(name)
    topics = subjects_of(index).defined_by(f"{term}?") if term else frozenset()
    wanted = [f"{topic}/{PassageKind.DEFINITION}" for topic in topics]
    found = [passage for passage in index.passages if passage.id in wanted]
    slug = term.lower().replace(" ", "-")
    found.sort(key=lambda passage: (passage.topic != slug, passage.topic))
    return tuple(Hit(passage, 1.0) for passage in found[:1])


def _defined(
    found: SearchResult, query: str, subjects: Subjects, index: LoadedIndex
) -> SearchResult | None:
    """Put first what says what is asked for by name; None where no name is asked for.

    That is the FAQ that asks just this, or a topic's definition and what sums the topic up.
    """
    introduced = subjects.introduced(query)
    topics = introduced.topics if introduced else subjects.defined_by(query)
    explained = "" if introduced else subjects.explained_by(query)
    if not found.hits or not (topics or explained):
        return None
    best = found.hits[0]
    by_id = {hit.passage.id: hit for hit in found.hits}
    wanted = [explained]
    if not explained:
        defined = [f"{topic}/{PassageKind.DEFINITION}" for topic in topics]
        ranked = [hit.passage.topic for hit in found.hits if hit.passage.id in defined]
        topic = ranked[0] if ranked else min(topics)
        wanted = [f"{topic}/{kind}" for kind in (PassageKind.DEFINITION, PassageKind.SNIPPET)]
    known = {passage.id: passage for passage in index.passages if passage.id in wanted}
    first = tuple(
        replace(by_id.get(ref, best), passage=known[ref], score=best.score)
        for ref in wanted
        if ref in known
    )
    if all(hit.passage.kind is PassageKind.SNIPPET for hit in first):
        return None
    others = tuple(hit for hit in found.hits if hit.passage.id not in wanted)
    return replace(found, hits=(*first, *others))
