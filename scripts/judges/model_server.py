"""An OpenAI-compatible model that quotes its evidence, and breaks when it is told to.

What it says is the first sentences of the passages that it is given, each with its number, so
that the server behind which it stands verifies and shows them.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any, Literal, get_args

__all__ = ["FAULTS", "Fault", "ModelServer", "running_model"]

Fault = Literal["down", "dies", "garbage", "hangs", "half a chunk", "500", "429"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
_HANGS_SECONDS = 30.0
_MARK = re.compile(r"^[^\w\s\[]\s*")  # what sets each line of evidence apart
_STATUS = {"500": 500, "429": 429}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    fault: Fault | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - sockets
        """A client that went away is nothing to report."""


class ModelServer:
    """The model on a port of its own; `fault` says how it breaks, None that it does not."""

    def __init__(self) -> None:
        self._port = 0
        self._server: _Server | None = None
        self._start()

    @property
    def url(self) -> str:
        """The API's base."""
        return f"http://127.0.0.1:{self._port}/v1"

    def break_as(self, fault: Fault | None) -> None:
        """Choose the fault of every request from now on."""
        if fault == "down":
            self.stop()
            return
        if self._server is None:
            self._start()
        assert self._server is not None
        self._server.fault = fault

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _start(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()


@contextmanager
def running_model() -> Iterator[ModelServer]:
    """A model for as long as the block runs."""
    model = ModelServer()
    try:
        yield model
    finally:
        model.stop()


class _Handler(BaseHTTPRequestHandler):
    """One request a connection, so that a server that listens no more is really away."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as the base has it
        """Stay silent."""

    def do_GET(self) -> None:
        self._json(200, {"object": "list", "data": [{"id": "quoting", "max_model_len": 32768}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.endswith("/chat/completions"):
            self._json(404, {"error": {"message": "not found"}})
            return
        fault = self.server.fault
        if fault in _STATUS:
            self._json(_STATUS[fault], {"error": {"message": f"scripted {fault}"}})
            return
        first, rest = _answer(asked)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        self.end_headers()
        self._event({"choices": [{"index": 0, "delta": {"content": first}}]})
        if fault is not None:
            self._break(fault)
            return
        self._event({"choices": [{"index": 0, "delta": {"content": rest}}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": len(str(asked)) // 4, "completion_tokens": len(first + rest) // 4}
        self._event({"choices": [], "usage": usage})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _break(self, fault: Fault) -> None:
        time.sleep(0.05)  # what came before is read on its own
        match fault:
            case "garbage":
                self._chunk(b"data: \x00\xff<html>{{{\n\n")
                self._chunk(b"")
            case "half a chunk":
                self._chunk(b'data: {"choices": [{"index": 0, "del')
                self._chunk(b"")
            case "hangs":
                time.sleep(_HANGS_SECONDS)
            case "dies":
                self.connection.shutdown(socket.SHUT_RDWR)

    def _event(self, payload: dict[str, Any]) -> None:
        self._chunk(b"data: " + json.dumps(payload).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, payload: dict[str, Any]) -> None:
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _answer(asked: dict[str, Any]) -> tuple[str, str]:
    """What the passages say, in two parts: a sentence that is certainly whole, and the rest."""
    lines = [_MARK.sub("", line) for line in asked["messages"][-1]["content"].split("\n")]
    quotes = [
        (line[1 : line.index("]")], following.split(". ")[0].rstrip("."))
        for line, following in pairwise(lines)
        if line.startswith("[") and line[1:2].isdigit()
    ]
    if asked.get("response_format"):
        return _as_json(asked["response_format"], quotes)
    said = [f"{quote} [{number}]. " for number, quote in quotes[:3]] or ["Nothing is known. "]
    return said[0] + "It is ", "so. " + "".join(said[1:])


def _as_json(form: dict[str, Any], quotes: list[tuple[str, str]]) -> tuple[str, str]:
    schema = (form.get("json_schema") or {}).get("schema") or {}
    names = list(schema.get("properties") or {"answer": {}})
    text = json.dumps({name: f"{quotes[0][1]}." if quotes else "" for name in names})
    return text[:1], text[1:]
