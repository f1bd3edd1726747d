"""`POST /v1/responses`: the same answers in OpenAI's newer protocol, each request for itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.asking import (
    Limits,
    conversation,
    json_form,
    left_out,
    most_tokens,
    tool_refusal,
    unsupported,
)
from app.api.chat import Opened, open_events, rest_of
from app.api.errors import api_error, refused
from app.api.responses_replies import ResponseReply
from app.api.responses_wire import ResponsesRequest
from app.api.serving import Json, Keep, Serving, note, note_question, parsed
from app.api.streaming import DONE, EventStream, frame
from app.chat_models import ChatModel
from app.record.errors import ModelError, RequestError
from app.record.types import Answer, Delta, Event, Final, JsonForm, Question, Retrieved, Sampling

__all__ = ["serve_response"]

_log = logging.getLogger("citewise.api")


async def serve_response(request: Request, serving: Serving) -> Response:
    """Answer a Responses request.

    Raises:
        ApiError: it can't be honoured.
        CitewiseError: the pipeline failed before the first text.
    """
    asked = await parsed(request, ResponsesRequest)
    note(request, model=asked.model, stream=bool(asked.stream))
    serving.persona(asked.model)
    question = _question(asked, serving.limits, serving.pipeline.model)
    request.scope["citewise.left_out"] = left_out(asked.messages(), serving.limits)
    note_question(request, serving, question)
    events, grounded = serving.events(question)
    reply = ResponseReply(asked, grounded, bool(question.form))
    wanted = grounded and asked.store is not False
    keep = serving.keeping(request, reply.id, question, wanted=wanted)
    try:
        if not asked.stream:
            found, answer = await _whole(request, events, grounded=grounded)
            keep(answer)
            return Json(reply.finished(answer, found))
        quiet = serving.settings.keep_alive_seconds
        opened = await open_events(request, events, quiet, grounded=grounded)
    except RequestError as error:
        if error.field == "form":
            raise refused(str(error), "text.format") from error
        raise
    return EventStream(_frames(request, reply, opened, quiet, keep), opened.pump)


def _question(asked: ResponsesRequest, limits: Limits, model: ChatModel) -> Question:
    _refuse_unsupported(asked)
    whole = "input" if isinstance(asked.input, str) else None
    talk = conversation(asked.messages(), limits, field="input", question_field=whole)
    told = (asked.instructions or "", talk.instructions)
    return Question(
        text=talk.text,
        history=talk.history,
        persona=asked.model,
        sampling=Sampling(
            temperature=asked.temperature,
            top_p=asked.top_p,
            max_tokens=most_tokens(asked.max_output_tokens, model),
        ),
        instructions="\n\n".join(part for part in told if part.strip()),
        form=_form(asked, model),
        sources=tuple(asked.x_sources),
    )


def _form(asked: ResponsesRequest, model: ChatModel) -> JsonForm | None:
    wanted = asked.text.format if asked.text else None
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return json_form(model, JsonForm(), "text.format")
    if wanted.schema_ is None:
        missing = "text.format.schema"
        raise refused(
            f"{missing} is missing: expected a value", missing, "missing_required_parameter"
        )
    return json_form(model, JsonForm(wanted.schema_, wanted.name or "answer"), "text.format")


def _refuse_unsupported(asked: ResponsesRequest) -> None:
    for name, value in (
        ("previous_response_id", asked.previous_response_id),
        ("conversation", asked.conversation),
        ("prompt", asked.prompt),
    ):
        if value is not None:
            raise unsupported(name, "no conversation is kept here: send the whole of it as input")
    if asked.background:
        raise unsupported("background", "nothing runs on here: use stream")
    if asked.top_logprobs or "message.output_text.logprobs" in (asked.include or ()):
        name = "top_logprobs" if asked.top_logprobs else "include"
        raise unsupported(name, "answers are verified sentence by sentence and have no logprobs")
    choice = asked.tool_choice
    if choice not in (None, "none", "auto", {"type": "file_search"}):
        raise unsupported("tool_choice", tool_refusal(choice))


async def _whole(
    request: Request, events: AsyncGenerator[Event, None], *, grounded: bool
) -> tuple[Retrieved | None, Answer]:
    opened = await open_events(request, events, 0, grounded=grounded)
    try:
        async for event in rest_of(request, opened, 0):
            if isinstance(event, Final):
                return opened.found, event.answer
    finally:
        await opened.pump.close()
    raise ModelError("the pipeline ended without an answer")


class _Numbered:
    """Numbers a stream's events."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, kind: str, **fields: Any) -> bytes:  # noqa: ANN401 - fields of JSON
        number, self._next = self._next, self._next + 1
        return frame({"type": kind, "sequence_number": number, **fields}, kind)


