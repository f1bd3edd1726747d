"""Shutting down: the real server process, told to end while answers are on their way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from scripts.scripted_model import Play
from tests.api.conftest import asking
from tests.api.real import ASKED, scripted
from tests.conftest import ROOT
from tests.scripted import until
from tests.test_end_to_end import printed_address, wait_for

CHAT = "/v1/chat/completions"


@dataclass
class Asked:
    """A request on its way, in a thread of its own."""

    status: int = 0
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0


@contextmanager
def server(folder: Path, index: Path, model: str, drain: float) -> Iterator[tuple[str, Any]]:
    (folder / "citewise.toml").write_text(f"drain_seconds = {drain}\n")
    log = folder / "server.log"
    words = ["--port", "0", "--index", str(index), "--model-url", model]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", *words],
            cwd=folder, stderr=errors, stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    try:
        address = printed_address(log)
        wait_for(address, "/readyz")
        yield address, process
    finally:
        process.kill()
        process.wait(10)


def status(url: str) -> int:
    return httpx.get(url, trust_env=False).status_code


def ask(address: str, asked: Asked, *, stream: bool) -> threading.Thread:
    def work() -> None:
        begun = time.monotonic()
        with (
            httpx.Client(trust_env=False, timeout=60) as http,
            http.stream("POST", address + CHAT, json=asking(ASKED, stream=stream)) as reply,
        ):
            asked.status = reply.status_code
            asked.lines.extend(line for line in reply.iter_lines() if line)
        asked.seconds = time.monotonic() - begun

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_running_answers_end_and_new_ones_are_refused(shipped_index: Path, tmp_path: Path) -> None:
    with (
        scripted(Play(between=0.02, tokens=200)) as (counts, model),
        server(tmp_path, shipped_index, model, drain=20) as (address, process),
    ):
        streamed, whole = Asked(), Asked()
        threads = [ask(address, streamed, stream=True), ask(address, whole, stream=False)]
        until("both are written", lambda: counts.running == 2)
        process.send_signal(signal.SIGTERM)
        until("it drains", lambda: status(f"{address}/readyz") == 503)
        assert httpx.get(f"{address}/healthz", trust_env=False).status_code == 200
        late = httpx.post(address + CHAT, json=asking(ASKED), trust_env=False)
        unready = httpx.get(f"{address}/readyz", trust_env=False)
        for refused in (late, unready):
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "shutting_down"
            assert 1 <= int(refused.headers["retry-after"]) <= 120
        for thread in threads:
            thread.join(30)
        assert process.wait(10) in (0, -signal.SIGTERM)
    assert streamed.status == whole.status == 200
    assert streamed.lines[-1] == "data: [DONE]"
    assert json.loads(streamed.lines[-2][6:])["choices"][0]["finish_reason"] == "stop"
    assert json.loads(whole.lines[0])["choices"][0]["finish_reason"] == "stop"


def test_what_can_not_end_in_time_is_told_so(shipped_index: Path, tmp_path: Path) -> None:
    with (
        scripted(Play(between=0.05, tokens=2000)) as (counts, model),
        server(tmp_path, shipped_index, model, drain=0.5) as (address, process),
    ):
        streamed, whole = Asked(), Asked()
        threads = [ask(address, streamed, stream=True), ask(address, whole, stream=False)]
        until("both are written", lambda: counts.running == 2 and len(streamed.lines) > 1)
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        for thread in threads:
            thread.join(30)
        assert process.wait(10) in (0, -signal.SIGTERM)
        assert time.monotonic() - begun < 8
        assert counts.running == 0
    assert streamed.status == 200
    assert streamed.lines[-1] == "data: [DONE]"
    error = json.loads(streamed.lines[-2][6:])
    assert error["error"]["code"] == "shutting_down"
    assert whole.status == 503
    assert json.loads(whole.lines[0])["error"]["code"] == "shutting_down"
