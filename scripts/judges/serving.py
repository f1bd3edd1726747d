"""The real server, `python -m app serve`, for as long as a judge needs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.judges.environments import HOME, ROOT, Missing

__all__ = ["EXPERT", "QUESTION", "citewise", "wait_ready"]

EXPERT = "citewise-expert"
QUESTION = "Why are attention scores divided by the square root of d_k?"
_START_SECONDS = 90.0


@contextmanager
def citewise(*, model_url: str | None = None, model_timeout: float = 60) -> Iterator[str]:
    """A server over the shipped index; its address without a path.

    Args:
        model_url: the model behind it; None is the embedded one.
        model_timeout: seconds that it waits for the model's next token.

    Raises:
        Missing: there is no index, or the server does not start.
    """
    if not (ROOT / "var" / "index" / "current").exists():
        raise Missing("there is no index; build it with: make index")
    HOME.mkdir(parents=True, exist_ok=True)
    log = HOME / "server.log"
    env = {**os.environ, "CITEWISE_MODEL_TIMEOUT": str(model_timeout)}
    engine = ["--model-url", model_url] if model_url else []
    with log.open("w", encoding="utf-8") as lines:
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", "0", *engine],
            cwd=ROOT, env=env, stderr=lines, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        address = _address(server, log)
        wait_ready(address, _START_SECONDS)
        yield address
    finally:
        server.terminate()
        server.wait(60)


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"http://\S+", log.read_text(encoding="utf-8")):
            return found.group()
        time.sleep(0.05)
    said = (log.read_text(encoding="utf-8").splitlines() or ["nothing"])[-1]
    raise Missing(f"the server did not start and said: {said}")


def wait_ready(address: str, seconds: float) -> None:
    """Wait until every part of a server is ready.

    Raises:
        Missing: it is not within that time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise Missing(f"{address}/readyz is not 200 after {seconds:.0f} s: see var/judges/server.log")
