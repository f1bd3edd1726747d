"""The stream of an OpenAI-compatible server, read as bytes: server-sent events and their chunks."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from app.chat_models import Piece, ToolCall
from app.chat_models.thoughts import Outspoken
from app.record.errors import ModelError
from app.record.types import Usage

__all__ = ["Told", "arrivals", "chance_of_yes", "json_object", "message_in"]

_EITHER = 0.5  # below this, the model was about to say something else than yes or no
_LONGEST_LINE = 4 * 2**20
_DONE = b"[DONE]"
_END_SECONDS = 0.05
# Timers count milliseconds: a shorter pause would take longer than it says.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.004, 0.05
_PAUSE_SHARE = 1 / 25


@dataclass(slots=True)
class Told:
    """What the chunks of a stream have told so far."""

    reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    begun: bool = False
    spoken: dict[int, Outspoken] = field(default_factory=dict)
    called: dict[int, ToolCall] = field(default_factory=dict)
    yes: float | None = None
    cached: int = 0

    def together(
        self, arrived: Sequence[bytes], name: str
    ) -> tuple[list[Piece], ModelError | None]:
        """Take in what came together: a piece a choice, and what went wrong after them.

        A piece that holds only thoughts is empty: it tells that the model is at work.
        """
        texts: dict[int, list[str]] = {}
        failure = None
        try:
            for data in arrived:
                for choice, text in self._texts(json_object(data), name):
                    texts.setdefault(choice, []).append(text)
        except ModelError as error:
            failure = error
        pieces = [
            Piece(self.spoken.setdefault(choice, Outspoken()).take("".join(own)), len(own), choice)
            for choice, own in texts.items()
        ]
        return pieces, failure

    def rest(self) -> list[Piece]:
        """Return what was held back while it might have been the beginning of a thought."""
        held = [(choice, spoken.rest()) for choice, spoken in self.spoken.items()]
        return [Piece(text, 0, choice) for choice, text in held if text]

    def _call(self, piece: Mapping[str, Any]) -> None:
        """Take in a piece of a tool's call: its name comes once, its arguments bit by bit."""
        place, function = int(piece.get("index") or 0), piece.get("function") or {}
        known = self.called.get(place, ToolCall("", ""))
        self.called[place] = ToolCall(
            known.name or str(function.get("name") or ""),
            known.arguments + str(function.get("arguments") or ""),
        )

    def _texts(self, chunk: Mapping[str, Any], name: str) -> Iterator[tuple[int, str]]:
        """Take a chunk in and yield the choices' texts."""
        if "error" in chunk:
            raise ModelError(f"{name} failed in mid-stream: {message_in(chunk)}")
        used = chunk.get("usage")
        if isinstance(used, dict):
            self.usage = Usage(
                int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)
            )
            self.cached = int((used.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        for choice in chunk.get("choices") or ():
            self.reason = choice.get("finish_reason") or self.reason
            delta = choice.get("delta") or {}
            if self.yes is None:
                self.yes = chance_of_yes(choice.get("logprobs"))
            for call in delta.get("tool_calls") or ():
                self._call(call)
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if delta.get("content") or thought:
                self.begun = True
                yield choice.get("index") or 0, delta.get("content") or ""


def chance_of_yes(told: Any) -> float | None:  # noqa: ANN401 - JSON
    """How likely the first token is yes rather than no, of the likeliest ones with their logprobs.

    Args:
        told: a choice's `logprobs`, as OpenAI's chat completions have them.

    Returns:
        0 to 1; None where nothing is told, or other words are likelier than both.
    """
    chances = {"yes": 0.0, "no": 0.0}
    try:
        for likely in told["content"][0]["top_logprobs"]:
            word = str(likely["token"]).strip(" \n\"'*.▁Ġ").lower()
            if word in chances:
                chances[word] += math.exp(min(0.0, float(likely["logprob"])))
    except (LookupError, TypeError, ValueError):
        return None
    either = sum(chances.values())
    return chances["yes"] / either if either >= _EITHER else None


async def arrivals(response: aiohttp.ClientResponse) -> AsyncGenerator[list[bytes], None]:
    """The data of the server-sent events that came together, up to `[DONE]` or the end.

    Tokens that come one by one are let gather in the socket, at most 50 ms and 4 % of
    the stream's time so far: to wake for each of them takes most of what a token costs.
    """
    rest, begun = b"", 0.0
    async for arrived in response.content.iter_any():
        begun = begun or time.perf_counter()
        *lines, rest = (rest + arrived).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ModelError(f"the model server sent a line of more than {_LONGEST_LINE} bytes")
        data = _data_of(lines)
        done = data[-1:] == [_DONE]
        yield data[:-1] if done else data
        if done:
            await _read_out(response.content)
            return
        await _gather(response, (time.perf_counter() - begun) * _PAUSE_SHARE)
    yield [data for data in _data_of([rest]) if data != _DONE]


async def _gather(response: aiohttp.ClientResponse, seconds: float) -> None:
    """Leave what comes in the socket for a while, if it is worth it."""
    transport = response.connection.transport if response.connection else None
    if transport is None or seconds < _SHORTEST_PAUSE:
        return
    transport.pause_reading()
    try:
        await asyncio.sleep(min(seconds, _LONGEST_PAUSE))
    finally:
        transport.resume_reading()


def _data_of(lines: Iterable[bytes]) -> list[bytes]:
    """The data of each event, at most up to and with `[DONE]`."""
    found = []
    for line in lines:
        if line.startswith(b"data:"):
            found.append(line[5:].strip())
            if found[-1] == _DONE:
                break
    return found


async def _read_out(content: aiohttp.StreamReader) -> None:
    """Read the end of a body that is due now, so that its connection serves again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await content.read()


def json_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        ModelError: it is something else.
    """
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ModelError(f"the model server sent what is no JSON: {data[:120]!r}") from error
    if not isinstance(found, dict):
        raise ModelError(f"the model server sent no JSON object: {data[:120]!r}")
    return found


def message_in(body: Mapping[str, Any]) -> str:
    """What an error body says."""
    error = body.get("error", body)
    if isinstance(error, dict):
        error = error.get("message") or error
    return str(error)[:500]
