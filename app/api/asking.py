"""A request becomes a `Question`, or is refused with the field that is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.api.errors import ApiError, refused
from app.api.wire import NO_TEXT, ChatMessage, ChatRequest
from app.chat_models import ChatModel
from app.config.settings import Settings
from app.question.client_jobs import is_chore
from app.record.errors import RequestError
from app.record.json_schema import check_schema
from app.record.types import JsonForm, Message, Question, Role, Sampling

__all__ = [
    "Limits",
    "ReadMessages",
    "chat_question",
    "conversation",
    "json_form",
    "left_out",
    "most_tokens",
    "tool_refusal",
    "unsupported",
    "unused_wishes",
]


_INSTRUCTING = ("system", "developer")
_MISSING = "missing_required_parameter"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a request may bring; a conversation's length is bounded by its body's bytes."""

    messages: int
    question_chars: int

    @property
    def turns(self) -> int:
        """How many messages beside the question are read."""
        return self.messages - 1

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the settings choose."""
        return cls(settings.max_messages, settings.max_question_chars)


@dataclass(frozen=True, slots=True)
class ReadMessages:
    """Messages by what they are: the question, the turns before it, a client's instructions."""

    text: str
    history: tuple[Message, ...]
    instructions: str


def chat_question(request: ChatRequest, limits: Limits, model: ChatModel) -> Question:
    """The question that a chat request asks.

    Args:
        request: as the client sent it.
        limits: how much it may bring.
        model: no more tokens than it has context are asked for, and JSON only if it can.

    Raises:
        ApiError: 400, with the field that can't be honoured.
    """
    _refuse_unsupported(request)
    talk = conversation(request.messages, limits)
    return Question(
        text=talk.text,
        history=talk.history,
        persona=request.model,
        sampling=Sampling(
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=most_tokens(request.max_completion_tokens or request.max_tokens, model),
            seed=request.seed,
            stop=_stops(request.stop),
        ),
        instructions=talk.instructions,
        form=_form(request, model),
        sources=tuple(request.x_sources),
    )


def most_tokens(asked: int | None, model: ChatModel) -> int | None:
    """How long an answer may be: as asked, at most the model's context; -1 asks for all of it."""
    if asked is None:
        return None
    return model.context_tokens if asked < 0 else min(asked, model.context_tokens)


def _form(request: ChatRequest, model: ChatModel) -> JsonForm | None:
    asked = request.response_format
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return json_form(model, JsonForm(), "response_format")
    if asked.json_schema is None or asked.json_schema.schema_ is None:
        missing = "response_format.json_schema" + (".schema" if asked.json_schema else "")
        raise refused(f"{missing} is missing: expected a value", missing, _MISSING)
    form = JsonForm(asked.json_schema.schema_, asked.json_schema.name)
    return json_form(model, form, "response_format")


def json_form(model: ChatModel, form: JsonForm, field: str) -> JsonForm:
    """A form that the model can be held to.

    Raises:
        ApiError: 400 with `field`; the engine can't write JSON or the schema can't be used.
    """
    if not model.writes_json:
        raise unsupported(field, f"the engine of {model.name} can't be held to JSON; leave it out")
    try:
        check_schema(form.schema or {})
    except RequestError as error:
        raise refused(f"{field}: {error}", field) from error
    return form


