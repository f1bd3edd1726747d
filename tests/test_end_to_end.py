"""The product as it runs: `python -m app serve` on a real port, asked with openai-python."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.conftest import ROOT

ASKED = "Why are attention scores divided by the square root of d_k?"


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[str]:
    """Run a server for as long as the block runs, and give the address that it prints."""
    log = folder / "server.log"
    with log.open("w") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", "0", *words],
            cwd=ROOT, stderr=errors, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield printed_address(log)
    finally:
        server.terminate()
        # Ended by the signal, after its connections were served.
        assert server.wait(30) in (0, -signal.SIGTERM), log.read_text()


def printed_address(log: Path) -> str:
    started = time.monotonic()
    while time.monotonic() - started < 60:
        found = re.search(r"http://\S+", log.read_text())
        if found:
            return found.group()
        time.sleep(0.05)
    raise AssertionError(f"no address was printed: {log.read_text()}")


def wait_for(address: str, path: str, seconds: float = 60) -> float:
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        try:
            with urllib.request.urlopen(address + path, timeout=5) as response:
                if response.status == 200:
                    return time.monotonic() - started
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{path} did not answer in {seconds} s")


@pytest.fixture(scope="module")
def address(shipped_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose embedded model writes the drafts."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, "--answer-mode", "draft", "--index", str(shipped_index)) as address:
        wait_for(address, "/healthz")
        wait_for(address, "/readyz")
        yield address


def test_a_question_over_http_streamed_and_not(address: str) -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0)
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": ASKED}]
    whole = client.chat.completions.create(
        model="citewise-expert", messages=messages, temperature=0, max_tokens=80
    )
    text = whole.choices[0].message.content or ""
    assert "[1]" in text
    assert whole.choices[0].finish_reason in ("stop", "length")
    notes = whole.choices[0].message.annotations or []
    assert notes
    for note in notes:
        marker = text[note.url_citation.start_index : note.url_citation.end_index]
        assert re.fullmatch(r"\[\d+\]", marker)
        assert note.url_citation.url.startswith("http")
    assert whole.usage is not None
    assert whole.usage.prompt_tokens > 200
    chunks = client.chat.completions.create(
        model="citewise-expert", messages=messages, temperature=0, max_tokens=80, stream=True
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert streamed == text


def test_the_models_are_the_personas(address: str) -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="unused")
    names = [model.id for model in client.models.list()]
    assert names[:3] == ["citewise-expert", "citewise-architect", "citewise-engineer"]
    assert "citewise-expert+research" in names


def test_the_first_page_comes_soon(shipped_index: Path, tmp_path: Path) -> None:
    """Eight seconds are promised on a machine that does nothing else; tests run beside others."""
    started = time.monotonic()
    with serving(tmp_path, "--index", str(shipped_index)) as address:
        wait_for(address, "/")
        assert time.monotonic() - started < 24


OFFLINE = """
import asyncio, sys
from pathlib import Path
import socket
try:
    socket.create_connection(("1.1.1.1", 53), timeout=2)
except OSError:
    pass
else:
    sys.exit("the network is not cut off")
from app.service import open_pipeline
from app.config.settings import load_settings
from app.record.types import Final, Question
from index.build import build
from index.encoders import load_encoder
from index.sources import read
out = Path(sys.argv[1])
build(read(Path("tests/data/tower-sample.json")).knowledge_base, out, load_encoder())
pipeline = open_pipeline(load_settings(index=Path("var/index"), answer_mode="draft"))
async def ask():
    return [e async for e in pipeline.answer(Question("What is a KV cache?"))][-1]
last = asyncio.run(ask())
assert isinstance(last, Final) and last.answer.citations, last
print("answered")
"""


def test_everything_works_with_the_network_cut_off(tmp_path: Path, shipped_index: Path) -> None:
    """In a network namespace with nothing but a loopback that is down."""
    unshare = shutil.which("unshare")
    allowed = unshare and subprocess.run([unshare, "-rn", "true"], capture_output=True)
    if not allowed or allowed.returncode:
        if os.environ.get("CI"):
            pytest.fail("this machine lets nobody make a network namespace (unshare -rn)")
        pytest.skip("this machine lets nobody make a network namespace (unshare -rn)")
    shown = subprocess.run(
        [str(unshare), "-rn", sys.executable, "-W", "ignore", "-c", OFFLINE, str(tmp_path / "i")],
        cwd=ROOT, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr[-3000:]
    assert "answered" in shown.stdout
