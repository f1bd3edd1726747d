"""One answer in the making, after retrieval: abstained, drafted, composed, and recorded."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Any, Protocol

import prompts
from app.answer.again import as_wished, says_nothing_new
from app.answer.ahead import CheckedAhead
from app.answer.best_of import written
from app.answer.calculate import work_out
from app.answer.clock import Clock
from app.answer.compose import ComposedSentence
from app.answer.conflicts import in_answer, numbered
from app.answer.draft import Reviewer
from app.answer.foreword import Foreword, written_in_english
from app.answer.limits import Bounds
from app.answer.manner import in_manner
from app.answer.on_last_answer import answered_from_last, table
from app.answer.pipeline_settings import PipelineSettings, decoding_for
from app.answer.prompt_builder import Delimiter, Prompt, build_prompt, unmarked
from app.answer.replies import abstention
from app.answer.stated_conflicts import StatedConflicts
from app.answer.structured import JsonReviewer
from app.answer.talk import Facts, clarification, talk
from app.answer.writer import Writer
from app.chat_models import ChatModel, Finished, Piece
from app.config.personas import Persona
from app.question.acts import TALK, Act
from app.question.calculations import CalculationRequest
from app.question.language import reply
from app.question.reading import Reading
from app.record.citations import is_whole
from app.record.evidence import Evidence, Idf, Span, evidence_of
from app.record.hooks import Observers
from app.record.reasons import Reason
from app.record.sanitize import visible
from app.record.types import (
    Answer,
    AnswerMode,
    Delta,
    Event,
    Final,
    FinishReason,
    JsonForm,
    Premise,
    Question,
    Retrieved,
    Sampling,
    Usage,
)
from app.verifying.miscomputed import Faults
from app.verifying.supports import Support, Verifier
from index.store import LoadedIndex
from index.text.sentences import Segment, SentenceStream
from index.types import PassageKind

__all__ = ["AnswerRun", "Parts"]

# Of what is only near, no more than the best passages.
_NEAREST = 2
# Answers that say what is missing.
_TOLD = frozenset({"draft", "composed", "mixed", "abstained"})
# Wishes that leave an answer its own form.
_PLAIN = (None, Act.REPEAT)
# What asks for something that was not said yet.
_WANTS_ELSE = frozenset({Act.SIMPLIFY, Act.EXPAND, Act.EXAMPLE})
# Tokens after which a draft is given up if nothing of it could be shown, and sentences that had to
# go by then: an opening alone says nothing of what follows.
_NOWHERE, _GONE = 60, 2
_FROM_THE_LAST = frozenset({Act.SOURCE, Act.CHALLENGE, Act.REFER})


class Parts(Protocol):
    """What an answer needs of the pipeline."""

    @property
    def index(self) -> LoadedIndex:
        """The index that serves now."""

    @property
    def model(self) -> ChatModel:
        """What writes."""

    @property
    def settings(self) -> PipelineSettings:
        """How answers are made."""

    @property
    def observers(self) -> Observers:
        """Who is told what happens."""

    def verifier(self, idf: Idf, asked: str = "", prompt_tokens: int | None = None) -> Verifier:
        """Return what checks the sentences of a draft, made of a prompt of so many tokens."""


class AnswerRun:
    """One answer in the making, after retrieval."""

    def __init__(
        self,
        pipeline: Parts,
        question: Question,
        persona: Persona,
        reading: Reading,
        retrieved: Retrieved,
        clock: Clock,
        delimiter: Delimiter | None,
    ) -> None:
        """Take up what was retrieved.

        Args:
            pipeline: the parts.
            question: what is asked.
            persona: who answers.
            reading: what the turn does.
            retrieved: what was found.
            clock: started when the question came.
            delimiter: what set data apart when this was answered before; None draws one.
        """
        self.pipeline, self.settings, self.model = pipeline, pipeline.settings, pipeline.model
        self.question, self.persona, self.reading = question, persona, reading
        self.retrieved = retrieved
        self.clock, self.delimiter = clock, delimiter
        self.idf = pipeline.index.lexical.idf
        self.known = evidence_of((*retrieved.hits, *retrieved.counterparts, *retrieved.beside))
        # What conflicts alone bring in is no evidence for the rest of the answer.
        self.evidence = self.known[: len(retrieved.hits)]
        self.faults = Faults(self.known, (*retrieved.conflicts, *retrieved.unasked))
        self.writer = Writer(self.known, self.faults)
        self.conflicts = StatedConflicts(self.writer, self.known, self.faults)
        self.usage = retrieved.rewrite.usage
        self.told = 0  # of what was dropped, in deltas
        self.premises: list[Premise] = []
        self.finish_reason: FinishReason = "stop"
        self.calculations: tuple[Mapping[str, Any], ...] = ()
        self.prompt: Prompt | None = None
        self.refused = self.bounded = False
        self.decoding = decoding_for(question, persona, self.settings)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what is written as it is checked, and the record at last."""
        if self.reading.calculation is not None:
            for delta in self._worked_out(self.reading.calculation):
                yield delta
            yield self._final("computed" if self.calculations else "talk")
        elif self.reading.act in TALK:
            yield self._talk()
            yield self._final("talk")
        elif not self.retrieved.answerable or not self.evidence:
            yield self._abstain()
            yield self._final("abstained")
        elif self.question.form is not None:
            for delta in await self._json(self.question.form):
                yield delta
            yield self._final("abstained" if self.refused else "draft")
        elif self.reading.act in _FROM_THE_LAST:
            for delta in self._from_the_last():
                yield delta
            yield self._final("composed" if self.writer.claims else "talk")
        else:
            async with aclosing(self._prose()) as prose:
                async for event in prose:
                    yield event

    def _worked_out(self, asked: CalculationRequest) -> Iterator[Delta]:
        worked = work_out(asked)
        self.writer = Writer([*worked.evidence(), *self.evidence])
        self.calculations = tuple(
            run.as_dict() for run in ((worked.found, *worked.others) if worked.found else ())
        )
        yield from written_in_english(self.reading.language, self.writer)
        yield from worked.written(self.writer)
        # What the quantity is, in the knowledge base's words.
        for item in self.evidence if worked.found else ():
            span = item.spans[0]
            support = Support(item.passage.id, item.n, span.start, span.end, 1.0)
            yield self.writer.claim("\n\n", span.text, "supported", [support], 1.0)

    def _talk(self) -> Delta:
        facts = Facts(self.pipeline.index, self.persona, self.model.name, self._drafts())
        if self.reading.act is Act.CLARIFY and self.reading.said.rest:
            hits = self.retrieved.hits
            return self.writer.plain("", clarification(self.reading.said.rest, hits))
        return self.writer.plain("", talk(self.reading, facts))

    def _from_the_last(self) -> Iterator[Delta]:
        if self.reading.act is not Act.SOURCE:
            for conflict in self.retrieved.conflicts:
                yield from self.conflicts.state(conflict)
            yield from self._told_before()
        if self.reading.act is Act.CHALLENGE and self.conflicts.all:
            return  # that the sources disagree is what there is to say
        composed = [(self.evidence[one.n - 1], _span(one)) for one in self._chosen()]
        yield from answered_from_last(
            self.reading, self.evidence, composed, self.writer, self.conflicts.state
        )

    def _told_before(self) -> Iterator[Delta]:
        """Tell again of the wrong figures that the answer told of which an act is about."""
        if self.reading.again is not None:
            for wrong in self.faults.told_in(self.reading.again.answer):
                yield from self.conflicts.state(wrong.conflict)

    def _drafts(self) -> bool:
        """Whether the model writes the answer."""
        mode = self.settings.answer_mode
        return mode == "draft" or (mode == "auto" and not self.model.small)

    async def _prose(self) -> AsyncGenerator[Event, None]:
        foreword = Foreword(
            self.reading.language,
            self.retrieved,
            self.evidence,
            self.pipeline.index,
            self.writer,
            self.conflicts,
            self.clock,
            self.premises,
        )
        for delta in foreword.written():
            yield delta
        before = len(self.writer.claims)
        if self._drafts():
            async with aclosing(self._draft()) as draft:
                async for delta in draft:
                    yield delta
        # What the model wrote counts as its own even where it is only partly supported.
        drafted = any(claim.basis == "drafted" for claim in self.writer.claims)
        composed: list[Delta] = []
        kept = sum(claim.status == "supported" for claim in self.writer.claims[before:])
        if kept < self._least_supported():
            composed = await self._composed()
            for delta in composed:
                yield delta
        if not self.writer.claims:
            for delta in self._nothing_said():
                yield delta
            yield self._final("abstained")
            return
        for delta in () if self.bounded else self._conflicts():
            yield delta
        written: AnswerMode = "mixed" if composed else "draft"
        yield self._final(written if drafted else "composed")

    async def _draft(self) -> AsyncGenerator[Delta, None]:
        prompt = await self._prompt()
        checks = self.pipeline.verifier(self.idf, self.question.text, prompt.tokens)
        verifier = CheckedAhead(self.faults.watching(checks), prompt.evidence)
        policy = self.settings.unsupported
        asked = f"{self.question.text} {self.retrieved.standalone_query}"
        reviewer = Reviewer(self.writer, verifier, prompt.evidence, policy, asked)
        stream, waiting = SentenceStream(), list[Segment]()
        tokens, shown = 0, len(self.writer.claims)
        with closing(verifier):
            async with aclosing(written(self.model, prompt, self.decoding, verifier)) as pieces:
                async for event in pieces:
                    if isinstance(event, Piece):
                        self.clock.mark("first_token")
                        tokens += event.tokens
                        come = list(stream.feed(unmarked(visible(event.text))))
                    else:
                        come = self._without_a_cut(list(stream.close()), event)
                        self._finished(event)
                    for segment in come:
                        verifier.begin(segment)
                    waiting += come
                    while verifier.pace != "afterwards" and waiting:
                        if verifier.awaits(waiting[0]):
                            break
                        async for delta in self._reviewed(reviewer, [waiting.pop(0)]):
                            yield delta
                    if tokens >= _NOWHERE and not waiting and self._goes_nowhere(shown):
                        self._finished(Finished("stop", Usage(prompt.tokens, tokens), cut=True))
                        break
            # What goes on is waited for; a model that answers one at a time is free again.
            async for delta in self._reviewed(reviewer, waiting):
                yield delta
        self.usage += verifier.usage
        self.pipeline.observers.stage("verify", self.clock.seconds.get("verify", 0.0))

    def _goes_nowhere(self, shown: int) -> bool:
        """Whether a draft's sentences had to go, and nothing has come of it to be shown."""
        if self.settings.unsupported != "drop" or len(self.writer.claims) > shown:
            return False
        gone = sum(drop.kind is not Reason.NOTHING_CLAIMED for drop in self.writer.dropped)
        return gone >= _GONE

    def _without_a_cut(self, last: list[Segment], event: Finished) -> list[Segment]:
        """Leave out a sentence that was cut off: what it would have said can't be known."""
        cut = event.cut or event.reason == "length"
        drops = cut and self.settings.unsupported == "drop"
        if drops and last and not is_whole(last[-1]):
            self.writer.drop(last.pop().body, Reason.CUT)
        return last

    async def _reviewed(
        self, reviewer: Reviewer, waiting: list[Segment]
    ) -> AsyncGenerator[Delta, None]:
        while waiting:
            await asyncio.sleep(0)  # many sentences may have come at once, and others wait
            self.clock.begin()
            delta = await reviewer.review(waiting.pop(0))
            self.clock.spent("verify")
            for said in self.conflicts.of_refused():
                yield self.conflicts.write(said)
            if delta is not None:
                self.clock.mark("first_sentence")
            dropped = tuple(self.writer.dropped[self.told :])
            self.told += len(dropped)
            if delta is not None or dropped:
                yield replace(delta or Delta(""), dropped=dropped)

    async def _prompt(self) -> Prompt:
        room = self.decoding.max_tokens
        self.prompt = await build_prompt(
            self.question, self.persona, self.evidence, self.model, room, self.delimiter
        )
        self.clock.mark("prompt")
        return self.prompt

    async def _json(self, form: JsonForm) -> list[Delta]:
        prompt = await self._prompt()
        checks = self.pipeline.verifier(self.idf, self.question.text, prompt.tokens)
        verifier = self.faults.watching(checks)
        policy = self.settings.unsupported
        reviewer = JsonReviewer(
            self.writer, verifier, prompt.evidence, policy, form, self.conflicts.of_refused
        )
        delta, finished = await reviewer.written(self.model.stream(prompt.messages, self.decoding))
        self._finished(finished)
        for _ in self.conflicts.of_refused():
            pass  # a number was refused, and no text came after it: the record has the conflict
        if delta is not None:
            return [delta]
        return [*self.conflicts.again(), self._abstain()]

    def _finished(self, event: Finished) -> None:
        self.usage, self.finish_reason = self.usage + event.usage, event.reason
        if event.seed is not None:
            self.decoding = replace(self.decoding, seed=event.seed)
        self.clock.mark("drafted")

    def _least_supported(self) -> int:
        # One good sentence is a whole answer if nothing that the model wrote had to go.
        gone = any(drop.kind is not Reason.REPLACED for drop in self.writer.dropped)
        return self.settings.least_supported if gone else 1

    async def _composed(self) -> list[Delta]:
        self.clock.begin()
        chosen, told = list[ComposedSentence](), [*self._told_before()]
        for one in self._chosen():
            faults = self.faults.stated_in(one.text, [self.known[one.n - 1].passage.id])
            for wrong in faults:
                told += self.conflicts.state(wrong.conflict)
            if not faults:
                chosen.append(one)
        again = self.reading.again
        wants_else = again is not None and self.reading.act in _WANTS_ELSE
        if again and wants_else and chosen and says_nothing_new(chosen, again.answer):
            told.append(self.writer.plain("", prompts.text("replies/nothing-else.md").strip()))
            chosen[0] = replace(chosen[0], lead=chosen[0].lead or " ")
        if self.reading.said.wishes.form == "table" and len(chosen) > 1:
            pairs = [(self.evidence[one.n - 1], _span(one)) for one in chosen]
            return [*told, *table(pairs, self.writer)]
        bounds = Bounds(self.question.sampling, self.model)
        deltas, ending = await bounds.write(chosen, self.writer, self.known)
        drafted = any(claim.basis == "drafted" for claim in self.writer.claims)
        if ending:
            self.bounded, self.finish_reason = True, ending
        elif not drafted:
            self.finish_reason = "stop"  # it is whole: the draft that was cut is no part of it
        self.clock.mark("first_sentence")
        self.clock.mark("composed")
        self.pipeline.observers.stage("compose", self.clock.spent("compose"))
        return [*told, *deltas]

    def _chosen(self) -> list[ComposedSentence]:
        """Choose what is composed, as the turn wishes for it."""
        again, said, past = self.reading.again, self.reading.said, self.reading.past
        asked = self.retrieved.standalone_query
        anew = all(one.question.casefold() != asked.casefold() for one in past.exchanges)
        before = tuple(one.answer for one in past.exchanges) if anew else ()
        chosen = as_wished(
            said.act,
            said.wishes,
            asked,
            self._nearest() if self.retrieved.gap else self.evidence,
            self.idf,
            shape=self.persona.shape,
            said=again.answers if again else before,
            taken=self.retrieved.rewrite.taken,
        )
        if said.act is not Act.ASK or said.wishes.act not in _PLAIN or self.retrieved.gap:
            return chosen
        return in_manner(
            chosen,
            asked,
            self.known,
            self.idf,
            shape=self.persona.shape,
            research=self.persona.name.endswith("+research"),
        )

    def _nearest(self) -> list[Evidence]:
        """The first passages, for where something is missing: one at least tells something."""
        kinds = [item.passage.kind for item in self.evidence]
        telling = [at for at, kind in enumerate(kinds) if kind is not PassageKind.DESCRIPTION]
        return self.evidence[: max([_NEAREST, *(at + 1 for at in telling[:1])])]

    def _conflicts(self) -> Iterator[Delta]:
        """State what the answer gave one value of; what the question asks about came first."""
        found = self.retrieved
        for conflict in in_answer(found.conflicts, found.unasked, self.writer.citations):
            yield from self.conflicts.state(conflict)

    def _nothing_said(self) -> Iterator[Delta]:
        """Abstain, or say that not one sentence fits: a part of it could say something else."""
        if not self.bounded:
            yield self._abstain()
        elif self.finish_reason == "length":
            most = str(self.question.sampling.max_tokens)
            yield self.writer.plain("", prompts.fill("replies/no-room.md", most=most).strip())

    def _abstain(self) -> Delta:
        self.refused = True
        if said := reply(self.reading.language, "refused"):
            return self.writer.plain("", said)
        retrieved = self.retrieved
        return self.writer.plain(
            "", abstention(self.question.text, retrieved.nearest, retrieved.gap)
        )

    def _final(self, mode: AnswerMode) -> Final:
        self.clock.mark("total")
        writer, retrieved, used = self.writer, self.retrieved, self.decoding
        conflicts = numbered(self.conflicts.all or retrieved.conflicts, writer.number_of)
        answer = Answer(
            id=f"ans-{uuid.uuid4().hex}",
            text=writer.text,
            abstained=mode == "abstained",
            citations=tuple(writer.citations),
            claims=tuple(writer.claims),
            conflicts=conflicts,
            premises=tuple(self.premises),
            usage=self.usage,
            timings={**retrieved.timings, **self.clock.milliseconds(), **self.clock.timings},
            persona=self.persona.name,
            model=self.model.name,
            mode=mode,
            finish_reason=self.finish_reason,
            standalone_query=retrieved.standalone_query,
            rewrite=retrieved.rewrite,
            confidence=retrieved.confidence,
            index_fingerprint=retrieved.index_fingerprint,
            nearest=retrieved.nearest if mode == "abstained" else (),
            dropped=tuple(writer.dropped),
            sampling=Sampling(used.temperature, used.top_p, used.max_tokens, used.seed, used.stop),
            prompt_sha256=self.prompt.sha256 if self.prompt else "",
            prefix_sha256=self.prompt.prefix_sha256 if self.prompt else "",
            delimiter=self.prompt.delimiter.token if self.prompt else "",
            question=self.question,
            act=self.reading.act,
            missing=retrieved.gap.what if retrieved.gap and mode in _TOLD else (),
            calculations=self.calculations,
        )
        self.pipeline.observers.answered(answer)
        return Final(answer)


def _span(sentence: ComposedSentence) -> Span:
    return Span(sentence.start, sentence.end, sentence.text)
