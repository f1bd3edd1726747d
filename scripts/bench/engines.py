"""Engines for the serving benchmark: a real vLLM, and what it tells of itself."""

from __future__ import annotations

import re
import socket
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.chat_models.local_servers import found_at
from scripts.vllm.choice import Table, detect_gpus
from scripts.vllm.environment import HOME, Kind, ready_environment, small_model
from scripts.vllm.server import command, running

__all__ = ["Marks", "VllmEndpoint", "engine_at", "vllm"]

_START_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class VllmEndpoint:
    """A vLLM that answers at `url`, `/v1` included."""

    url: str
    what: str

    def counter(self, name: str) -> float:
        """A counter of vLLM's metrics, summed over its labels; 0 where it has none."""
        root = self.url.removesuffix("/v1")
        with urllib.request.urlopen(f"{root}/metrics", timeout=30) as reply:  # nosec B310
            lines = reply.read().decode().splitlines()
        named = re.compile(rf"{re.escape(name)}[{{ ]")
        return sum(float(line.rpartition(" ")[2]) for line in lines if named.match(line))


class Marks:
    """How far counters went since this was made."""

    def __init__(self, engine: VllmEndpoint, names: Sequence[str]) -> None:
        self._engine = engine
        self._before = {name: engine.counter(name) for name in names}

    def grown(self, name: str) -> float:
        """The growth of one of them."""
        return self._engine.counter(name) - self._before[name]


@contextmanager
def engine_at(url: str | None) -> Iterator[VllmEndpoint]:
    """A vLLM that runs already, or one that is started for as long as the block runs."""
    if url is None:
        with vllm() as engine:
            yield engine
    else:
        there = found_at(url)
        yield VllmEndpoint(url, f"{there.model if there else 'a model'} at {url}")


@contextmanager
def vllm(*, speculate: bool | None = None, more: Sequence[str] = ()) -> Iterator[VllmEndpoint]:
    """Start vLLM as `make vllm` does: on the GPUs, or without any on the CPU.

    Speculation is on or off as there, unless it is told.
    """
    table, gpus = Table.shipped(), detect_gpus()
    kind: Kind = "gpu" if gpus else "cpu"
    ready_environment(kind)
    if gpus:
        plan = table.for_gpus(gpus, speculate=speculate is not False)
    else:
        plan = table.for_cpu(small_model(), speculate=bool(speculate))
        plan.environment["VLLM_CACHE_ROOT"] = str(HOME / "cache")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = command(plan, kind, "127.0.0.1", port, more)
    url = f"http://127.0.0.1:{port}/v1"
    with running(plan, words, url, HOME / "bench.log", _START_SECONDS) as server:
        where = ", ".join(gpu.name for gpu in gpus) or "CPU"
        yield VllmEndpoint(url, f"{server.model} on vLLM ({where})")
