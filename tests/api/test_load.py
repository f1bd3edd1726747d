"""Many clients: those that leave, an index that changes under them, and more than fit."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import httpx
import pytest

from index import store
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.sources import read
from scripts.scripted_model import Play, ScriptedModel
from tests.api.conftest import asking
from tests.api.real import ASKED, descriptors, live_tasks, relaying
from tests.conftest import ROOT

CHAT = "/v1/chat/completions"
AT_ONCE = 40


async def _ask(http: httpx.AsyncClient, situation: str, begun: asyncio.Queue[None]) -> None:
    """Ask, and read on for ever; tells once text has come."""
    body = asking(ASKED, stream=situation != "unstreamed")
    async with http.stream("POST", CHAT, json=body) as reply:
        async for line in reply.aiter_lines():
            if situation == "mid-stream" and '"content":' in line and '"role"' not in line:
                begun.put_nowait(None)
    raise AssertionError("the answer ended")


async def _leave(url: str, situation: str, times: int, model: ScriptedModel) -> None:
    """Some clients ask at once, all are being answered, all go away: within a second none runs."""
    before = model.begun
    limits, begun = httpx.Limits(max_connections=None), asyncio.Queue[None]()
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=60, limits=limits, verify=False
    ) as http:
        asked = [asyncio.create_task(_ask(http, situation, begun)) for _ in range(times)]
        while model.begun - before < times:
            await asyncio.sleep(0.01)
        if situation == "mid-stream":
            for _ in range(times):
                await begun.get()
        assert model.running == times
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        left = time.monotonic()
        while model.running:
            assert time.monotonic() - left < 1, f"{model.running} of {times} still run"
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("situation", "play"),
    [
        ("before the first token", Play(first=60)),
        ("mid-stream", Play(between=0.03, tokens=5000)),
        ("unstreamed", Play(between=0.03, tokens=5000)),
    ],
)
async def test_clients_that_leave_stop_the_model(
    situation: str, play: Play, live_index: LiveIndex
) -> None:
    """A thousand of them over the three situations; nothing of theirs is left."""
    with relaying(live_index, play, max_concurrent=64) as (url, model):
        await _leave(url, situation, 14, model)
        before, tasks = descriptors(), live_tasks()
        for _ in range(8):
            await _leave(url, situation, AT_ONCE, model)
        assert model.cut == model.begun == 334
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as http:
            shown = (await http.get("/metrics")).text
        for name in ("requests_running", "requests_queued", "answers_running"):
            assert f"citewise_{name} 0.0" in shown
        await asyncio.sleep(0.2)
        assert descriptors() <= before + 4
        assert live_tasks() <= tasks + 4


async def test_the_index_is_swapped_without_a_failed_request(
    encoder: Encoder, shipped_index: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    shutil.copytree(shipped_index, folder, symlinks=True)
    shipped = (folder / "current").readlink()
    small = read(ROOT / "tests" / "data" / "tower-sample.json").knowledge_base
    build(small, folder, encoder)
    targets = [(folder / "current").readlink(), shipped]
    live = LiveIndex(folder, encoder, look_every=0.05)
    with relaying(live, Play()) as (url, _):
        seen: set[str] = set()
        statuses: list[int] = []
        stop = asyncio.Event()

        async def load(http: httpx.AsyncClient, number: int) -> None:
            while not stop.is_set():
                reply = await http.post(CHAT, json=asking(ASKED, stream=number % 2 == 0))
                statuses.append(reply.status_code)
                found = await http.post("/v1/retrieve", json={"query": ASKED})
                statuses.append(found.status_code)
                seen.add(found.json()["index_fingerprint"])
                if number % 2 == 0:
                    assert reply.text.endswith("data: [DONE]\n\n")
                    assert '"error"' not in reply.text

        async with httpx.AsyncClient(
            base_url=url, trust_env=False, timeout=30, verify=False
        ) as http:
            clients = [asyncio.create_task(load(http, number)) for number in range(6)]
            for swap in range(40):
                answered = len(statuses)
                while len(statuses) < answered + 8:
                    await asyncio.sleep(0.05)
                if swap >= 8 and len(seen) == 2:
                    break
                beside = folder / f".link{swap}"
                beside.symlink_to(targets[swap % 2])
                beside.replace(folder / "current")
            stop.set()
            await asyncio.gather(*clients)
    assert set(statuses) == {200}
    assert len(seen) == 2
    assert store.current_state(folder) is not None
