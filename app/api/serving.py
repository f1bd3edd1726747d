"""What every route needs: the pipeline, the models' names, the limits, the admission."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, Protocol, TypeVar

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.api.accounts import ACCOUNT
from app.api.admission import Admission, in_turn
from app.api.asking import Limits
from app.api.drain import Drain
from app.api.errors import not_found, refused
from app.api.persistence import AnswerKeeper
from app.chat_models import ChatModel
from app.config.personas import Persona, listed, resolve
from app.config.settings import Settings
from app.question.client_jobs import answer_chore, is_chore
from app.record.checked import Checked
from app.record.hooks import Observers
from app.record.types import Answer, Event, Final, Question, Retrieved
from app.store import Store
from index.encoders import Encoder
from index.types import Passage

__all__ = [
    "Json",
    "Keep",
    "ServedPipeline",
    "Serving",
    "note",
    "note_event",
    "note_question",
    "parsed",
]

_IN_TURN = frozenset(
    {"/v1/chat/completions", "/v1/responses", "/v1/retrieve", "/v1/check", "/v1/embeddings"}
)
M = TypeVar("M", bound=BaseModel)
Keep = Callable[[Answer], None]


class Fingerprinted(Protocol):
    """An index that can be told from others."""

    @property
    def fingerprint(self) -> str:
        """Its identity."""

    @property
    def knowledge_base(self) -> str:
        """What is indexed: its name, or several joined by "+"."""

    @property
    def passages(self) -> Sequence[Passage]:
        """What it holds."""


class Encoding(Protocol):
    """Anything that searches an index with an encoder."""

    @property
    def encoder(self) -> Encoder:
        """What turns queries into vectors."""

    @property
    def index(self) -> Fingerprinted:
        """What is searched."""


class Searched(Protocol):
    """The index that serves now."""

    def retriever(self) -> Encoding:
        """What searches it."""


class ServedPipeline(Protocol):
    """What the endpoint asks of the pipeline."""

    @property
    def personas(self) -> Mapping[str, Persona]:
        """A person's own personas by name, beside the shipped ones."""

    @property
    def model(self) -> ChatModel:
        """What writes."""

    @property
    def live_index(self) -> Searched:
        """What is searched."""

    @property
    def observers(self) -> Observers:
        """Who is told what happens."""

    @property
    def running(self) -> int:
        """How many answers are in the making, the page's included."""

    def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Retrieved, then deltas, then the final answer; closing it stops the model."""

    async def retrieve(self, question: Question) -> Retrieved:
        """Find without writing."""

    async def check(self, text: str) -> Checked:
        """Tell of each sentence whether the sources bear it out."""

    async def health(self) -> dict[str, bool]:
        """Which parts are ready."""


class Serving:
    """The pipeline as it is served; with a store, its answers are kept for feedback."""

    def __init__(
        self, pipeline: ServedPipeline, settings: Settings, store: Store | None = None
    ) -> None:
        self.pipeline, self.settings, self.store = pipeline, settings, store
        self.keeper = AnswerKeeper(store, settings.keep_answers) if store else None
        self.limits = Limits.of(settings)
        self.admission = Admission(
            settings.max_concurrent, settings.max_queued, settings.max_wait_seconds
        )
        self.models = tuple(listed(pipeline.personas))
        self.drain = Drain()

    @property
    def encoder(self) -> Encoder:
        """The encoder that the index is searched with."""
        return self.pipeline.live_index.retriever().encoder

    @property
    def knowledge_base(self) -> str:
        """What is indexed: its name, or several joined by "+"."""
        return self.pipeline.live_index.retriever().index.knowledge_base

    def persona(self, model: str) -> Persona:
        """The persona of a model's name.

        Raises:
            ApiError: 404, there is none.
        """
        if model not in self.models:
            raise not_found(model, self.models)
        return resolve(model, self.pipeline.personas, self.knowledge_base)

    def events(self, question: Question) -> tuple[AsyncGenerator[Event, None], bool]:
        """The answer's events, begun in turn, and whether they are grounded in retrieval."""
        if is_chore(question):
            return in_turn(self.turn, lambda: self._chore(question)), False
        return in_turn(self.turn, lambda: self.pipeline.answer(question)), True

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, the key's own first, and keep it for the block.

        Raises:
            ApiError: 429, too many requests of this key; 503, too many altogether.
        """
        account = ACCOUNT.get()
        if account is None:
            async with self.admission.turn():
                yield
            return
        self.admission.check()
        async with account.admission.turn(), self.admission.turn():
            yield

    def check_room(self, path: str) -> None:
        """Refuse at once, before anything is done, what would be refused its turn.

        Raises:
            ApiError: 429 or 503, as `turn`.
        """
        if path not in _IN_TURN:
            return
        self.admission.check()
        if (account := ACCOUNT.get()) is not None:
            account.admission.check()

    @property
    def queue(self) -> int:
        """How many requests wait, for a place or for a model that serves in turn."""
        return self.admission.waiting + self.pipeline.model.waiting

    def keeping(self, request: Request, id: str, question: Question, *, wanted: bool) -> Keep:  # noqa: A002 - the field's name
        """What is to be called with the response's answer once the client has all of it."""

        def keep(answer: Answer) -> None:
            if self.keeper is not None and wanted:
                self.keeper.keep(request, id, question, answer)

        return keep

    async def _chore(self, question: Question) -> AsyncGenerator[Event, None]:
        async for event in answer_chore(self.pipeline.model, question):
            yield event


class Json(Response):
    """A JSON body, written by orjson."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the body."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


async def parsed(request: Request, model: type[M]) -> M:
    """Read a request's body.

    Raises:
        ApiError: 400, it is no JSON object.
        ValidationError: it is not what the model describes.
    """
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise refused(
            f"the body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            None,
            "invalid_json",
        ) from error
    if not isinstance(body, dict):
        _refuse_body(body)
    return model.model_validate(body)


def _refuse_body(body: object) -> NoReturn:
    kind = {list: "an array", str: "a string", type(None): "null"}.get(type(body), "a scalar")
    raise refused(f"the body is {kind}: expected a JSON object", None, "invalid_json")


def note(request: Request, **fields: Any) -> None:  # noqa: ANN401 - whatever is logged
    """Add fields to the request's line in the log; never its words."""
    request.scope.setdefault("citewise.log", {}).update(fields)


def note_question(request: Request, serving: Serving, question: Question) -> None:
    """Log what was asked, where the settings say so."""
    if serving.settings.log_questions:
        note(request, question=question.text)


def note_event(request: Request, event: Event) -> None:
    """Log what an event counts, and remember what was found."""
    match event:
        case Retrieved():
            note(request, hits=len(event.hits), answerable=event.answerable)
            request.scope["citewise.found"] = event
        case Final(answer=answer):
            note(request, **_counted(answer))


def _counted(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.id,
        "abstained": answer.abstained,
        "citations": len(answer.citations),
        "claims": len(answer.claims),
        "dropped": len(answer.dropped),
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "stages_ms": dict(answer.timings),
    }
