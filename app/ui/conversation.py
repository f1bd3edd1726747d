"""A conversation as the page keeps it, and one question played through the pipeline."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.answer.pipeline import PipelineSettings
from app.answer.prompt_again import prompt_again
from app.chat_models import ChatModel
from app.config.personas import Persona
from app.record.checked import Checked
from app.record.errors import ContextOverflow, ModelBusy, ModelError, ModelUnavailable, RequestError
from app.record.reasons import Reason
from app.record.types import (
    Answer,
    Citation,
    Claim,
    Delta,
    Dropped,
    Event,
    Final,
    Message,
    Question,
    Retrieved,
)
from app.store import Also
from app.ui import texts
from index.errors import CitewiseError, IndexUnusable
from index.types import Passage
from index.vectors import VectorStore

__all__ = [
    "Answering",
    "BrowsedIndex",
    "Turn",
    "drafts",
    "history_of",
    "play",
    "stopped",
    "trouble_of",
    "with_prompt",
]

_LOG = logging.getLogger(__name__)
_TICK_S = 0.4  # how often a waiting reader is told what is going on


class BrowsedIndex(Protocol):
    """What the page reads of an index."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Everything that can be cited."""

    @property
    def fingerprint(self) -> str:
        """Its identity, as answers record it."""

    @property
    def knowledge_base(self) -> str:
        """What is indexed: its name, or several joined by "+"."""

    @property
    def owners(self) -> NDArray[np.int64]:
        """The row of the passage that each vector belongs to."""

    @property
    def vectors(self) -> VectorStore:
        """Every passage's vectors, one for each text that it is found under."""


class Answering(Protocol):
    """What the page asks of the pipeline."""

    @property
    def personas(self) -> Mapping[str, Persona]:
        """A person's own personas, by name, beside the shipped ones."""

    @property
    def model(self) -> ChatModel:
        """What writes."""

    @property
    def settings(self) -> PipelineSettings:
        """How answers are made."""

    @property
    def index(self) -> BrowsedIndex:
        """The index that serves now."""

    @property
    def renewing(self) -> bool:
        """Whether another index is being built, which will serve instead."""

    def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Answer a question; closing the generator stops the model."""

    async def check(self, text: str) -> Checked:
        """Tell of each sentence whether the sources bear it out."""

    async def sources(self) -> tuple[str, ...]:
        """Return the names of the sources that can be asked within."""

    async def health(self) -> dict[str, bool]:
        """Tell which parts are ready."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with as much of its answer as is known.

    `trouble` is what went wrong, in words for the reader; `stopped` says that the reader
    stopped it, and its answer is then as far as it had come; `persona` is a title, `name` what
    questions call it; `prompt` is what the model was given, where one was asked; `also` sets it
    to the turn before it, as `app.store.Exchange` has it; `dropped` is what a model has written so
    far and is not shown.
    """

    question: str
    persona: str
    text: str = ""
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    retrieved: Retrieved | None = None
    answer: Answer | None = None
    stopped: bool = False
    trouble: str = ""
    prompt: tuple[Message, ...] = ()
    also: Also = ""
    name: str = ""
    dropped: tuple[Dropped, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.answer is not None or self.stopped or bool(self.trouble)

    @property
    def answered(self) -> bool:
        """Whether there is something that a follow-up can refer to."""
        return bool(self.text) and not self.trouble


def drafts(pipeline: Answering) -> bool:
    """Whether the model writes; answers composed from the evidence don't wait for it."""
    mode = pipeline.settings.answer_mode
    return mode == "draft" or (mode == "auto" and not pipeline.model.small)


