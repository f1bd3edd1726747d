"""What a key may use, how much at once, and how those are told who may not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.__main__ import main
from app.api.accounts import Account, Bucket
from app.api.admission import Admission
from app.api.errors import ApiError
from app.api.keys import ApiKey, add_key, read_keys, revoke_key
from app.chat_models.scripted import ScriptedChatModel
from app.record.errors import SettingsError
from index.live import LiveIndex
from tests.api.conftest import FakePipeline, asking, serving
from tests.api.real import ASKED, real_app
from tests.scripted import listening

CHAT = "/v1/chat/completions"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    capacity=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 50)), max_size=60),
)
def test_a_bucket_gives_what_it_holds_and_what_came_back_and_no_more(
    capacity: int, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    bucket = Bucket(capacity, 60, clock)
    taken = 0
    for wait, wanted in steps:
        clock.now += wait
        for _ in range(wanted):
            if bucket.level < 1:
                break
            bucket.spend(1)
            taken += 1
        assert 0 <= bucket.remaining <= capacity
    assert taken <= capacity + clock.now * capacity / 60 + 1e-6


def test_a_bucket_says_when_there_is_more() -> None:
    clock = Clock()
    bucket = Bucket(60, 60, clock)
    bucket.spend(90)
    assert bucket.remaining == 0
    assert bucket.seconds_until(1) == pytest.approx(31)
    clock.now = 31.001
    assert bucket.remaining == 1
    clock.now = 1000
    assert bucket.remaining == 60


def test_an_account_refuses_when_its_minute_or_its_day_is_used_up() -> None:
    clock = Clock()
    account = Account(ApiKey("ann", "0" * 64, "", 2, 1000), 4, 4, clock)
    account.admit()
    account.spend(400)
    told = {name.decode(): value.decode() for name, value in account.headers()}
    assert told == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "30s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "600",
        "x-ratelimit-reset-tokens": "9h36m0s",
    }
    account.admit()
    with pytest.raises(ApiError, match="2 requests a minute") as raised:
        account.admit()
    assert (raised.value.status, raised.value.fields.retry_after) == (429, 30)
    clock.now = 30
    account.admit()
    account.spend(5000)
    clock.now = 100
    with pytest.raises(ApiError, match="1000 tokens a day") as raised:
        account.admit()
    assert raised.value.fields.retry_after == 120


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_keys_rate_holds_for_what_it_asks_and_for_no_other_key(keys: Path) -> None:
    ann, bob = add_key(keys, "ann", requests_per_minute=3), add_key(keys, "bob")
    pipeline = FakePipeline()
    with serving(pipeline, api_keys_file=keys) as api:
        for left in (2, 1, 0):
            reply = api.http.post(CHAT, json=asking(stream=left == 1), headers=bearer(ann))
            assert reply.status_code == 200
            assert reply.headers["x-ratelimit-remaining-requests"] == str(left)
            assert reply.headers["x-ratelimit-limit-requests"] == "3"
        asked = len(pipeline.questions)
        refused = api.http.post(CHAT, json=asking(), headers=bearer(ann))
        assert refused.status_code == 429
        assert len(pipeline.questions) == asked
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert api.http.get("/v1/models", headers=bearer(ann)).status_code == 200
        other = api.http.post(CHAT, json=asking(), headers=bearer(bob))
        assert other.status_code == 200
        assert "x-ratelimit-limit-requests" not in other.headers
        revoke_key(keys, "ann")
        again = add_key(keys, "ann", requests_per_minute=9)
        new = api.http.post(CHAT, json=asking(), headers=bearer(again))
        assert new.headers["x-ratelimit-remaining-requests"] == "8"


def test_tokens_are_charged_to_the_key_whose_request_used_them(
    keys: Path, live_index: LiveIndex
) -> None:
    ann = add_key(keys, "ann", tokens_per_day=500)
    bob = add_key(keys, "bob", tokens_per_day=500_000)
    app = real_app(live_index, ScriptedChatModel(["Nothing ", "of note."]), api_keys_file=keys)
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        for stream in (False, True):
            reply = http.post(CHAT, json=asking(ASKED, stream=stream), headers=bearer(bob))
            assert reply.status_code == 200
        left = http.get("/v1/models", headers=bearer(bob)).headers["x-ratelimit-remaining-tokens"]
        assert 400_000 < int(left) < 499_500
        assert http.post(CHAT, json=asking(ASKED), headers=bearer(ann)).status_code == 200
        refused = http.post(CHAT, json=asking(ASKED), headers=bearer(ann))
        assert refused.status_code == 429
        assert "tokens a day" in refused.json()["error"]["message"]
        embed: dict[str, Any] = {"model": "citewise-dpr", "input": "word " * 98}
        model = http.get("/openapi.json", headers=bearer(bob)).json()["components"]["schemas"]
        embed["model"] = model["EmbeddingsRequest"]["properties"]["model"]["enum"][0]
        before = int(left)
        embedded = http.post("/v1/embeddings", json=embed, headers=bearer(bob))
        assert embedded.status_code == 200, embedded.text
        after = http.get("/v1/models", headers=bearer(bob)).headers["x-ratelimit-remaining-tokens"]
        assert before - 100 <= int(after) <= before - 80  # some come back with time


def test_one_key_can_not_take_every_place(keys: Path) -> None:
    ann, bob = add_key(keys, "ann"), add_key(keys, "bob")
    pipeline = FakePipeline(before_each=2.0, sentences=["one"])
    fields: dict[str, Any] = {"max_concurrent_per_key": 2, "max_queued_per_key": 1}
    with (
        serving(pipeline, api_keys_file=keys, **fields) as api,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        running = []
        for _ in range(3):
            running.append(pool.submit(api.http.post, CHAT, json=asking(), headers=bearer(ann)))
            time.sleep(0.05)
        begun = time.monotonic()
        refused = api.http.post(CHAT, json=asking(), headers=bearer(ann))
        assert time.monotonic() - begun < 1.0
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert api.http.post(CHAT, json=asking(), headers=bearer(bob)).status_code == 200
        assert [each.result().status_code for each in running] == [200] * 3
        assert pipeline.most_running <= 3


async def test_who_would_wait_too_long_is_refused_although_there_is_room() -> None:
    gate = Admission(2, 8, 0.15)

    async def work(seconds: float) -> None:
        async with gate.turn():
            await asyncio.sleep(seconds)

    await work(0.3)  # from here on a turn is known to take so long
    running = [asyncio.create_task(work(0.3)) for _ in range(2)]
    await asyncio.sleep(0.02)
    with pytest.raises(ApiError, match="2 requests are worked on") as raised:
        gate.check()
    assert raised.value.status == 503
    await asyncio.sleep(0.2)
    running += [asyncio.create_task(work(0.3)) for _ in range(2)]
    await asyncio.sleep(0)
    assert gate.waiting == 2
    with pytest.raises(ApiError):  # its turn would come after those two have had theirs
        gate.check()
    await asyncio.gather(*running)
    gate.check()
    assert (gate.active, gate.waiting) == (0, 0)


def test_the_queue_is_told(keys: Path) -> None:
    pipeline = FakePipeline(before_each=0.4, sentences=["one"])
    with (
        serving(pipeline, max_concurrent=1, max_queued=3) as api,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        running = []
        for _ in range(3):
            running.append(pool.submit(api.chat))
            time.sleep(0.05)
        queued = [int(each.result().headers["x-citewise-queue"]) for each in running]
        assert queued == [2, 1, 0]
        assert "x-citewise-queue" not in api.http.get("/v1/models").headers


def test_limits_are_kept_with_the_key_and_listed(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["keys", "add", "ann", "--file", str(keys)]
    assert main([*words, "--requests-per-minute", "5", "--tokens-per-day", "70000"]) == 0
    assert main(["keys", "list", "--file", str(keys)]) == 0
    assert '"requests_per_minute": 5, "tokens_per_day": 70000' in capsys.readouterr().out
    assert main(["keys", "add", "bob", "--file", str(keys), "--tokens-per-day", "0"]) == 2
    assert "expected 1 or more" in capsys.readouterr().err
    assert [(key.name, key.requests_per_minute) for key in read_keys(keys)] == [("ann", 5)]
    with pytest.raises(SettingsError, match="requests-per-minute"):
        add_key(keys, "carl", requests_per_minute=0)


def test_a_file_of_keys_from_before_there_were_limits_is_read(keys: Path) -> None:
    keys.write_text('{"keys": [{"name": "ann", "sha256": "%s", "created": "x"}]}' % ("0" * 64))
    assert read_keys(keys) == (ApiKey("ann", "0" * 64, "x"),)