def conversation(
    messages: Sequence[ChatMessage],
    limits: Limits,
    *,
    field: str = "messages",
    question_field: str | None = None,
) -> ReadMessages:
    """Sort messages by what they are; the last of a user is the question.

    Where no user speaks, the last instruction is asked, as clients do that send only one. Of more
    turns than are read the oldest are left out, instructions never; so are an earlier turn's parts
    that are no text (`left_out`).

    Args:
        messages: in their order.
        limits: how much they may be.
        field: the request's field that holds them, for errors.
        question_field: the field that holds the question, where it has one of its own.

    Raises:
        ApiError: 400, nobody asks, or the question is empty, too long or more than text.
    """
    asked = _question_at(messages)
    if asked is None:
        raise refused(f"{field}: got none from a user, expected a question", field)
    text = messages[asked].text().strip()
    place = question_field or f"{field}[{asked}].content"
    if others := messages[asked].others():
        raise refused(f"{place}[{others[0]}]: {NO_TEXT}", f"{place}[{others[0]}]")
    history = tuple(
        turn
        for i, message in enumerate(messages)
        if i != asked and (turn := _turn(message)) is not None
    )
    told = [
        message.text()
        for i, message in enumerate(messages)
        if i != asked and message.role in _INSTRUCTING
    ]
    instructions = "\n\n".join(part for part in told if part.strip())
    if not is_chore(Question(text, instructions=instructions)):  # those quote a conversation
        _check_length(text, place, limits.question_chars)
    return ReadMessages(text, history[-limits.turns :] if limits.turns else (), instructions)


def left_out(messages: Sequence[ChatMessage], limits: Limits) -> str:
    """What of a request is not read, in a few words for a header; empty where all of it is."""
    turns = sum(message.role not in _INSTRUCTING for message in messages) - 1
    parts = sum(len(message.others()) for message in messages)
    told = []
    if turns > limits.turns:
        told.append(f"the {turns - limits.turns} oldest messages")
    if parts:
        told.append(f"{parts} parts that are no text")
    return ", ".join(told)


def unused_wishes(request: ChatRequest) -> str:
    """What a request wishes of the drawing of tokens and no answer here is drawn by."""
    return ", ".join(
        name
        for name in ("presence_penalty", "frequency_penalty", "logit_bias")
        if getattr(request, name)
    )


def _question_at(messages: Sequence[ChatMessage]) -> int | None:
    for roles in (("user",), _INSTRUCTING):
        found = [i for i, message in enumerate(messages) if message.role in roles]
        if found:
            return found[-1]
    return None


def _check_length(text: str, param: str, most: int) -> None:
    if not text:
        raise refused(f"{param}: got an empty text, expected a question", param)
    if len(text) > most:
        raise refused(
            f"{param}: got {len(text)} characters, expected at most {most}: shorten the question",
            param,
            "string_above_max_length",
        )


def _turn(message: ChatMessage) -> Message | None:
    """A turn of the history; a tool's result is told as the assistant's."""
    text = message.text()
    if message.role in _INSTRUCTING or not text.strip():
        return None
    role: Role = "user" if message.role == "user" else "assistant"
    told = text if message.role in ("user", "assistant") else f"A tool's result: {text}"
    return Message(role, told)


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    given = [stop] if isinstance(stop, str) else stop or ()
    return tuple(one for one in given if one)


def unsupported(field: str, why: str) -> ApiError:
    """A field that is well formed but can't be honoured."""
    return refused(f"{field}: {why}", field, "unsupported_parameter")


def _refuse_unsupported(request: ChatRequest) -> None:
    _refuse_forced_tools(request)
    for name, asked in (
        ("logprobs", bool(request.logprobs)),
        ("top_logprobs", bool(request.top_logprobs)),
    ):
        if asked:
            raise unsupported(
                name, "answers are verified sentence by sentence and have none; leave it out"
            )
    if request.modalities and request.modalities != ["text"]:
        raise unsupported("modalities", 'expected ["text"]: nothing else is written')


def _refuse_forced_tools(request: ChatRequest) -> None:
    for name, choice in (
        ("tool_choice", request.tool_choice),
        ("function_call", request.function_call),
    ):
        if choice not in (None, "none", "auto"):
            raise unsupported(name, tool_refusal(choice))


def tool_refusal(choice: str | dict[str, Any]) -> str:
    """Why a tool that must be called can't be."""
    got = repr(choice[:40]) if isinstance(choice, str) else "a tool that must be called"
    return f"got {got}, expected none or auto: tools are accepted but never called"
