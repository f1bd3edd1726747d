"""Chat completions, whole: required fields, citations, what is read from the messages."""

from __future__ import annotations

from typing import Any

import pytest
from openai import AsyncOpenAI

from app.api.schemas import ChatCompletion
from app.record.types import Message
from tests.api.conftest import MODEL, SENTENCES, SOURCE_A, SOURCE_B, Running, asking

TEXT = "".join(SENTENCES)


def test_whole_answer_has_every_required_field(api: Running) -> None:
    reply = api.chat()
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    ChatCompletion.model_validate(body)
    choice = body["choices"][0]
    assert body["id"].startswith("chatcmpl-")
    assert body["object"] == "chat.completion"
    assert body["model"] == MODEL
    assert choice["logprobs"] is None
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["refusal"] is None
    assert choice["message"]["content"] == TEXT
    assert body["usage"]["total_tokens"] == 150


def test_annotations_mark_the_markers_in_code_points(api: Running) -> None:
    notes = api.chat().json()["choices"][0]["message"]["annotations"]
    marked = [
        (TEXT[note["url_citation"]["start_index"] : note["url_citation"]["end_index"]], note)
        for note in notes
    ]
    assert [marker for marker, _ in marked] == ["[1]", "[2]", "[1]", "[2]"]
    urls = {"[1]": SOURCE_A.url, "[2]": SOURCE_B.url}
    assert all(note["url_citation"]["url"] == urls[marker] for marker, note in marked)


def test_side_channels_give_one_number_a_source(api: Running) -> None:
    body = api.chat().json()
    assert body["citations"] == [SOURCE_A.url, SOURCE_B.url]
    assert [result["snippet"] for result in body["search_results"]] == ["weighs values", "additive"]
    grounding = body["x_grounding"]
    assert grounding["sources"][0] == {
        "n": 1,
        "kind": "reference",
        "refs": ["attention/faq/0", "attention/faq/1"],
        "title": SOURCE_A.label,
        "url": SOURCE_A.url,
        "place": None,
        "works": [],
        "quotes": ["weighs values", "by similarity"],
        "score": 0.95,
    }
    assert grounding["abstained"] is False
    assert grounding["retrieval_confidence"] == 0.8
    assert grounding["persona"] == MODEL
    assert grounding["conflicts"] == [{"quantity": "heads", "values": [{"value": "8", "n": 2}]}]
    spans = [TEXT[claim["start"] : claim["end"]] for claim in grounding["claims"]]
    assert spans == list(SENTENCES)
    assert {claim["basis"] for claim in grounding["claims"]} == {"restated"}


def test_an_abstention_is_ordinary_content_without_annotations(api: Running) -> None:
    api.pipeline.abstains = True
    body = api.chat().json()
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["choices"][0]["message"]["annotations"] == []
    assert body["citations"] == []
    assert body["x_grounding"]["abstained"] is True


def test_openai_python_reads_it(api: Running) -> None:
    completion = api.openai.chat.completions.create(**asking())
    message = completion.choices[0].message
    assert message.content == TEXT
    assert message.annotations is not None
    assert message.annotations[0].url_citation.url == SOURCE_A.url
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 120
    assert completion._request_id


async def test_async_openai_python_reads_it(api: Running) -> None:
    async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key="none", max_retries=0) as client:
        completion = await client.chat.completions.create(**asking())
        assert completion.choices[0].message.content == TEXT
        streamed = await client.chat.completions.create(**asking(stream=True))
        pieces = [chunk.choices[0].delta.content or "" async for chunk in streamed]
        assert "".join(pieces) == TEXT


def test_unknown_fields_are_ignored_and_nulls_are_defaults(api: Running) -> None:
    nulls: dict[str, Any] = dict.fromkeys(
        (
            "stream", "stream_options", "temperature", "top_p", "n", "max_tokens", "stop", "seed",
            "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias",
            "logprobs", "top_logprobs", "response_format", "tools", "tool_choice", "user",
            "function_call", "modalities", "metadata", "store", "service_tier",
        )
    )  # fmt: skip
    reply = api.chat(**nulls, something_new={"deep": [1, 2]})
    assert reply.status_code == 200
    assert reply.json()["object"] == "chat.completion"
    sampling = api.pipeline.questions[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.stop) == (
        None, None, None, (),
    )  # fmt: skip


def test_sampling_reaches_the_pipeline(api: Running) -> None:
    api.chat(temperature=0, top_p=1, max_tokens=9, max_completion_tokens=7, seed=3, stop="x")
    api.chat(temperature=2, max_tokens=10**9, stop=["a", "b"])
    first, second = (question.sampling for question in api.pipeline.questions)
    assert (first.temperature, first.top_p, first.max_tokens) == (0, 1, 7)
    assert (first.seed, first.stop) == (3, ("x",))
    assert second.stop == ("a", "b")
    assert second.max_tokens == api.pipeline.model.context_tokens


