"""Streams: their order, their ends, their silences, and what breaks before and within them."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
import openai
import pytest

from app.chat_models.scripted import ScriptedChatModel
from app.record.errors import ContextOverflow, ModelBusy, ModelError, ModelUnavailable, RequestError
from index.errors import IndexUnusable
from tests.api.conftest import (
    SENTENCES,
    FakePipeline,
    Running,
    asking,
    frames,
    serving,
)
from tests.scripted import until

TEXT = "".join(SENTENCES)


def streamed(api: Running, **body: Any) -> list[Any]:
    reply = api.chat(stream=True, **body)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    return frames(reply.text)


def test_order_of_a_stream(api: Running) -> None:
    *chunks, done = streamed(api)
    assert done == "[DONE]"
    assert all(len(chunk["choices"]) == 1 for chunk in chunks)
    assert all("usage" not in chunk for chunk in chunks)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["content"] for delta in deltas[1:4]] == list(SENTENCES)
    assert list(deltas[4]) == ["annotations"]
    assert deltas[5] == {}
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons == [None] * 5 + ["stop"]
    for name in ("id", "created", "model", "system_fingerprint", "object"):
        assert len({chunk[name] for chunk in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"


def test_streamed_and_whole_say_the_same(api: Running) -> None:
    whole = api.chat().json()
    chunks = streamed(api, stream_options={"include_usage": True})[:-1]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    message = whole["choices"][0]["message"]
    assert chunks[-3]["choices"][0]["delta"]["annotations"] == message["annotations"]
    for name in ("citations", "search_results", "x_grounding"):
        assert chunks[-2][name] == whole[name]
        assert all(name not in chunk for chunk in chunks if chunk is not chunks[-2])


def test_an_abstention_streams_as_content_without_annotations(api: Running) -> None:
    api.pipeline.abstains = True
    chunks = streamed(api)[:-1]
    assert all("annotations" not in chunk["choices"][0]["delta"] for chunk in chunks)
    assert chunks[-1]["x_grounding"]["abstained"] is True
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_text_that_came_with_the_final_event_alone_is_sent(api: Running) -> None:
    api.pipeline.deltas = False
    chunks = streamed(api)[:-1]
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(texts) == TEXT


def test_openai_python_streams(api: Running) -> None:
    text, usage = "", None
    annotations: list[Any] = []
    options: Any = {"include_usage": True}
    for chunk in api.openai.chat.completions.create(**asking(stream=True, stream_options=options)):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            annotations += getattr(choice.delta, "annotations", None) or []
    assert text == TEXT
    assert len(annotations) == 4
    assert usage is not None
    assert usage.total_tokens == 150


def test_the_sdk_helper_accumulates_a_stream(api: Running) -> None:
    with api.openai.chat.completions.stream(**asking()) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == TEXT
    assert final.choices[0].finish_reason == "stop"


def test_silence_is_filled_with_chunks_that_have_choices() -> None:
    pipeline = FakePipeline(before_each=0.25)
    with serving(pipeline, keep_alive_seconds=0.1) as api:
        reply = api.chat(stream=True)
        *chunks, done = frames(reply.text)
        assert done == "[DONE]"
        noops = [chunk for chunk in chunks[:-1] if chunk["choices"][0]["delta"] == {}]
        assert len(noops) >= 3
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in noops)
        assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
        with api.openai.chat.completions.stream(**asking()) as stream:
            assert stream.get_final_completion().choices[0].message.content == TEXT


def test_keep_alive_can_be_switched_off() -> None:
    with serving(FakePipeline(before_each=0.2), keep_alive_seconds=0) as api:
        chunks = frames(api.chat(stream=True).text)[:-2]
        assert all(chunk["choices"][0]["delta"] for chunk in chunks)


FAULTS = [
    (ModelUnavailable("no route to http://10.0.0.7:8001/v1"), 503, "model_unavailable"),
    (ModelBusy("later", retry_after=900), 429, "model_busy"),
    (ModelError("/srv/models/x failed"), 500, "model_error"),
    (ContextOverflow("too long"), 400, "context_length_exceeded"),
    (RequestError("got /etc/passwd/x, expected less", field="question"), 400, "invalid_value"),
    (IndexUnusable("/var/index/current is damaged"), 503, "index_unusable"),
    (ZeroDivisionError("oops"), 500, "internal_error"),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("error", "status", "code"), FAULTS)
def test_what_fails_before_the_first_text_is_a_status(
    api: Running, error: Exception, status: int, code: str, stream: bool
) -> None:
    api.pipeline.error_at = (0, error)
    reply = api.chat(stream=stream)
    assert reply.status_code == status
    body = reply.json()
    assert body["error"]["code"] == code
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert "/" not in body["error"]["message"].replace("/readyz", "")
    if status in (429, 503):
        assert 1 <= int(reply.headers["retry-after"]) <= 120
    api.wait_idle(1)


def test_failure_in_retrieval_is_a_status(api: Running) -> None:
    api.pipeline.error_before_retrieved = IndexUnusable("gone")
    with pytest.raises(openai.InternalServerError) as raised:
        api.openai.chat.completions.create(**asking(stream=True))
    assert raised.value.status_code == 503


@pytest.mark.parametrize("error", [ModelError("died"), ZeroDivisionError(), RuntimeError("x")])
def test_failure_in_mid_stream_is_an_error_frame(api: Running, error: Exception) -> None:
    api.pipeline.error_at = (1, error)
    *chunks, failure, done = streamed(api)
    assert done == "[DONE]"
    assert list(failure) == ["error"]
    assert set(failure["error"]) == {"message", "type", "param", "code"}
    assert chunks[-1]["choices"][0]["delta"]["content"] == SENTENCES[0]
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    with pytest.raises(openai.APIError, match="x-request-id"):
        list(api.openai.chat.completions.create(**asking(stream=True)))


def test_failure_in_mid_answer_unstreamed_is_a_status(api: Running) -> None:
    api.pipeline.error_at = (1, ModelError("died"))
    assert api.chat().status_code == 500


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("phase", ["retrieval", "first token", "mid-stream", "queue"])
def test_a_client_that_leaves_stops_the_work(phase: str, stream: bool) -> None:
    pipeline = FakePipeline(sentences=["word "] * 500)
    if phase == "retrieval":
        pipeline.before_retrieved = 30
    else:
        pipeline.before_each = 0.01 if phase == "mid-stream" else 30
    with serving(pipeline, max_concurrent=1) as api, httpx.Client(trust_env=False) as other:
        if phase == "queue":
            other.timeout = httpx.Timeout(0.4)
            pipeline.before_each = 0.8
            pipeline.sentences = ["one "]
        with httpx.Client(base_url=api.url, trust_env=False, verify=False) as client:
            request = client.build_request(
                "POST", "/v1/chat/completions", json=asking(stream=stream), timeout=0.5
            )
            _leave_early(client, request, phase, stream=stream)
        assert api.wait_idle(1) < 1
        assert pipeline.cut == 1
        assert api.http.get("/healthz").status_code == 200


def _leave_early(client: httpx.Client, request: httpx.Request, phase: str, *, stream: bool) -> None:
    if stream and phase == "mid-stream":
        reply = client.send(request, stream=True)
        pieces = reply.iter_raw()
        for _ in range(5):
            next(pieces)
        reply.close()
        return
    with pytest.raises(httpx.ReadTimeout):
        client.send(request)


def test_many_clients_that_leave_leave_nothing_behind() -> None:
    pipeline = FakePipeline(sentences=["word "] * 500, before_each=0.01)
    with serving(pipeline) as api:
        for number in range(40):
            with api.http.stream("POST", "/v1/chat/completions", json=asking(stream=True)) as it:
                pieces = it.iter_raw()
                for _ in range(number % 3):
                    next(pieces)
        api.wait_idle(1)
        assert pipeline.cut == 40
        serving_now = api.chat(stream=False, messages=[{"role": "user", "content": "x"}])
        assert serving_now.status_code == 200


def test_chores_are_answered_without_retrieval(api: Running) -> None:
    title = (
        "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat "
        'history.\n### Output:\nJSON format: { "title": "your concise title here" }\n'
        "### Chat History:\n<chat_history>\nUSER: hi\n</chat_history>"
    )
    api.pipeline.model = ScriptedChatModel(['{"title":', ' "Hi"}'])
    body = api.chat(title, max_tokens=1000).json()
    assert body["choices"][0]["message"]["content"] == '{"title": "Hi"}'
    assert body["x_grounding"] is None
    assert body["citations"] == []
    assert body["usage"]["prompt_tokens"] > 0
    chunks = streamed(api, messages=[{"role": "user", "content": title}])[:-1]
    shown = [chunk["choices"][0]["delta"].get("content") for chunk in chunks[:2]]
    assert shown == ["", '{"title": "Hi"}']
    assert not api.pipeline.questions
    assert api.pipeline.model.decodings[0].max_tokens <= 256


def test_a_full_server_refuses_at_once_and_says_when() -> None:
    pipeline = FakePipeline(before_each=1.0, sentences=["one"])
    with serving(pipeline, max_concurrent=1, max_queued=1) as api:
        replies: list[httpx.Response] = []
        threads = [threading.Thread(target=lambda: replies.append(api.chat())) for _ in range(2)]
        threads[0].start()
        until("one is answered", lambda: pipeline.running == 1)
        threads[1].start()
        queued = "\ncitewise_requests_queued 1.0"
        until("one waits", lambda: queued in api.http.get("/metrics").text)
        begun = time.monotonic()
        refused = api.chat()
        took = time.monotonic() - begun
        for thread in threads:
            thread.join()
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "overloaded"
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert took < pipeline.before_each
        assert [reply.status_code for reply in replies] == [200, 200]
        assert pipeline.most_running == 1