async def _frames(
    request: Request, reply: ResponseReply, opened: Opened, quiet: float, keep: Keep
) -> AsyncIterator[bytes]:
    event_of = _Numbered()
    running = reply.body("in_progress", [])
    for chunk in _opening(event_of, reply, opened.found, running):
        yield chunk
    at = {
        "item_id": reply.message_id,
        "output_index": int(reply.shows_search),
        "content_index": 0,
    }
    try:
        async for event in rest_of(request, opened, quiet):
            match event:
                case None:
                    yield event_of("response.in_progress", response=running)
                case Delta(text=text) if text and not reply.formed:
                    yield event_of("response.output_text.delta", **at, delta=text, logprobs=[])
                case Final(answer=answer):
                    for chunk in _closing(event_of, reply, answer, opened.found, at):
                        yield chunk
                    keep(answer)
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except Exception as error:  # noqa: BLE001 - the status is sent: the client is told in a frame
        shown = api_error(error)
        note(request, error=shown.fields.code, outcome="broken")
        _log.error("a stream broke", exc_info=error, extra={"fields": shown.payload()["error"]})
        fields = shown.payload()["error"]
        # Flat as the protocol has it, and nested, at which openai-python raises.
        flat = {name: fields[name] for name in ("code", "message", "param")}
        yield event_of("error", **flat, error=fields)
        yield event_of("response.failed", response=reply.failed(shown))
    yield DONE


def _opening(
    event_of: _Numbered, reply: ResponseReply, found: Retrieved | None, running: dict[str, Any]
) -> Iterator[bytes]:
    yield event_of("response.created", response=running)
    yield event_of("response.in_progress", response=running)
    index = 0
    if reply.shows_search:
        begun = reply.search_item(None, "in_progress").as_dict()
        yield event_of("response.output_item.added", output_index=0, item=begun)
        for state in ("in_progress", "searching", "completed"):
            yield event_of(
                f"response.file_search_call.{state}", output_index=0, item_id=reply.search_id
            )
        item = reply.search_item(found).as_dict()
        yield event_of("response.output_item.done", output_index=0, item=item)
        index = 1
    begun = reply.message_item([], "in_progress").as_dict()
    yield event_of("response.output_item.added", output_index=index, item=begun)
    if not reply.formed:  # else it is not known yet whether the part is a text or a refusal
        yield event_of(
            "response.content_part.added",
            item_id=reply.message_id,
            output_index=index,
            content_index=0,
            part=reply.text_part("", []).as_dict(),
        )


def _closing(
    event_of: _Numbered,
    reply: ResponseReply,
    answer: Answer,
    found: Retrieved | None,
    at: dict[str, Any],
) -> Iterator[bytes]:
    part = reply.answer_part(answer).as_dict()
    refusal = part.get("refusal")
    if reply.formed:
        begun = {**part, "refusal": ""} if refusal else reply.text_part("", []).as_dict()
        yield event_of("response.content_part.added", **at, part=begun)
    if refusal:
        yield event_of("response.refusal.delta", **at, delta=refusal)
        yield event_of("response.refusal.done", **at, refusal=refusal)
    else:
        yield from _text_closing(event_of, answer.text, part["annotations"], at, new=reply.formed)
    yield event_of("response.content_part.done", **at, part=part)
    whole = reply.finished(answer, found)
    index = at["output_index"]
    yield event_of("response.output_item.done", output_index=index, item=whole["output"][index])
    yield event_of(f"response.{whole['status']}", response=whole)


def _text_closing(
    event_of: _Numbered, text: str, notes: list[dict[str, Any]], at: dict[str, Any], *, new: bool
) -> Iterator[bytes]:
    if new and text:
        yield event_of("response.output_text.delta", **at, delta=text, logprobs=[])
    for number, noted in enumerate(notes):
        yield event_of(
            "response.output_text.annotation.added", **at, annotation_index=number, annotation=noted
        )
    yield event_of("response.output_text.done", **at, text=text, logprobs=[])