def history_of(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Return the conversation as a follow-up's history."""
    return tuple(
        message
        for turn in turns
        if turn.answered
        for message in (Message("user", turn.question), Message("assistant", turn.text))
    )


def trouble_of(error: Exception) -> str:
    """Say what went wrong in words for the reader; what is no one's fault is logged."""
    match error:
        case ModelBusy():
            return texts.MODEL_BUSY.format(after=texts.seconds(error.retry_after * 1000))
        case ModelUnavailable():
            return texts.MODEL_AWAY
        case ContextOverflow():
            return texts.TOO_LONG
        case ModelError():
            _LOG.warning("the model failed", exc_info=error)
            return texts.MODEL_FAILED
        case RequestError():
            return _sentence(str(error))
        case IndexUnusable():
            return f"{texts.NO_INDEX} {_sentence(str(error))}"
        case CitewiseError():
            return _sentence(str(error))
    _LOG.error("answering failed", exc_info=error)
    return texts.UNEXPECTED


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


async def play(
    pipeline: Answering,
    question: Question,
    turn: Turn,
    stop: asyncio.Event,
    ahead: Callable[[], int] = lambda: 0,
) -> AsyncGenerator[tuple[Turn, str], None]:
    """Play a question, as pairs of the turn so far and a line on what is going on.

    The last turn is over: answered, stopped or in trouble. The pipeline's generator is closed
    whatever happens, which stops the model. `ahead` counts the questions that are answered first.
    """
    events = pipeline.answer(question)
    stopping = asyncio.ensure_future(stop.wait())
    pending: asyncio.Future[Event | None] | None = None
    status = ""
    try:
        while not turn.over:
            pending = asyncio.ensure_future(_next(events))
            while not pending.done():
                now = await _status(pipeline, turn, ahead)
                if now != status:
                    status = now
                    yield turn, status
                waited: set[asyncio.Future[Any]] = {pending, stopping}
                await asyncio.wait(waited, timeout=_TICK_S, return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    yield stopped(turn, question, pipeline), ""
                    return
            event = pending.result()
            if event is None:
                break
            turn = _after(turn, event)
            if turn.answer is not None:
                turn = await with_prompt(turn, pipeline)
            yield turn, status
    except Exception as error:  # noqa: BLE001 - told to the reader, and logged where unexpected
        yield replace(turn, trouble=trouble_of(error)), ""
    finally:
        await _closed(events, stopping, pending)


async def with_prompt(turn: Turn, pipeline: Answering) -> Turn:
    """The turn with the prompt that its model was given, where it can be built again."""
    if turn.answer is None:
        return turn
    found = await prompt_again(
        turn.answer,
        turn.retrieved,
        pipeline.model,
        pipeline.personas,
        pipeline.index.knowledge_base,
    )
    return replace(turn, prompt=found.messages) if found else turn


def stopped(turn: Turn, question: Question, pipeline: Answering) -> Turn:
    """The turn as one that the reader stopped; what was shown, if anything, is its answer."""
    found = turn.retrieved
    if not turn.text or found is None:
        return replace(turn, stopped=True)
    cited = {citation.ref for citation in turn.citations}
    answer = Answer(
        id=f"ans-{uuid.uuid4().hex}",
        text=turn.text,
        abstained=False,
        citations=turn.citations,
        claims=turn.claims,
        conflicts=tuple(
            one for one in found.conflicts if cited & {value.ref for value in one.values}
        ),
        timings=found.timings,
        persona=question.persona,
        model=pipeline.model.name,
        standalone_query=found.standalone_query,
        confidence=found.confidence,
        index_fingerprint=found.index_fingerprint,
        sampling=question.sampling,
        rewrite=found.rewrite,
        question=question,
    )
    return replace(turn, stopped=True, answer=answer)


async def _next(events: AsyncGenerator[Event, None]) -> Event | None:
    return await anext(events, None)


async def _closed(events: AsyncGenerator[Event, None], *tasks: asyncio.Future[Any] | None) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await events.aclose()


def _after(turn: Turn, event: Event) -> Turn:
    match event:
        case Retrieved():
            return replace(turn, retrieved=event)
        case Delta():
            known = {(citation.n, citation.ref) for citation in turn.citations}
            fresh = tuple(c for c in event.citations if (c.n, c.ref) not in known)
            claims = turn.claims if event.claim is None else (*turn.claims, event.claim)
            return replace(
                turn,
                text=turn.text + event.text,
                citations=turn.citations + fresh,
                claims=claims,
                dropped=turn.dropped + event.dropped,
            )
        case Final(answer):
            return replace(
                turn,
                text=answer.text,
                citations=answer.citations,
                claims=answer.claims,
                answer=answer,
            )


async def _status(pipeline: Answering, turn: Turn, ahead: Callable[[], int]) -> str:
    if turn.text or turn.dropped:
        replaced = sum(one.kind is Reason.REPLACED for one in turn.dropped)
        return texts.writing(len(turn.claims), replaced, len(turn.dropped) - replaced)
    if turn.retrieved is None:
        return texts.SEARCHING
    if drafts(pipeline) and not await pipeline.model.ready():
        return texts.LOADING
    if pipeline.model.waiting > 0:
        return texts.ahead(ahead())
    return texts.found(len(turn.retrieved.hits))
