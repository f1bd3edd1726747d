"""A model server of this machine is found; anything else that listens there is left alone."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiohttp import web

from app.chat_models import Decoding, Piece
from app.chat_models.local_servers import find_servers, found_at, with_local_server
from app.config.settings import load_settings
from app.record.types import Message
from app.service import open_model

# What each server lists, and what else it tells, in the form that its own code gives.
VLLM = {"/v1/models": {"object": "list", "data": [
    {"id": "tiny", "object": "model", "owned_by": "vllm", "max_model_len": 4096},
]}}  # fmt: skip
SGLANG = {"/v1/models": {"data": [{"id": "qwen", "owned_by": "sglang", "max_model_len": 8192}]}}
LLAMA_CPP = {
    "/v1/models": {
        "models": [{"name": "a.gguf", "capabilities": ["completion"]}],
        "data": [{"id": "a.gguf", "owned_by": "llamacpp", "meta": {"n_ctx_train": 32768}}],
    }
}
LM_STUDIO = {
    "/v1/models": {"data": [
        {"id": "text-embedding-nomic", "owned_by": "organization_owner"},
        {"id": "small", "owned_by": "organization_owner"},
        {"id": "large", "owned_by": "organization_owner"},
    ]},
    "/api/v0/models": {"data": [
        {"id": "text-embedding-nomic", "type": "embeddings", "state": "loaded"},
        {"id": "small", "type": "llm", "state": "not-loaded"},
        {"id": "large", "type": "llm", "state": "loaded"},
    ]},
}  # fmt: skip
OLLAMA = {
    "/v1/models": {"data": [
        {"id": "nomic-embed-text:latest", "owned_by": "library"},
        {"id": "llama3.2:3b", "owned_by": "library"},
        {"id": "qwen3:8b", "owned_by": "library"},
    ]},
    "/api/ps": {"models": [{"name": "qwen3:8b", "model": "qwen3:8b"}]},
}  # fmt: skip


@contextmanager
def listening(routes: Mapping[str, object] | str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = isinstance(routes, str) or self.path in routes
            self.send_response(200 if known else 404)
            self.end_headers()
            if known:
                body = routes if isinstance(routes, str) else json.dumps(routes[self.path])
                self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def test_it_is_used_where_nothing_else_is_chosen() -> None:
    with listening(VLLM) as url:
        settings, found = with_local_server(load_settings(local_servers=[url]))
        assert (settings.model_url, settings.model) == (url, "tiny")
        assert [server.kind for server in found] == ["vLLM"]
        for chosen in (
            {"model_url": "http://127.0.0.1:1/v1"}, {"model": "x.gguf"}, {"engine": "openvino"},
        ):  # fmt: skip
            settings = load_settings(local_servers=[url], **chosen)
            assert with_local_server(settings) == (settings, ())


@pytest.mark.parametrize(
    ("routes", "kind", "model"),
    [
        (VLLM, "vLLM", "tiny"),
        (SGLANG, "SGLang", "qwen"),
        (LLAMA_CPP, "llama.cpp", "a.gguf"),
        (LM_STUDIO, "LM Studio", "large"),
        (OLLAMA, "Ollama", "qwen3:8b"),
        ({**OLLAMA, "/api/ps": {"models": []}}, "Ollama", "llama3.2:3b"),
    ],
)
def test_each_kind_is_known_and_what_it_has_loaded(
    routes: Mapping[str, object], kind: str, model: str
) -> None:
    with listening(routes) as url:
        server = found_at(url)
        assert server is not None
        assert (server.kind, server.model) == (kind, model)


def test_the_first_is_taken_and_the_others_are_named() -> None:
    with listening(OLLAMA) as ollama, listening("no server") as other, listening(VLLM) as vllm:
        settings, found = with_local_server(load_settings(local_servers=[other, vllm, ollama]))
        assert settings.model_url == vllm
        assert [server.kind for server in found] == ["vLLM", "Ollama"]


@pytest.mark.parametrize(
    "body",
    [
        "", "hello", "[]", "{}", '{"data": [1]}', '{"data": [{"id": "x", "owned_by": "me"}]}',
        '{"data": [{"id": "nomic-embed-text", "owned_by": "vllm"}]}',
    ],
)  # fmt: skip
def test_what_serves_no_writer_is_left_alone(body: str) -> None:
    with listening(body) as url:
        settings = load_settings(local_servers=[url])
        assert with_local_server(settings) == (settings, ())


@dataclass
class Thinker:
    """A server with a thinking model: what it lists, and how it sends thoughts and answer."""

    routes: Mapping[str, object]
    thought: Mapping[str, str]
    refuses: str = "none"  # a field that it does not know
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def get(self, request: web.Request) -> web.StreamResponse:
        known = request.path in self.routes
        return web.json_response(self.routes.get(request.path), status=200 if known else 404)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if self.refuses in body:
            error = {"message": 'invalid reasoning value: "none"'}
            return web.json_response({"error": error}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for delta in (self.thought, {"content": "An answer"}, {"content": " [1]."}):
            chunk = {"choices": [{"index": 0, "delta": delta}]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await response.write(b"data: " + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n")
        return response


_NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
_LLAMA_CPP_PROPS = {**LLAMA_CPP, "/props": {"default_generation_settings": {"n_ctx": 16384}}}


@pytest.mark.parametrize(
    ("server", "kind", "context", "wish"),
    [
        (Thinker(VLLM, {"reasoning": "Hm."}), "vLLM", 4096, _NO_THINKING),
        (Thinker(SGLANG, {"reasoning_content": "Hm."}), "SGLang", 8192, _NO_THINKING),
        (Thinker(_LLAMA_CPP_PROPS, {"reasoning_content": "Hm."}), "llama.cpp", 16384,
         _NO_THINKING),
        (Thinker(LM_STUDIO, {"content": "<think>Hm.</think>\n\n"}), "LM Studio", 4096, {}),
        (Thinker(OLLAMA, {"reasoning": "Hm."}), "Ollama", 8192, {"reasoning_effort": "none"}),
        (Thinker(OLLAMA, {"content": "<think>Hm.</think>"}, "reasoning_effort"), "Ollama", 8192,
         {}),
    ],
)  # fmt: skip
async def test_each_is_found_and_answers_without_its_thoughts(
    server: Thinker, kind: str, context: int, wish: Mapping[str, object]
) -> None:
    server.asked.clear()
    routes = {
        **server.routes,
        "/api/ps": {"models": [{"name": "qwen3:8b", "context_length": 8192}]},
    }
    server = replace(server, routes=routes if kind == "Ollama" else server.routes)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_get("/{path:.*}", server.get)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        asked = load_settings(local_servers=[url])
        settings, found = await asyncio.to_thread(with_local_server, asked)
        assert [one.kind for one in found] == [kind]
        model = open_model(settings)
        await model.load()
        assert model.context_tokens == context
        for _ in range(2):
            events = model.stream([Message("user", "Why?")], Decoding(0.0, 1.0, 64))
            text = "".join([e.text async for e in events if isinstance(e, Piece)])
            assert text == "An answer [1]."
        await model.close()
    finally:
        await runner.cleanup()
    last = server.asked[-1]
    said = {key: last[key] for key in ("chat_template_kwargs", "reasoning_effort") if key in last}
    assert said == wish
    assert len(server.asked) == 2 + (server.refuses != "none")  # what it refuses is asked once


def test_nobody_there_costs_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        started = time.perf_counter()
        assert find_servers([url] * 5) == []
        assert time.perf_counter() - started < 0.5
    assert find_servers(["nonsense"]) == []
    assert with_local_server(load_settings(local_servers=[]))[1] == ()
