"""`python -m scripts.bench_endpoint`: what the endpoint costs beside retrieval and verification.

The whole product runs as a process of its own in front of a scripted model, another process;
this one asks. Four parts: the overhead of a request, of a streamed token, how smooth many
streams at once are, and what ten times more than fits does to those that are let in. The
result is Markdown on standard output; --write also puts it into docs/operations.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from index.cli import Parser, say
from scripts.bench.measure import ROOT, machine, replace_section, table
from scripts.bench.serving import Server, questions, scripted_model, server

_CHAT = "/v1/chat/completions"
_FEW, _MANY = 100, 1100
_NOT_OURS = ("rewrite", "retrieve", "gate", "premises", "verify")
_SERVICE_SECONDS = 2.0
_PLACES, _QUEUE = 8, 2  # few, so that two cores could do ten times as much
Rows = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class TimedReply:
    """One answer as its client saw it: seconds to its end, and between its chunks."""

    status: int
    id: str
    seconds: float
    gaps: tuple[float, ...]


async def ask(
    http: aiohttp.ClientSession, question: str, *, stream: bool, tokens: int | None = None
) -> TimedReply:
    """Ask once and read the answer to its end."""
    body: dict[str, Any] = {
        "model": "citewise-expert",
        "messages": [{"role": "user", "content": question}],
        "stream": stream,
    }
    if tokens is not None:
        body["max_tokens"] = tokens
    begun = time.perf_counter()
    async with http.post(_CHAT, json=body) as reply:
        times = [time.perf_counter() async for _ in reply.content.iter_any()]
    ended = time.perf_counter()
    gaps = tuple(after - before for before, after in pairwise(times))
    return TimedReply(reply.status, reply.headers["x-request-id"], ended - begun, gaps)


def client(running: Server) -> aiohttp.ClientSession:
    """A client that opens as many connections as it needs."""
    return aiohttp.ClientSession(
        running.address,
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=300),
    )


def overheads(running: Server, replies: Sequence[TimedReply]) -> list[float]:
    """Milliseconds of each request beyond its retrieval and its verification."""
    time.sleep(0.3)  # the last lines of the log
    lines = running.lines()
    found = []
    for reply in replies:
        stages = lines[reply.id].get("stages_ms", {})
        found.append(reply.seconds * 1e3 - sum(stages.get(each, 0.0) for each in _NOT_OURS))
    return found


async def direct(model: str, times: int) -> float:
    """Median milliseconds of asking the scripted model itself what it was asked last."""
    spent = []
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{model.removesuffix('/v1')}/last") as reply:
            body = await reply.read()
        for _ in range(times):
            begun = time.perf_counter()
            async with http.post(f"{model}/chat/completions", data=body) as reply:
                async for _ in reply.content.iter_any():
                    pass
            spent.append((time.perf_counter() - begun) * 1e3)
    return float(np.median(spent))


async def overhead(options: argparse.Namespace, index: Path, folder: Path) -> Rows:
    """Overhead a request and a token, one request at a time, the model instant."""
    asked = random.Random(0).choices(list(questions()), k=options.requests)
    rows: Rows = []
    with scripted_model(tokens=-1) as model, server(model, index, folder) as running:
        async with client(running) as http:
            for question in asked[:20]:
                await ask(http, question, stream=True, tokens=_FEW)
            medians, processor = {}, {}
            for stream, tokens in ((False, _FEW), (True, _FEW), (True, _MANY)):
                before = running.processor_seconds()
                replies = [await ask(http, q, stream=stream, tokens=tokens) for q in asked]
                spent = (running.processor_seconds() - before) / len(asked) * 1e3
                processor[stream, tokens] = spent
                without = await direct(model, len(asked))
                medians[stream, tokens] = float(np.median(overheads(running, replies))) - without
    for stream in (False, True):
        kind = "streamed" if stream else "unstreamed"
        name = f"overhead of an {kind} request of {_FEW} tokens, median"
        rows.append((name.replace("an s", "a s"), f"{medians[stream, _FEW]:.2f} ms", "≤ 4 ms"))
    each = (medians[True, _MANY] - medians[True, _FEW]) / (_MANY - _FEW)
    rows.append(("overhead of a streamed token", f"{each:.3f} ms", "≤ 0.2 ms"))
    whole = f"{processor[True, _FEW]:.0f} ms"
    name = f"processor time of a streamed request of {_FEW} tokens, retrieval and all"
    return [*rows, (name, whole, "")]


async def smoothness(options: argparse.Namespace, index: Path, folder: Path) -> Rows:
    """Gaps between a stream's chunks, alone and beside many others."""
    asked = list(questions())
    with (
        scripted_model(between=0.05, tokens=150) as model,
        server(model, index, folder, max_concurrent=options.streams) as running,
    ):
        async with client(running) as http:
            for question in asked[:10]:
                await ask(http, question, stream=False, tokens=1)
            alone = await ask(http, asked[0], stream=True)
            together = await asyncio.gather(
                *(ask(http, asked[n % len(asked)], stream=True) for n in range(options.streams))
            )
    if any(reply.status != 200 for reply in together):
        sys.exit(f"streams failed: {sorted({reply.status for reply in together})}")
    gaps = [gap for reply in together for gap in reply.gaps]
    return [
        ("longest gap in one stream alone (20 tokens/s)", f"{max(alone.gaps):.2f} s", ""),
        (f"longest gap in any of {options.streams} at once", f"{max(gaps):.2f} s", ""),
        ("99th percentile of their gaps", f"{np.percentile(gaps, 99):.2f} s", ""),
    ]