def test_messages_become_question_history_and_instructions(api: Running) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": "What is attention?", "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]
    assert api.chat(messages=messages).status_code == 200
    question = api.pipeline.questions[0]
    assert question.text == "a\nb"
    assert question.instructions == "Be brief.\n\nBe kind."
    assert question.history == (
        Message("user", "What is attention?"),
        Message("assistant", "A tool's result: 42"),
        Message("assistant", "No."),
    )
    assert question.persona == MODEL


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 2}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": 1}, "stop"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": -2.5}, "frequency_penalty"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{}], "tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"seed": 2**63}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "system", "content": " "}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages[0].content"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x" * 8001}]}, "messages[0].content"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
    ],
)
def test_what_cant_be_honoured_is_400_with_its_param(
    api: Running, fields: dict[str, Any], param: str
) -> None:
    reply = api.chat(**fields)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert isinstance(error["code"], str)
    assert len(error["message"]) <= 501
    assert not api.pipeline.questions


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}},
        {"type": {"of": "no kind"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f"}},
        {"text": "no type"},
        "bare",
    ],
)
def test_parts_other_than_text_are_refused(api: Running, part: object) -> None:
    content = [{"type": "text", "text": "What is this?"}, part]
    reply = api.chat(messages=[{"role": "user", "content": content}])
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "messages[0].content[1]"
    assert "nothing is ever fetched" in reply.json()["error"]["message"]


@pytest.mark.parametrize("bad", [{"text": 5}, {}, {"text": None}])
def test_a_parts_own_field_is_named(api: Running, bad: dict[str, object]) -> None:
    content = [{"type": "text", **bad}]
    reply = api.chat(messages=[{"role": "user", "content": content}])
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "messages[0].content[0].text"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f"}},
    ],
)
def test_an_earlier_turns_image_is_left_out(api: Running, part: object) -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]},
        {"role": "user", "content": [part]},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "What is attention?"},
    ]
    reply = api.chat(messages=messages)
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-citewise-left-out"].startswith("2 parts")
    said = [turn.content for turn in api.pipeline.questions[-1].history]
    assert said == ["What is this?", "A cat."]
    assert "x-citewise-left-out" not in api.chat().headers


def test_of_many_messages_the_oldest_are_left_out(api: Running) -> None:
    turns = [{"role": ("user", "assistant")[n % 2], "content": f"turn {n}"} for n in range(400)]
    messages = [{"role": "system", "content": "Be brief."}, *turns]
    reply = api.chat(messages=[*messages, {"role": "user", "content": "What is attention?"}])
    assert reply.status_code == 200, reply.text
    question = api.pipeline.questions[-1]
    assert question.text == "What is attention?"
    assert question.instructions == "Be brief."
    assert [turn.content for turn in question.history] == [f"turn {n}" for n in range(145, 400)]
    assert "145 oldest" in reply.headers["x-citewise-left-out"]


def test_no_limit_and_no_stop_string_are_said_in_others_ways(api: Running) -> None:
    for fields in ({"max_tokens": -1}, {"max_completion_tokens": -1.0}):
        assert api.chat(**fields).status_code == 200
        most = api.pipeline.questions[-1].sampling.max_tokens
        assert most == api.pipeline.model.context_tokens
    for stop in ("", [""], [], None, ["", "END"]):
        assert api.chat(stop=stop).status_code == 200
        assert api.pipeline.questions[-1].sampling.stop == (("END",) if stop == ["", "END"] else ())
    for wrong in (0, -2, -1.5):
        assert api.chat(max_tokens=wrong).json()["error"]["param"] == "max_tokens"


def test_boundaries_are_inside(api: Running) -> None:
    inside: list[dict[str, Any]] = [
        {"temperature": 0}, {"temperature": 2}, {"top_p": 1}, {"n": 1}, {"stop": ["a"] * 4},
        {"stop": []}, {"presence_penalty": 0}, {"top_logprobs": 0}, {"logprobs": False},
        {"tools": [{"type": "function"}], "tool_choice": "auto"}, {"logit_bias": {}},
        {"response_format": {"type": "text"}}, {"modalities": ["text"]}, {"seed": -(2**63)},
        {"max_tokens": 7.0},
    ]  # fmt: skip
    for fields in inside:
        reply = api.chat(**fields)
        assert reply.status_code == 200, (fields, reply.text)


def test_wishes_that_no_answer_is_drawn_by_are_told(api: Running) -> None:
    reply = api.chat(presence_penalty=0.5, frequency_penalty=0, logit_bias={"1": 5})
    assert reply.status_code == 200
    assert reply.headers["x-citewise-left-out"] == "presence_penalty, logit_bias"


def test_one_slash_at_the_end_is_forgiven(api: Running) -> None:
    asked = {"model": "citewise-expert", "messages": [{"role": "user", "content": "What is it?"}]}
    assert api.http.post("/v1/chat/completions/", json=asked).status_code == 200
    assert api.http.get("/v1/models/").status_code == 200
    assert api.http.get("/v1/models//").status_code == 404
    assert api.http.get("/v1/nothing/").status_code == 404


def test_where_no_user_speaks_the_last_instruction_is_asked(api: Running) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "What is attention?"},
    ]
    assert api.chat(messages=messages).status_code == 200
    question = api.pipeline.questions[0]
    assert (question.text, question.instructions) == ("What is attention?", "Be brief.")


def test_an_unknown_model_is_404(api: Running) -> None:
    reply = api.chat(model="gpt-4o")
    assert reply.status_code == 404
    error = reply.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert MODEL in error["message"]


def test_missing_fields_are_named(api: Running) -> None:
    reply = api.http.post("/v1/chat/completions", json={"model": MODEL})
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "messages"
    assert reply.json()["error"]["code"] == "missing_required_parameter"
