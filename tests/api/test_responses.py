"""The Responses protocol: the object, its items, its events, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest

from app.api.schemas import ResponseObject
from app.record.errors import ModelError, ModelUnavailable
from app.record.types import Message
from tests.api.conftest import MODEL, SENTENCES, SOURCE_A, Running

TEXT = "".join(SENTENCES)


def ask(api: Running, **fields: Any) -> httpx.Response:
    body = {"model": MODEL, "input": "What is attention?", **fields}
    return api.http.post("/v1/responses", json=body)


def events_of(reply: httpx.Response) -> list[dict[str, Any]]:
    *events, done = [event for event in reply.text.split("\n\n") if event]
    assert done == "data: [DONE]"
    parsed: list[dict[str, Any]] = []
    for event in events:
        name, data = event.split("\n")
        parsed.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {parsed[-1]['type']}"
    assert [event["sequence_number"] for event in parsed] == list(range(len(parsed)))
    return parsed


def test_whole_response(api: Running) -> None:
    body = ask(api).json()
    ResponseObject.model_validate(body)
    (message,) = body["output"]
    assert message["content"][0]["text"] == TEXT
    note = message["content"][0]["annotations"][0]
    assert note["type"] == "url_citation"
    assert TEXT[note["start_index"] : note["end_index"]] == "[1]"
    assert body["usage"]["total_tokens"] == 150
    assert body["store"] is False
    assert body["x_grounding"]["abstained"] is False


def test_retrieval_is_an_item_where_it_is_asked_for(api: Running) -> None:
    search, _ = ask(api, include=["file_search_call.results"]).json()["output"]
    assert search["type"] == "file_search_call"
    assert search["results"][0]["file_id"] == "attention/faq/0"
    assert search["results"][0]["attributes"]["url"] == SOURCE_A.url
    search, _ = ask(api, tools=[{"type": "file_search", "vector_store_ids": []}]).json()["output"]
    assert search["results"] is None


def test_events_in_their_order(api: Running) -> None:
    events = events_of(ask(api, stream=True, include=["file_search_call.results"]))
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert kinds == [
        "created", "in_progress", "output_item.added", "file_search_call.in_progress",
        "file_search_call.searching", "file_search_call.completed", "output_item.done",
        "output_item.added", "content_part.added", *["output_text.delta"] * 3,
        *["output_text.annotation.added"] * 4, "output_text.done", "content_part.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    whole = ask(api, include=["file_search_call.results"]).json()
    last = events[-1]["response"]
    assert last["usage"] == whole["usage"]
    assert last["x_grounding"] == whole["x_grounding"]
    assert last["output"][1]["content"] == whole["output"][1]["content"]


def test_openai_python_reads_responses(api: Running) -> None:
    response = api.openai.responses.create(model=MODEL, input="What?")
    assert response.output_text == TEXT
    with api.openai.responses.stream(model=MODEL, input="What?") as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert "".join(texts) == TEXT
        assert stream.get_final_response().output_text == TEXT


def test_a_conversation_comes_as_items(api: Running) -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": []},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"type": "function_call_output", "call_id": "c", "output": "42"},
        {"type": "reasoning", "id": "r", "summary": []},
        {"role": "user", "content": "And now?"},
    ]
    assert ask(api, input=items, instructions="Be kind.", max_output_tokens=5).status_code == 200
    question = api.pipeline.questions[0]
    assert question.text == "And now?"
    assert question.instructions == "Be kind.\n\nBe brief."
    assert question.sampling.max_tokens == 5
    assert question.history == (
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("assistant", "A tool's result: 42"),
    )


def test_what_others_serve_is_served(api: Running) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, image]},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And now?"},
    ]
    reply = ask(api, input=items, max_output_tokens=-1)
    assert reply.status_code == 200, reply.text
    question = api.pipeline.questions[-1]
    assert question.history == (Message("user", "Hi"), Message("assistant", "Hello"))
    assert question.sampling.max_tokens == api.pipeline.model.context_tokens


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": " "}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
         "input[0].content[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"temperature": 3}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)  # fmt: skip
def test_refusals_name_their_field(api: Running, fields: dict[str, Any], param: str) -> None:
    reply = ask(api, **fields)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


def test_failure_before_and_in_mid_stream(api: Running) -> None:
    api.pipeline.error_at = (0, ModelUnavailable("down"))
    assert ask(api, stream=True).status_code == 503
    assert ask(api).status_code == 503
    api.pipeline.error_at = (1, ModelError("died"))
    *_, error, failed = events_of(ask(api, stream=True))
    assert error["type"] == "error"
    assert failed["response"]["status"] == "failed"
    with pytest.raises(openai.APIError):
        list(api.openai.responses.create(model=MODEL, input="x", stream=True))
    api.wait_idle(1)
