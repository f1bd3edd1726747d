"""The product's own server and a scripted model's, as processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.sources import SHIPPED, read
from scripts.bench.measure import ROOT

__all__ = ["Server", "process", "questions", "scripted_model", "server"]

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its address, its process id and its log."""

    address: str
    pid: int
    log: Path

    def lines(self) -> dict[str, dict[str, Any]]:
        """The log's line of each request, by its id."""
        found = {}
        for line in self.log.read_text(encoding="utf-8").splitlines():
            if line.startswith("{") and '"request_id"' in line:
                fields = json.loads(line)
                found[fields["request_id"]] = fields
        return found

    def memory_mb(self) -> float:
        """Its resident memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def processor_seconds(self) -> float:
        """Processor time that it has taken so far, all threads together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def files(self) -> int:
        """How many files it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())


@contextmanager
def scripted_model(*, first: float = 0, between: float = 0, tokens: int = 0) -> Iterator[str]:
    """Run the scripted model; gives its API's base address."""
    command = [sys.executable, "-m", "scripts.scripted_model"]
    command += [f"--first={first}", f"--between={between}", f"--tokens={tokens}"]
    with process(command) as address:
        yield address


@contextmanager
def process(command: Sequence[str]) -> Iterator[str]:
    """Run what prints its address as its first line; gives the address.

    Raises:
        SystemExit: it ended before that.
    """
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        try:
            address = started.stdout.readline().strip() if started.stdout else ""
            if not address:
                sys.exit(f"{' '.join(command[:4])} did not start")
            yield address
        finally:
            started.terminate()


@contextmanager
def server(model: str, index: Path, folder: Path, **settings: object) -> Iterator[Server]:
    """Run the whole product in front of a model; settings as in CITEWISE_… variables."""
    variables = {f"CITEWISE_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    log = folder / "server.log"
    words = ["--port", "0", "--index", str(index), "--model-url", model]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "app", "serve", *words],
            cwd=folder, env=environment, stderr=errors, stdout=subprocess.DEVNULL,
        ) as process,
    ):  # fmt: skip
        try:
            yield Server(_ready(log), process.pid, log)
        finally:
            process.terminate()


def _ready(log: Path) -> str:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if found := re.search(r"http://\S+", log.read_text()):
            try:
                with urllib.request.urlopen(f"{found.group()}/readyz", timeout=5):  # nosec B310
                    return found.group()
            except OSError:
                pass  # it has printed its address and is not ready yet
        time.sleep(0.1)
    sys.exit(f"the server did not start:\n{log.read_text()[-2000:]}")


def questions() -> Sequence[str]:
    """The shipped knowledge base's own questions."""
    base = read(SHIPPED, name="ai").knowledge_base
    return [faq.question for topic in base.topics for faq in topic.faqs]
