"""The engine is killed in mid-stream and started again. Runs last: it takes a second start."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.scripted import until
from tests.vllm.conftest import Engine
from tests.vllm.test_answers import ASKED, OTHERS, body


def test_killed_in_mid_stream_and_started_again(engine: Engine, address: str) -> None:
    asked = body(ASKED, stream=True, max_tokens=2000, temperature=1.0)
    frames: list[str] = []
    before = engine.metric("vllm:generation_tokens_total")

    def kill_in_mid_stream() -> None:
        until("tokens", lambda: engine.metric("vllm:generation_tokens_total") > before + 3, 120)
        engine.kill()

    with (
        ThreadPoolExecutor(1) as beside,
        httpx.stream("POST", f"{address}/v1/chat/completions", json=asked, timeout=120) as streamed,
    ):
        killing = beside.submit(kill_in_mid_stream)
        assert streamed.status_code == 200
        for line in streamed.iter_lines():
            if line.startswith("data: "):
                frames.append(line.removeprefix("data: "))
        killing.result()
    assert frames[-1] == "[DONE]"
    error = json.loads(frames[-2])
    assert "choices" not in error
    assert error["error"]["code"] in ("model_error", "model_unavailable")
    assert not any('"finish_reason":"' in frame for frame in frames)

    ready = httpx.get(f"{address}/readyz", timeout=10)
    assert ready.status_code == 503
    assert "model" in ready.text
    refused = httpx.post(f"{address}/v1/chat/completions", json=body(ASKED), timeout=30)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) <= 120
    assert httpx.get(f"{address}/healthz", timeout=10).status_code == 200

    engine.start()
    until("ready", lambda: httpx.get(f"{address}/readyz", timeout=10).status_code == 200, 30)
    again = httpx.post(
        f"{address}/v1/chat/completions", json=body(OTHERS[0], max_tokens=40), timeout=120
    )
    assert again.status_code == 200
    assert len(again.json()["choices"][0]["message"]["content"]) > 10
