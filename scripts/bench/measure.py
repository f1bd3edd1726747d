"""Timing, processes and Markdown: what the benchmarks share."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "ProcessRun",
    "machine",
    "peak_mb",
    "replace_section",
    "run",
    "summary",
    "table",
    "timed",
    "work_dir",
]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """A process that ran: seconds to its first line and to its end, and its lines."""

    first_line: float
    seconds: float
    lines: tuple[dict[str, Any], ...]


def run(command: Sequence[str]) -> ProcessRun:
    """Run a command that prints lines of JSON, and watch it.

    Raises:
        SystemExit: it failed; its last lines are shown.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline()]
        first = time.perf_counter() - started
        lines += process.stdout.readlines()
        complaints = process.stderr.read().decode(errors="replace")
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{complaints[-2000:]}")
    parsed = tuple(json.loads(line) for line in lines if line.startswith(b"{"))
    return ProcessRun(first, seconds, parsed)


def peak_mb() -> float:
    """This process's peak of resident memory; what wait4 tells begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def timed(calls: Iterable[Callable[[], object]]) -> list[float]:
    """Time calls one after another; milliseconds each."""
    times = []
    for call in calls:
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1e3)
    return times


def summary(times: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    return float(np.median(times)), float(np.percentile(times, 95))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay rows out as a Markdown table; numbers with three digits that matter."""
    lines = [header, ["---"] * len(header), *[[_cell(value) for value in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def machine() -> str:
    """Describe where the figures come from, the load by others included."""
    names = ("faiss-cpu", "openvino", "numpy")
    parts = ", ".join(f"{name} {version(name)}" for name in names)
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{parts}; load average when it started {load:.1f}"
    )


def work_dir(name: str) -> Path:
    """Return a folder for what a benchmark makes, under var/ (which git ignores)."""
    folder = ROOT / "var" / "bench" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def replace_section(path: Path, name: str, text: str) -> None:
    """Put a section's figures into a document, between the comments that mark it.

    Raises:
        SystemExit: the document has no such section.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    document = path.read_text(encoding="utf-8")
    if begin not in document or end not in document:
        sys.exit(f"{path} has no section {begin.strip()!r} to {end.strip()!r}")
    head, rest = document.split(begin, 1)
    path.write_text(head + begin + text + end + rest.split(end, 1)[1], encoding="utf-8")
