"""A vLLM server as a process: how it is started, what it waits for, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from index.cli import say
from scripts.vllm.choice import LaunchPlan, VllmError
from scripts.vllm.environment import ROOT, Kind, python_of

__all__ = ["RunningServer", "command", "running", "shown"]

_LINE = 100
_PREFIX = re.compile(r"^(\(\w+ pid=\d+\) )?([A-Z]+:? +[\d-]+ [\d:]+ )?(\[[\w.]+:\d+\] )?")
_TELL_SECONDS = 5.0
_END_SECONDS = 30


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers: its API's base, the model's name there, and its process."""

    url: str
    model: str
    context: int
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """End it and its workers at once, as a crash would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_END_SECONDS)


def command(
    plan: LaunchPlan, kind: Kind, host: str, port: int, more: Sequence[str] = ()
) -> list[str]:
    """The words that start the server."""
    python = python_of(kind)
    # The package for the CPU has another name, which its own command does not find.
    start = [str(python.with_name("vllm")), "serve", plan.model]
    if kind == "cpu":
        start = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", plan.model]
    return [*start, "--host", host, "--port", str(port), *plan.arguments, *more]


def shown(plan: LaunchPlan, words: Sequence[str]) -> str:
    """The command as a shell takes it."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in plan.environment.items()]
    return " ".join([*variables, shlex.join(words)])


@contextmanager
def running(
    plan: LaunchPlan, words: Sequence[str], address: str, log: Path, seconds: float
) -> Iterator[RunningServer]:
    """Start a server, wait until it answers, and end it with the block.

    Raises:
        VllmError: it ended or was not ready in time; its last lines are told.
    """
    environment = {**os.environ, "VLLM_NO_USAGE_STATS": "1", **plan.environment}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as lines:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdout=lines, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield _ready(process, address, log, seconds)
    finally:
        _end(process)


def _ready(
    process: subprocess.Popen[bytes], address: str, log: Path, seconds: float
) -> RunningServer:
    begun = time.monotonic()
    told, said = begun, ""
    while time.monotonic() - begun < seconds:
        if process.poll() is not None:
            raise VllmError(f"vLLM ended with status {process.returncode}:\n{_last(log, 15)}")
        if (served := _served(address)) is not None:
            return RunningServer(address, *served, process, log)
        if time.monotonic() - told > _TELL_SECONDS and (line := _said(log)) != said:
            told, said = time.monotonic(), line
            say(f"  {told - begun:3.0f} s  {line}")
        time.sleep(0.5)
    raise VllmError(f"vLLM is not ready after {seconds:.0f} s; see {log}:\n{_last(log, 15)}")


def _served(address: str) -> tuple[str, int] | None:
    key = os.environ.get("VLLM_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"{address}/models", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:  # nosec B310
            entry = json.loads(reply.read())["data"][0]
            return str(entry["id"]), int(entry["max_model_len"])
    except (OSError, ValueError):
        return None


def _said(log: Path) -> str:
    """The log's last line, without who said it when and where."""
    return _PREFIX.sub("", _last(log, 1))[:_LINE]


def _last(log: Path, lines: int) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlive it
    process.wait(_END_SECONDS)