async def offered(
    http: aiohttp.ClientSession, asked: Sequence[str], rate: float, seconds: float
) -> list[TimedReply]:
    """Ask at a rate, at random times, whether or not answers come."""
    times = random.Random(1)
    pending: list[asyncio.Task[TimedReply]] = []
    until = time.perf_counter() + seconds
    due = time.perf_counter()
    while (now := time.perf_counter()) < until:
        due += times.expovariate(rate)
        await asyncio.sleep(max(0.0, due - now))
        question = asked[len(pending) % len(asked)]
        pending.append(asyncio.create_task(ask(http, question, stream=True, tokens=_FEW)))
    return list(await asyncio.gather(*pending))


async def overload(options: argparse.Namespace, index: Path, folder: Path) -> Rows:
    """Latency of what is let in and time to refuse, at ten times what fits."""
    capacity = _PLACES / _SERVICE_SECONDS
    asked = list(questions())
    with (
        scripted_model(first=_SERVICE_SECONDS, tokens=-1) as model,
        server(model, index, folder, max_concurrent=_PLACES, max_queued=_QUEUE) as running,
    ):
        async with client(running) as http:
            await offered(http, asked, capacity / 2, 4)
            calm = await offered(http, asked, capacity / 2, options.seconds)
            storm = await offered(http, asked, capacity * 10, options.seconds)
    refused = [reply.seconds for reply in storm if reply.status == 503]
    accepted = [reply.seconds for reply in storm if reply.status == 200]
    others = sorted({reply.status for reply in (*calm, *storm)} - {200, 503})
    if others or not refused:
        sys.exit(f"the overload did not go as it should: statuses {others or 'without a 503'}")
    before = float(np.percentile([reply.seconds for reply in calm], 99))
    after = float(np.percentile(accepted, 99))
    return [
        (f"99th percentile at half of what fits ({capacity / 2:.0f}/s)", f"{before:.2f} s", ""),
        (
            f"the same of the {len(accepted)} let in at ten times what fits",
            f"{after:.2f} s, {after / before:.2f} times", "≤ 1.5 times",
        ),
        (
            f"time to refuse, median / 99th ({len(refused)} refused)",
            f"{np.median(refused) * 1e3:.1f} / {np.percentile(refused, 99) * 1e3:.1f} ms",
            "< 50 ms",
        ),
    ]  # fmt: skip


_PARTS: dict[str, Callable[..., Any]] = {
    "overhead": overhead, "smoothness": smoothness, "overload": overload,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that were asked for; return the exit status."""
    options = _parser().parse_args(arguments)
    where = f"`python -m scripts.bench_endpoint` on {machine()}.\n\n"
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts:
            say(f"{part} …")
            rows += asyncio.run(_PARTS[part](options, options.index.resolve(), Path(folder)))
    text = where + table(("figure", "value", "goal"), rows)
    print(text, flush=True)
    if options.write:
        replace_section(ROOT / "docs" / "operations.md", "endpoint", text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m scripts.bench_endpoint", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=list(_PARTS), default=list(_PARTS))
    parser.add_argument("--index", type=Path, default=ROOT / "var" / "index")
    parser.add_argument("--requests", type=int, default=150, help="for the overhead (150)")
    parser.add_argument("--streams", type=int, default=200, help="at once (200)")
    parser.add_argument("--seconds", type=float, default=40, help="of overload (40)")
    parser.add_argument("--write", action="store_true", help="also write docs/operations.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
