"""`python -m scripts.soak`: mixed load for minutes or hours; memory and open files must stay flat.

The whole product runs as a process of its own in front of a scripted model. Clients ask
streamed and unstreamed questions, retrieve, embed, and go away in mid-answer, while the index
is swapped again and again. The status is 1 where a request failed, memory or open files grew,
or work was left over.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from index.build import build
from index.cli import Parser, say
from index.encoders import load_encoder
from index.sources import read
from scripts.bench.measure import ROOT, machine, replace_section, table
from scripts.bench.serving import Server, questions, scripted_model, server

_CHAT = "/v1/chat/completions"
_SWAP_EVERY_SECONDS = 7.0
_LOOK_EVERY_SECONDS = 1.0
_WARM_UP = 0.25  # share of the time in which caches may still fill
_MEMORY_GROWTH_MB, _MEMORY_GROWTH = 15.0, 0.03
_FILES_GROWTH = 12


@dataclass(slots=True)
class Soak:
    """What is seen while it lasts."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    swaps: int = 0

    def faults(self) -> list[str]:
        """What must not be."""
        found = [f"{count} times: {what}" for what, count in self.wrong.items()]
        early, late = self._halves()
        memory = [statistics.median(sample[1] for sample in part) for part in (early, late)]
        files = [statistics.median(sample[2] for sample in part) for part in (early, late)]
        most = max(_MEMORY_GROWTH_MB, _MEMORY_GROWTH * memory[0])
        if memory[1] - memory[0] > most:
            found.append(f"memory grew from {memory[0]:.0f} to {memory[1]:.0f} MB")
        if files[1] - files[0] > _FILES_GROWTH:
            found.append(f"open files grew from {files[0]:.0f} to {files[1]:.0f}")
        return found

    def _halves(self) -> tuple[list[tuple[float, float, int]], list[tuple[float, float, int]]]:
        """The first and the last third of what came after the warm-up."""
        after = self.samples[int(len(self.samples) * _WARM_UP) :]
        third = max(1, len(after) // 3)
        return after[:third], after[-third:]

    def report(self) -> str:
        """Memory and files over time, and what was done."""
        step = max(1, len(self.samples) // 10)
        rows = [
            (f"{at / 60:.1f}", f"{memory:.0f}", files) for at, memory, files in self.samples[::step]
        ]
        done = ", ".join(f"{count:,} {what}" for what, count in sorted(self.done.items()))
        return f"{done}; {self.swaps} index swaps.\n\n" + table(("minute", "MB", "files"), rows)


async def _client(http: aiohttp.ClientSession, soak: Soak, asked: Sequence[str], seed: int) -> None:
    """Ask one thing after another, chosen at random, for ever."""
    chosen = random.Random(seed)
    kinds = ("streamed", "unstreamed", "retrieved", "embedded", "left", "listed")
    while True:
        kind = chosen.choices(kinds, weights=(6, 3, 3, 1, 3, 1))[0]
        try:
            await _one(http, kind, chosen.choice(asked), chosen)
            soak.done[kind] += 1
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            soak.wrong[f"{kind}: {type(error).__name__}: {error}"[:200]] += 1


async def _one(
    http: aiohttp.ClientSession, kind: str, question: str, chosen: random.Random
) -> None:
    body: dict[str, object] = {
        "model": "citewise-expert",
        "messages": [{"role": "user", "content": question}],
        "stream": kind in ("streamed", "left"),
    }
    match kind:
        case "retrieved":
            await _whole(http, "/v1/retrieve", {"query": question})
        case "embedded":
            await _whole(http, "/v1/embeddings", {"model": "citewise-dpr", "input": question})
        case "listed":
            async with http.get("/v1/models") as reply:
                _check(reply)
        case "left":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chosen.uniform(0.005, 0.4)):
                    await _whole(http, _CHAT, {**body, "stream": chosen.random() < 0.7})
        case _:
            text = await _whole(http, _CHAT, body)
            ended = "data: [DONE]" if kind == "streamed" else '"finish_reason"'
            if ended not in text or '{"error"' in text:
                raise ValueError("the answer is cut")


async def _whole(http: aiohttp.ClientSession, path: str, body: dict[str, object]) -> str:
    async with http.post(path, json=body) as reply:
        _check(reply)
        return await reply.text()


def _check(reply: aiohttp.ClientResponse) -> None:
    if reply.status != 200:
        raise ValueError(f"status {reply.status}")


async def _swap(folder: Path, soak: Soak, links: Sequence[Path]) -> None:
    """Make the other index current, again and again, as a build does it."""
    while True:
        await asyncio.sleep(_SWAP_EVERY_SECONDS)
        soak.swaps += 1
        beside = folder / ".swap"
        beside.symlink_to(links[soak.swaps % len(links)])
        beside.replace(folder / "current")


async def _watch(running: Server, soak: Soak) -> None:
    begun = time.monotonic()
    while True:
        seen = (time.monotonic() - begun, running.memory_mb(), running.files())
        soak.samples.append(seen)
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def _left_over(http: aiohttp.ClientSession, soak: Soak) -> None:
    """Once all clients are gone, nothing may run."""
    await asyncio.sleep(1)
    async with http.get("/metrics") as reply:
        lines = (await reply.text()).splitlines()
    for name in ("requests_running", "requests_queued", "answers_running", "model_queue"):
        if f"citewise_{name} 0.0" not in lines:
            soak.wrong[f"{name} is not 0 after the last client has gone"] += 1


@contextlib.asynccontextmanager
async def _doing(*works: object) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


async def run(minutes: float, clients: int, index: Path, folder: Path) -> Soak:
    """Soak the server; returns what was seen."""
    soak, asked = Soak(), questions()
    links = _two_indexes(index, folder / "index")
    with (
        scripted_model(first=0.01, between=0.002, tokens=80) as model,
        server(model, folder / "index", folder) as running,
    ):
        async with aiohttp.ClientSession(
            running.address, timeout=aiohttp.ClientTimeout(total=60)
        ) as http:
            works = [_client(http, soak, asked, seed) for seed in range(clients)]
            async with _doing(*works, _swap(folder / "index", soak, links), _watch(running, soak)):
                await asyncio.sleep(minutes * 60)
            await _left_over(http, soak)
    return soak


def _two_indexes(index: Path, folder: Path) -> list[Path]:
    """A copy of the index, and a small one beside it."""
    shutil.copytree(index, folder, symlinks=True)
    links = [(folder / "current").readlink()]
    small = read(ROOT / "tests" / "data" / "tower-sample.json").knowledge_base
    build(small, folder, load_encoder())
    return [*links, (folder / "current").readlink()]


def main(arguments: list[str] | None = None) -> int:
    """Soak, report on standard output; return 1 where something grew or failed."""
    parser = Parser(prog="python -m scripts.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    parser.add_argument("--clients", type=int, default=8, help="how many at once (8)")
    parser.add_argument("--index", type=Path, default=ROOT / "var" / "index")
    parser.add_argument("--write", action="store_true", help="also write docs/operations.md")
    options = parser.parse_args(arguments)
    where = f"`python -m scripts.soak --minutes {options.minutes:g}` on {machine()}.\n\n"
    with tempfile.TemporaryDirectory() as folder:
        soak = asyncio.run(
            run(options.minutes, options.clients, options.index.resolve(), Path(folder))
        )
    text = where + soak.report()
    print(text, flush=True)
    faults = soak.faults()
    for fault in faults:
        say(f"soak: {fault}")
    if options.write:
        replace_section(ROOT / "docs" / "operations.md", "soak", text)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
