"""A vLLM of this machine is found; anything else that listens there is left alone."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.chat_models.local_vllm import find_vllm, with_local_vllm
from app.config.settings import load_settings

SERVED = json.dumps({"data": [{"id": "tiny", "owned_by": "vllm"}]})


@contextmanager
def listening(body: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
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
    with listening(SERVED) as url:
        assert find_vllm(url) == "tiny"
        assert with_local_vllm(load_settings(local_vllm=url)).model_url == url
        for chosen in (
            {"model_url": "http://127.0.0.1:1/v1"}, {"model": "x.gguf"}, {"engine": "openvino"},
        ):  # fmt: skip
            settings = load_settings(local_vllm=url, **chosen)
            assert with_local_vllm(settings) is settings


@pytest.mark.parametrize(
    "body", ["", "hello", "[]", "{}", '{"data": [1]}', '{"data": [{"id": "x", "owned_by": "me"}]}']
)
def test_what_is_no_vllm_is_left_alone(body: str) -> None:
    with listening(body) as url:
        settings = load_settings(local_vllm=url)
        assert with_local_vllm(settings) is settings


def test_nobody_there_costs_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        started = time.perf_counter()
        assert find_vllm(url) is None
        assert time.perf_counter() - started < 0.5
    assert find_vllm("nonsense") is None
    assert with_local_vllm(load_settings(local_vllm="")).model_url is None
