"""Streamed questions to an engine and to Citewise, with the moments that count."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson

from app.answer.pipeline import Pipeline
from app.answer.prompt_builder import Delimiter, build_prompt
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.config.personas import resolve
from app.record.evidence import evidence_of
from app.record.types import Message, Question
from index.encoders import load_encoder
from index.live import LiveIndex

__all__ = ["Load", "Prompts", "TimedAnswer", "client", "load"]

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """One answer: seconds to its first text and its end, and the tokens of both sides."""

    first: float
    seconds: float
    tokens: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Load:
    """Answers that were written by so many conversations at once, in so many seconds."""

    answers: tuple[TimedAnswer, ...]
    seconds: float

    @property
    def first(self) -> float:
        """Seconds to the first text, median."""
        return float(np.median([each.first for each in self.answers]))

    @property
    def answer(self) -> float:
        """Seconds of an answer, mean."""
        return float(np.mean([each.seconds for each in self.answers]))

    @property
    def tokens(self) -> int:
        """Tokens that were written."""
        return sum(each.tokens for each in self.answers)

    @property
    def rate(self) -> float:
        """Tokens a second, all conversations together."""
        return self.tokens / self.seconds


class Prompts:
    """The very prompts that Citewise sends, each with a delimiter of its own."""

    def __init__(self, url: str, index: Path, persona: str = "citewise-expert") -> None:
        self.model = OpenAiCompatibleModel(url)
        self.pipeline = Pipeline(LiveIndex(index, load_encoder()), self.model)
        self.persona = resolve(persona, {})

    async def answerable(self, texts: Sequence[str], count: int) -> list[str]:
        """The first questions that the gate lets through."""
        found: list[str] = []
        for text in texts:
            if len(found) == count:
                break
            if (await self.pipeline.retrieve(Question(text))).answerable:
                found.append(text)
        return found

    async def body(self, text: str, tokens: int) -> Body:
        """What Citewise asks the engine, greedy, for at most so many tokens."""
        question = Question(text, persona=self.persona.name)
        found = await self.pipeline.retrieve(question)
        fresh = Delimiter(secrets.token_hex(6))
        prompt = await build_prompt(
            question, self.persona, evidence_of(found.hits), self.model, tokens, fresh
        )
        messages = [{"role": each.role, "content": each.content} for each in prompt.messages]
        return {**_common(tokens), "model": self.model.name, "messages": messages}

    async def shared_tokens(self, body: Body) -> int:
        """Tokens of what all questions under the persona begin with."""
        return await self.model.count_tokens([Message(**body["messages"][0])])


def _common(tokens: int) -> Body:
    """A question's own seed, which greedy decoding does not use, makes its prompt a new one."""
    return {
        "seed": secrets.randbelow(2**31),
        "stream": True, "stream_options": {"include_usage": True},
        "temperature": 0, "max_tokens": tokens,
    }  # fmt: skip


def to_citewise(text: str, tokens: int, persona: str = "citewise-expert") -> Body:
    """The same question as a client of Citewise asks it."""
    return {
        **_common(tokens), "model": persona, "messages": [{"role": "user", "content": text}],
    }  # fmt: skip


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Callable[[Body], Awaitable[TimedAnswer]]]:
    """Ask a server at `url`, `/v1` included; any number of questions at once."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=600)
    ) as http:
        yield lambda body: _ask(http, f"{url}/chat/completions", body)


async def _ask(http: aiohttp.ClientSession, url: str, body: Body) -> TimedAnswer:
    begun = time.perf_counter()
    first, usage, rest = 0.0, dict[str, int](), b""
    async with http.post(url, data=orjson.dumps(body), headers=_JSON) as reply:
        if reply.status != 200:
            raise RuntimeError(f"{url} answered {reply.status}: {(await reply.text())[:300]}")
        async for arrived in reply.content.iter_any():
            *lines, rest = (rest + arrived).split(b"\n")
            for line in lines:
                if not line.startswith(b"data: {"):
                    continue
                chunk = orjson.loads(line[6:])
                if "error" in chunk:
                    raise RuntimeError(f"{url} broke off: {chunk['error']}")
                usage = chunk.get("usage") or usage
                if not first and any(c["delta"].get("content") for c in chunk["choices"]):
                    first = time.perf_counter() - begun
    seconds = time.perf_counter() - begun
    return TimedAnswer(
        first or seconds, seconds, usage.get("completion_tokens", 0), usage.get("prompt_tokens", 0)
    )


_JSON = {"Content-Type": "application/json"}


async def load(
    ask: Callable[[Body], Awaitable[TimedAnswer]], bodies: Sequence[Body], conversations: int
) -> Load:
    """Ask all of them, so many at a time."""
    waiting = list(reversed(bodies))
    answers: list[TimedAnswer] = []

    async def converse() -> None:
        while waiting:
            answers.append(await ask(waiting.pop()))

    begun = time.perf_counter()
    await asyncio.gather(*(converse() for _ in range(conversations)))
    return Load(tuple(answers), time.perf_counter() - begun)
