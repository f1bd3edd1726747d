"""`POST /v1/chat/completions`: a question in, a cited answer out, streamed or whole.

What can fail before the first text fails with a status: the request is checked, the evidence
retrieved and the model reached before a stream's 200 goes out. If that takes longer than the
setting `keep_alive_seconds`, the stream opens once retrieval is done and says that it is alive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.api.asking import chat_question, left_out, unused_wishes
from app.api.chat_replies import ChatReply
from app.api.errors import api_error
from app.api.serving import Json, Keep, Serving, note, note_event, note_question, parsed
from app.api.streaming import DONE, EventStream, Pump, frame
from app.api.wire import ChatRequest
from app.record.errors import ModelError
from app.record.types import Answer, Delta, Event, Final, Retrieved

__all__ = ["Opened", "final_answer", "open_events", "rest_of", "serve_chat"]

_log = logging.getLogger("citewise.api")


async def serve_chat(request: Request, serving: Serving) -> Response:
    """Answer a chat request.

    Raises:
        ApiError: it can't be honoured.
        CitewiseError: the pipeline failed before the first text.
    """
    asked = await parsed(request, ChatRequest)
    note(request, model=asked.model, stream=bool(asked.stream))
    serving.persona(asked.model)
    question = chat_question(asked, serving.limits, serving.pipeline.model)
    unread = (left_out(asked.messages, serving.limits), unused_wishes(asked))
    request.scope["citewise.left_out"] = ", ".join(filter(None, unread))
    note_question(request, serving, question)
    events, grounded = serving.events(question)
    wanted = grounded and asked.store is not False
    if not asked.stream:
        answer = await final_answer(request, events)
        reply = ChatReply(asked.model, answer.index_fingerprint, grounded, bool(question.form))
        serving.keeping(request, reply.id, question, wanted=wanted)(answer)
        return Json(reply.whole(answer))
    quiet = serving.settings.keep_alive_seconds
    opened = await open_events(request, events, quiet, grounded=grounded)
    with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
    reply = ChatReply(asked.model, opened.fingerprint, grounded, bool(question.form), with_usage)
    keep = serving.keeping(request, reply.id, question, wanted=wanted)
    return EventStream(_frames(request, reply, opened, quiet, keep), opened.pump)


async def final_answer(request: Request, events: AsyncGenerator[Event, None]) -> Answer:
    """The answer at the events' end.

    Raises:
        ModelError: they ended without one.
    """
    async with aclosing(events):
        async for event in events:
            note_event(request, event)
            if isinstance(event, Final):
                return event.answer
    raise ModelError("the pipeline ended without an answer")


@dataclass(frozen=True, slots=True)
class Opened:
    """Events that have begun: what was found, and the first of what comes after, if it came."""

    pump: Pump[Event]
    found: Retrieved | None
    first: Event | None

    @property
    def fingerprint(self) -> str:
        """The index that was searched; empty where none was."""
        return self.found.index_fingerprint if self.found else ""


async def open_events(
    request: Request, events: AsyncGenerator[Event, None], quiet: float, *, grounded: bool
) -> Opened:
    """Begin, up to the first text, an error, or `quiet` seconds after retrieval.

    Raises:
        CitewiseError: whatever the pipeline raises until then.
    """
    pump = Pump(events)
    try:
        found = None
        if grounded:
            event = await pump.next()
            note_event(request, event)
            if not isinstance(event, Retrieved):
                return Opened(pump, None, event)
            found = event
        first = await pump.next_within(quiet)
        while isinstance(first, Delta) and not first.text:
            first = await pump.next_within(quiet)
        return Opened(pump, found, first)
    except StopAsyncIteration:
        await pump.close()
        raise ModelError("the pipeline ended without an answer") from None
    except BaseException:
        await pump.close()
        raise


async def rest_of(
    request: Request, opened: Opened, quiet: float
) -> AsyncIterator[Delta | Final | None]:
    """The events after retrieval; None for every `quiet` seconds in which none came.

    The texts of the deltas joined are the final answer's text, whether or not the pipeline
    sent all of it in deltas.

    Raises:
        ModelError: the events end without an answer or contradict it.
        CitewiseError: whatever the pipeline raises.
    """
    sent: list[str] = []
    event = opened.first
    while True:
        if isinstance(event, Delta):
            sent.append(event.text)
            yield event
        elif isinstance(event, Final):
            note_event(request, event)
            for late in _unsent(event.answer.text, "".join(sent)):
                yield late
            yield event
            return
        elif event is None:
            yield None
        try:
            event = await opened.pump.next_within(quiet)
        except StopAsyncIteration:
            raise ModelError("the pipeline ended without an answer") from None


def _unsent(text: str, sent: str) -> list[Delta]:
    if not text.startswith(sent):
        raise ModelError("the deltas joined are not the final answer's text")
    return [Delta(text[len(sent) :])] if len(text) > len(sent) else []


async def _frames(
    request: Request, reply: ChatReply, opened: Opened, quiet: float, keep: Keep
) -> AsyncIterator[bytes]:
    yield frame(reply.opening())
    try:
        async for event in rest_of(request, opened, quiet):
            match event:
                case None:
                    yield frame(reply.alive())
                case Delta(text=text) if text and not reply.formed:
                    yield frame(reply.text(text))
                case Final(answer=answer):
                    for chunk in reply.closing(answer):
                        yield frame(chunk)
                    keep(answer)
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except Exception as error:  # noqa: BLE001 - the status is sent: the client is told in a frame
        shown = api_error(error)
        note(request, error=shown.fields.code, outcome="broken")
        _log.error("a stream broke", exc_info=error, extra={"fields": shown.payload()["error"]})
        yield frame(shown.payload())
    yield DONE
