"""The model's server breaks behind ours: nobody takes a cut answer for a whole one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from app.answer.pipeline import Pipeline, PipelineSettings
from app.api.schemas import ErrorBody
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from index.live import LiveIndex
from scripts.judges.model_server import FAULTS, Fault, ModelServer, running_model
from tests.api.conftest import MODEL, Running, asking, frames, serving

ASKED = "Why are attention scores divided by the square root of d_k?"
BEFORE = {"down": 503, "500": 503, "429": 429}


@pytest.fixture(scope="module")
def breaking() -> Iterator[ModelServer]:
    with running_model() as model:
        yield model


@pytest.fixture(scope="module")
def behind(breaking: ModelServer, live_index: LiveIndex) -> Iterator[Running]:
    engine = OpenAiCompatibleModel(breaking.url, timeout=0.5)
    with serving(Pipeline(live_index, engine, PipelineSettings())) as running:
        yield running


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, breaking: ModelServer) -> Iterator[Fault]:
    breaking.break_as(request.param)
    yield request.param
    breaking.break_as(None)


def test_without_a_fault_it_answers(behind: Running) -> None:
    body = behind.chat(ASKED).json()
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "[1]" in body["choices"][0]["message"]["content"]
    assert body["usage"]["prompt_tokens"] > 0
    streamed = frames(behind.chat(ASKED, stream=True).text)[:-1]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in streamed)
    assert text == body["choices"][0]["message"]["content"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_over_plain_http(behind: Running, fault: Fault, path: str) -> None:
    body: dict[str, Any] = asking(ASKED) if "chat" in path else {"model": MODEL, "input": ASKED}
    whole = behind.http.post(path, json=body)
    assert whole.status_code == {**BEFORE, "hangs": 503}.get(fault, 500)
    ErrorBody.model_validate(whole.json())
    streamed = behind.http.post(path, json={**body, "stream": True})
    if fault in BEFORE:
        assert streamed.status_code == BEFORE[fault]
        assert 1 <= int(streamed.headers["retry-after"]) <= 120
        return
    _assert_broken_stream(streamed)


def _assert_broken_stream(reply: httpx.Response) -> None:
    assert reply.status_code == 200
    assert reply.text.endswith("data: [DONE]\n\n")
    lines = [line for line in reply.text.split("\n") if line.startswith("data: {")]
    payloads = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert any("error" in payload for payload in payloads[-2:])
    reasons = [choice["finish_reason"] for p in payloads for choice in p.get("choices", ())]
    assert not any(reasons)
    assert "response.completed" not in reply.text


def test_with_openai_python(behind: Running, fault: Fault) -> None:
    chat, responses = behind.openai.chat.completions, behind.openai.responses
    for ask in (
        lambda: chat.create(**asking(ASKED)),
        lambda: list(chat.create(**asking(ASKED, stream=True))),
        lambda: responses.create(model=MODEL, input=ASKED),
        lambda: list(responses.create(model=MODEL, input=ASKED, stream=True)),
        lambda: _streamed_chat(behind),
    ):
        with pytest.raises(openai.APIError):
            ask()


def _streamed_chat(behind: Running) -> object:
    with behind.openai.chat.completions.stream(**asking(ASKED)) as stream:
        return stream.get_final_completion()


def test_after_every_fault_it_answers_again(behind: Running, breaking: ModelServer) -> None:
    for fault in FAULTS:
        breaking.break_as(fault)
        assert behind.chat(ASKED).status_code >= 429
        breaking.break_as(None)
        assert behind.chat(ASKED).status_code == 200
