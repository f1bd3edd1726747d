"""`python -m scripts.scripted_model`: an OpenAI-compatible server that quotes its evidence.

It answers at any speed with words from the passages of the prompt, so that what it says can be
cited, and counts what runs. Benchmarks and tests put the product in front of it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from index.cli import Parser

__all__ = ["Play", "ScriptedModel", "running_model"]

NAME = "scripted"
_MARK = re.compile(r"^[^\w\s\[(=] ")  # what begins each line of data
_PASSAGE = re.compile(r"\[(\d+)\] ")
_FENCE = re.compile(r"=====\[")


@dataclass(slots=True)
class Play:
    """How it answers: seconds before the first token and between tokens, tokens at most.

    `tokens` 0 says what there is to say once, more repeats it, -1 says as much as is asked for.
    `status` other than 200 refuses.
    """

    first: float = 0.0
    between: float = 0.0
    tokens: int = 0
    status: int = 200


class ScriptedModel:
    """The server's state: its play, and how many answers run, have begun and were cut."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.running = self.begun = self.cut = 0
        self.last = b"{}"

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/counts", self._counts)
        app.router.add_get("/last", self._last)
        app.router.add_get("/health", self._health)
        return app

    async def _models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": NAME, "max_model_len": 32_768}]})

    async def _health(self, _: web.Request) -> web.StreamResponse:
        return web.Response()

    async def _counts(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"running": self.running, "begun": self.begun, "cut": self.cut})

    async def _last(self, _: web.Request) -> web.StreamResponse:
        """The body of the last question, for who wants to ask it again."""
        return web.Response(body=self.last, content_type="application/json")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.last = await request.read()
        asked = orjson.loads(self.last)
        if self.play.status != 200:
            return web.json_response({"error": {"message": "scripted"}}, status=self.play.status)
        self.begun += 1
        self.running += 1
        whole = False
        try:
            response = await self._stream(request, asked)
            whole = True
            return response
        finally:
            self.running -= 1
            self.cut += not whole

    async def _stream(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        play = self.play
        most = play.tokens if play.tokens >= 0 else int(asked["max_tokens"])
        words = _words(asked["messages"], most)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await asyncio.sleep(play.first)
        await response.prepare(request)
        frames = [_frame({"choices": [_choice({"content": word})]}) for word in words]
        if play.between:
            for frame in frames:
                await response.write(frame)
                await asyncio.sleep(play.between)
        else:
            await response.write(b"".join(frames))
        usage = {"prompt_tokens": 100, "completion_tokens": len(words)}
        await response.write(
            _frame({"choices": [_choice({}, "stop")]})
            + _frame({"choices": [], "usage": usage})
            + b"data: [DONE]\n\n"
        )
        return response


def _words(messages: Sequence[dict[str, Any]], most: int) -> list[str]:
    """The evidence's own sentences with their markers, a word a token."""
    said = []
    number = ""
    for line in messages[-1]["content"].splitlines():
        text = _MARK.sub("", line).strip()
        if passage := _PASSAGE.match(text):
            number = passage[1]
        elif not text or _FENCE.match(text):
            number = ""
        elif number:
            for sentence in re.split(r"(?<=[.!?]) +", text):
                said.append(f"{sentence[:-1]} [{number}]{sentence[-1]}")
    words = [f"{word} " for word in " ".join(said).split(" ")] or ["Nothing."]
    if not most:
        return words
    return (words * (most // len(words) + 1))[:most]


def _choice(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _frame(payload: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(payload) + b"\n\n"


@asynccontextmanager
async def running_model(model: ScriptedModel, port: int = 0) -> AsyncIterator[str]:
    """Serve it on this machine for as long as the block runs; gives the API's base address."""
    # What a client that went away had asked for ends at once.
    runner = web.AppRunner(model.app(), handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def _serve(options: argparse.Namespace) -> None:
    play = Play(options.first, options.between, options.tokens)
    async with running_model(ScriptedModel(play), options.port) as address:
        print(address, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted; the address is the first line of standard output."""
    parser = Parser(prog="python -m scripts.scripted_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port (0 picks one)")
    parser.add_argument("--first", type=float, default=0, help="seconds before the first token")
    parser.add_argument("--between", type=float, default=0, help="seconds between tokens")
    parser.add_argument(
        "--tokens", type=int, default=0, help="tokens of an answer (its evidence; -1: asked)"
    )
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
