"""`python -m scripts.embedded_server`: the model in process behind an OpenAI-compatible endpoint.

Other systems can then be measured with the very model that Citewise has, and what asks a server can
be tried without one: chat completions, streamed or whole, JSON by schema, and the log-probabilities
of yes and no. One answer is written at a time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import orjson
from aiohttp import web

from app.chat_models import ChatModel, Decoding, Finished, Piece
from app.config.flags import add_settings, chosen
from app.config.settings import ModelSettings, SearchSettings, load_settings
from app.record.errors import CitewiseError
from app.record.types import JsonForm, Message
from app.service import open_model
from index.cli import Parser

__all__ = ["EmbeddedServer", "running_server"]

_TOKENS = 400
_NEVER = -100.0  # the log-probability of what has none


class EmbeddedServer:
    """A chat model as a server; `judged` counts the prompts that yes or no was asked of."""

    def __init__(self, model: ChatModel) -> None:
        self.model, self.judged = model, 0

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=2**24)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        return app

    async def _models(self, _: web.Request) -> web.StreamResponse:
        entry = {"id": self.model.name, "max_model_len": self.model.context_tokens}
        return web.json_response({"object": "list", "data": [entry]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        messages = [Message(m["role"], _text(m["content"])) for m in body["messages"]]
        try:
            decoding = _decoding(body)
            if body.get("stream"):
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                with suppress(ConnectionResetError):  # a client that leaves stops the model
                    await self._stream(response, messages, decoding)
                return response
            text, finished = "", None
            async with aclosing(self.model.stream(messages, decoding)) as events:
                async for event in events:
                    if isinstance(event, Piece):
                        text += event.text
                    else:
                        finished = event
        except CitewiseError as error:
            return web.json_response({"error": {"message": str(error)}}, status=400)
        assert finished is not None
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        choice |= {"finish_reason": finished.reason, "logprobs": self._logprobs(finished)}
        return web.json_response(self._reply("chat.completion", choice, finished))

    async def _stream(
        self, response: web.StreamResponse, messages: list[Message], decoding: Decoding
    ) -> None:
        async with aclosing(self.model.stream(messages, decoding)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    choice: dict[str, Any] = {"index": 0, "delta": {"content": event.text}}
                    await response.write(self._frame(choice, None))
                    continue
                choice = {"index": 0, "delta": {}, "finish_reason": event.reason}
                await response.write(self._frame({**choice, "logprobs": self._logprobs(event)}))
                await response.write(self._frame(None, event))
        await response.write(b"data: [DONE]\n\n")

    def _logprobs(self, finished: Finished) -> Mapping[str, Any] | None:
        """The two words with their log-probabilities, where they were asked for and are known."""
        if finished.yes is None:
            return None
        self.judged += 1
        chances = {"Yes": finished.yes, "No": 1 - finished.yes}
        top = [
            {"token": word, "logprob": math.log(chance) if chance > 0 else _NEVER}
            for word, chance in sorted(chances.items(), key=lambda item: -item[1])
        ]
        return {"content": [{**top[0], "top_logprobs": top}]}

    def _reply(
        self, kind: str, choice: Mapping[str, Any] | None, finished: Finished | None
    ) -> dict[str, Any]:
        reply: dict[str, Any] = {
            "id": "chatcmpl-embedded", "object": kind, "created": 0, "model": self.model.name,
            "choices": [choice] if choice else [],
        }  # fmt: skip
        if finished is not None:
            read, written = finished.usage.prompt_tokens, finished.usage.completion_tokens
            reply["usage"] = {
                "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
            }  # fmt: skip
        return reply

    def _frame(self, choice: Mapping[str, Any] | None, finished: Finished | None = None) -> bytes:
        reply = self._reply("chat.completion.chunk", choice, finished)
        return b"data: " + orjson.dumps(reply) + b"\n\n"


def _text(content: Any) -> str:  # noqa: ANN401 - JSON
    """A message's text, whole or in parts."""
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return str(content or "")


def _decoding(body: Mapping[str, Any]) -> Decoding:
    if body.get("logprobs"):
        return Decoding.one_word()
    form, stop = body.get("response_format") or {}, body.get("stop") or ()
    schema = (form.get("json_schema") or {}).get("schema")
    return Decoding(
        temperature=body.get("temperature") or 0.0,
        top_p=body.get("top_p") or 1.0,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or _TOKENS,
        seed=body.get("seed"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        form=JsonForm(schema) if form.get("type", "text") != "text" else None,
    )


@asynccontextmanager
async def running_server(model: ChatModel, port: int = 0) -> AsyncIterator[str]:
    """Serve a model on this machine for as long as the block runs; gives the API's base address."""
    runner = web.AppRunner(EmbeddedServer(model).app())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve until interrupted; the address is the first line of standard output."""
    parser = Parser(prog="python -m scripts.embedded_server", description=__doc__)
    parser.add_argument("--listen", type=int, default=0, metavar="PORT", help="(0 picks one)")
    add_settings(parser, ModelSettings, only=("engine", "model"))
    add_settings(parser, SearchSettings, only=("cache",))
    options = parser.parse_args()

    async def serve() -> None:
        model = open_model(load_settings(**chosen(options)))
        await model.load()
        async with running_server(model, options.listen) as address:
            print(address, flush=True)
            await asyncio.Event().wait()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
