"""What a newcomer waits for: from nothing to a page, a second start, the first hits, a query."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from index import store
from index.encoders import load_encoder
from index.retrieve import HybridRetriever
from index.sources import SHIPPED, read_all
from scripts.bench.measure import ROOT, run, summary, table, timed
from scripts.bench.ours import questions

__all__ = ["figures"]

_INDEX = ROOT / "var" / "index"
_STARTS = 3
_WARM_UP = 40
_PATIENCE = 900.0


def figures(count: int, *, from_nothing: bool) -> str:
    """Measure on the index in var/index; return Markdown.

    Args:
        count: questions to time.
        from_nothing: also clone the last commit and time `make run` in it, packages fetched anew.
    """
    knowledge_base = read_all([f"ai={SHIPPED}"]).knowledge_base
    asked = questions(knowledge_base, count + _WARM_UP)
    rows: list[tuple[object, ...]] = []
    if from_nothing:
        rows.append(("`make run` in a fresh clone, to a ready page", _fresh(), "≤ 3.5 min"))
    starts = [_start([sys.executable, "-m", "app", "serve"], ROOT) for _ in range(_STARTS)]
    seconds = sorted(second for second, _ in starts)
    cold = [
        run([sys.executable, "-m", "scripts.bench.cold", str(_INDEX), asked[0]])
        for _ in range(_STARTS)
    ]
    first = sorted(one.first_line for one in cold)
    peak = max(one.lines[-1]["peak_mb"] for one in cold)
    served = max(used for _, used in starts)
    rows += [
        ("a start with everything there, to a ready page", _of(seconds), "≤ 6 s"),
        ("a cold process to its first hits", _of(first), "≤ 1.3 s"),
        ("that process's peak memory", f"{peak:.0f} MB", "≤ 350 MB"),
        (f"a query, encoder included, median of {count}", _query(asked), "≤ 12 ms"),
        ("the ready server's peak memory, its language model included", f"{served:.0f} MB", ""),
    ]
    return table(["what is waited for", "value", "goal"], rows)


def _of(ordered: Sequence[float]) -> str:
    return f"{ordered[len(ordered) // 2]:.2f} s (best {ordered[0]:.2f} s)"


def _fresh() -> str:
    with tempfile.TemporaryDirectory(prefix="citewise-fresh-") as folder:
        clone = Path(folder) / "citewise"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        seconds, _ = _start(["make", "run"], clone)
    return f"{seconds / 60:.1f} min"


def _start(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Start the server and stop it once it is ready: seconds until then, and its peak memory.

    Returns:
        Seconds, and megabytes of the serving process.

    Raises:
        SystemExit: it ended or was not ready in time; what it said last is shown.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port)]
    shown = [f"ARGS={' '.join(options)}"] if command[0] == "make" else options
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*command, *shown], cwd=folder, stdout=said, stderr=said, start_new_session=True
        )
        try:
            while not _ready(port):
                if process.poll() is not None or time.perf_counter() - started > _PATIENCE:
                    said.seek(0)
                    tail = said.read().decode(errors="replace")[-2000:]
                    sys.exit(f"{' '.join(command)} gave no ready server:\n{tail}")
                time.sleep(0.02)
            seconds = time.perf_counter() - started
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)  # with what `make` started
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    return seconds, int(status.split("VmHWM:")[1].split()[0]) / 1024


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _query(asked: Sequence[str]) -> str:
    encoder = load_encoder()
    retriever = HybridRetriever(store.load(_INDEX, encoder.info), encoder)
    for question in asked[:_WARM_UP]:
        retriever.search(question, 8)
    median, p95 = summary(timed([partial(retriever.search, q, 8) for q in asked[_WARM_UP:]]))
    return f"{median:.1f} ms (95th percentile {p95:.1f} ms)"
