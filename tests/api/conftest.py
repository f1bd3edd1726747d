"""A real server on a real port, over a pipeline whose every word a test decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from openai import DefaultHttpxClient, OpenAI
from starlette.types import Lifespan

from app.api import create_app
from app.api.serving import ServedPipeline
from app.chat_models.scripted import ScriptedChatModel
from app.config.personas import Persona
from app.config.settings import Settings
from app.record.hooks import Observers
from app.record.types import (
    Answer,
    Citation,
    Claim,
    Conflict,
    ConflictValue,
    Delta,
    Event,
    Final,
    Question,
    Retrieved,
    Usage,
)
from app.store import Store
from index.encoders import EncoderInfo, Vectors, check_ids
from index.types import Hit, Passage, PassageKind, Source

MODEL = "citewise-expert"
FINGERPRINT = "0123456789abcdef"
SENTENCES = (
    "Attention weighs values by similarity [1].",
    " Naïve use of `x[1]` is no marker, 🙂 but this is [2].",
    " Both agree [1][2].",
)
SOURCE_A = Source("a", "Vaswani et al. 2017", "https://example.org/a", 2017)
SOURCE_B = Source("b", "Bahdanau et al. 2015", "https://example.org/b", 2015)
PASSAGE = Passage(
    "attention/faq/0", PassageKind.FAQ, "attention", "Attention", "What?", "Text.", (SOURCE_A,)
)
CITATIONS = (
    Citation(1, "attention/faq/0", SOURCE_A.url, SOURCE_A.label, "weighs values", score=0.9),
    Citation(1, "attention/faq/1", SOURCE_A.url, SOURCE_A.label, "by similarity", score=0.95),
    Citation(2, "attention/data/0", SOURCE_B.url, SOURCE_B.label, "additive", score=0.5),
)


class FakeEncoder:
    """Vectors that tell the text's length, and which tower made them."""

    info = EncoderInfo("tiny", "r1", "0" * 64, 3, "mean", True, 16)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.array([[len(text), 0, 0.5] for text in texts], dtype=np.float32)

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        return np.array([[len(text), 1, 0.5] for text in texts], dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        check_ids(ids, 1000)
        return "x" * len(ids)


class FakeIndex:
    encoder = FakeEncoder()
    fingerprint = FINGERPRINT
    passages = (PASSAGE,)

    @property
    def index(self) -> FakeIndex:
        return self

    def retriever(self) -> FakeIndex:
        return self


@dataclass
class FakePipeline:
    """Plays a script of events; counts what runs and what was closed before its end."""

    sentences: Sequence[str] = SENTENCES
    citations: tuple[Citation, ...] = CITATIONS
    abstains: bool = False
    before_retrieved: float = 0
    before_each: float = 0
    error_before_retrieved: BaseException | None = None
    error_at: tuple[int, BaseException] | None = None
    deltas: bool = True
    model: ScriptedChatModel = field(default_factory=lambda: ScriptedChatModel(["A", " title"]))
    personas: Mapping[str, Persona] = field(default_factory=dict)
    parts: dict[str, bool] = field(default_factory=lambda: {"index": True, "model": True})
    live_index: FakeIndex = field(default_factory=FakeIndex)
    observers: Observers = field(default_factory=Observers)
    questions: list[Question] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    cut: int = 0

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        self.questions.append(question)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        finished = False
        try:
            yield await self.retrieve(question)
            for number, sentence in enumerate(self.sentences):
                if self.error_at and self.error_at[0] == number:
                    raise self.error_at[1]
                await asyncio.sleep(self.before_each)
                if self.deltas:
                    yield Delta(sentence)
            yield Final(self.record())
            finished = True
        finally:
            self.running -= 1
            self.cut += not finished

    async def retrieve(self, question: Question) -> Retrieved:
        await asyncio.sleep(self.before_retrieved)
        if self.error_before_retrieved:
            raise self.error_before_retrieved
        conflict = Conflict("heads", (ConflictValue("8", "attention/data/0"),))
        hit = Hit(PASSAGE, 0.9, {"dense": 0.8, "bm25": 1.0})
        return Retrieved(
            question.text, (hit,), (conflict,), True, 0.8, FINGERPRINT, ("What?",), {"dense": 0.1}
        )

    def record(self) -> Answer:
        text = "".join(self.sentences)
        claims, start = [], 0
        for sentence in self.sentences:
            cites = tuple(n for n in (1, 2) if f"[{n}]" in sentence.replace("`x[1]`", ""))
            claims.append(Claim(sentence, start, start + len(sentence), cites, (), "supported", 1))
            start += len(sentence)
        return Answer(
            id="ans-1",
            text=text,
            abstained=self.abstains,
            citations=() if self.abstains else self.citations,
            claims=() if self.abstains else tuple(claims),
            conflicts=(Conflict("heads", (ConflictValue("8", "attention/data/0", 2),)),),
            usage=Usage(120, 30),
            timings={"total": 1.0},
            index_fingerprint=FINGERPRINT,
            confidence=0.8,
            standalone_query="What is attention?",
            persona=MODEL,
        )

    async def health(self) -> dict[str, bool]:
        return self.parts


@dataclass
class Running:
    """A server with the pipeline behind it."""

    url: str
    pipeline: Any  # a FakePipeline, or a real one over a scripted or the embedded model
    http: httpx.Client
    openai: OpenAI

    def chat(self, text: str = "What is attention?", **body: Any) -> httpx.Response:
        return self.http.post("/v1/chat/completions", json=asking(text, **body))

    def wait_idle(self, seconds: float) -> float:
        """Wait until nothing runs; the seconds it took."""
        begun = time.monotonic()
        while self.pipeline.running or self.pipeline.model.running:
            assert time.monotonic() - begun < seconds, "the work still runs"
            time.sleep(0.005)
        return time.monotonic() - begun


def asking(text: str = "What is attention?", **body: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **body}


def settings_of(**fields: Any) -> Settings:
    return Settings(**fields)


@contextlib.asynccontextmanager
async def _closing_model(app: FastAPI, inner: Lifespan[FastAPI]) -> AsyncGenerator[None, None]:
    """What `app serve` does at the end, after the endpoint's own."""
    async with inner(app):
        yield
        await app.state.serving.pipeline.model.close()


@contextlib.contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port; gives its address."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    # With the protocol named, asyncio switches Nagle's algorithm off; else replies take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
    assert not thread.is_alive()


@contextlib.contextmanager
def serving(
    pipeline: ServedPipeline, store: Store | None = None, **fields: Any
) -> Iterator[Running]:
    app = create_app(pipeline, settings_of(**fields), store)
    inner = app.router.lifespan_context
    app.router.lifespan_context = lambda _: _closing_model(app, inner)
    with (
        listening(app) as url,
        httpx.Client(base_url=url, timeout=20, trust_env=False, verify=False) as http,
        OpenAI(
            base_url=f"{url}/v1",
            api_key="none",
            max_retries=0,
            http_client=DefaultHttpxClient(trust_env=False, timeout=20, verify=False),
        ) as openai,
    ):
        yield Running(url, pipeline, http, openai)


@pytest.fixture(scope="session")
def one_server() -> Iterator[Running]:
    with serving(FakePipeline()) as running:
        yield running


@pytest.fixture
def api(one_server: Running) -> Running:
    """A server with the default settings and a pipeline as new."""
    vars(one_server.pipeline).update(vars(FakePipeline()))
    return one_server


def frames(raw: str) -> list[Any]:
    """The payloads of a stream, each line of which must be data; the last is "[DONE]"."""
    events = [event for event in raw.split("\n\n") if event]
    payloads: list[Any] = []
    for event in events:
        assert event.startswith("data: "), f"not a data line: {event!r}"
        assert "\n" not in event
        body = event.removeprefix("data: ")
        payloads.append(body if body == "[DONE]" else json.loads(body))
    return payloads
