"""A real server on a real port, over a pipeline whose every word a test decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from openai import DefaultHttpxClient, OpenAI
from starlette.types import Lifespan

from app.api import create_app
from app.api.library import Library
from app.api.serving import ServedPipeline
from app.config.settings import Settings
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
from tests.scripted import ScriptedPipeline, listening

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
    knowledge_base = "ai"
    passages = (PASSAGE,)

    @property
    def index(self) -> FakeIndex:
        return self

    def retriever(self) -> FakeIndex:
        return self


@dataclass
class FakePipeline(ScriptedPipeline):
    """Says fixed sentences; a test decides when it waits, breaks or abstains."""

    sentences: Sequence[str] = SENTENCES
    citations: tuple[Citation, ...] = CITATIONS
    abstains: bool = False
    before_retrieved: float = 0
    before_each: float = 0
    error_before_retrieved: BaseException | None = None
    error_at: tuple[int, BaseException] | None = None
    deltas: bool = True
    live_index: FakeIndex = field(default_factory=FakeIndex)

    async def retrieve(self, question: Question) -> Retrieved:
        await asyncio.sleep(self.before_retrieved)
        if self.error_before_retrieved:
            raise self.error_before_retrieved
        conflict = Conflict("heads", (ConflictValue("8", "attention/data/0"),))
        hit = Hit(PASSAGE, 0.9, {"dense": 0.8, "bm25": 1.0})
        return Retrieved(
            question.text, (hit,), (conflict,), True, 0.8, FINGERPRINT, ("What?",), {"dense": 0.1}
        )

    async def played(self, question: Question, found: Retrieved) -> AsyncGenerator[Event, None]:
        for number, sentence in enumerate(self.sentences):
            if self.error_at and self.error_at[0] == number:
                raise self.error_at[1]
            await asyncio.sleep(self.before_each)
            if self.deltas:
                yield Delta(sentence)
        yield Final(self.record())

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
def serving(
    pipeline: ServedPipeline,
    store: Store | None = None,
    library: Library | None = None,
    **fields: Any,
) -> Iterator[Running]:
    app = create_app(pipeline, settings_of(**fields), store, library)
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
