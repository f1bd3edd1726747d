"""A model server of this machine is found; anything else that listens there is left alone."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.chat_models.local_servers import find_servers, found_at, with_local_server
from app.config.settings import load_settings

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


def test_nobody_there_costs_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        started = time.perf_counter()
        assert find_servers([url] * 5) == []
        assert time.perf_counter() - started < 0.5
    assert find_servers(["nonsense"]) == []
    assert with_local_server(load_settings(local_servers=[]))[1] == ()
