"""JSON where it is asked for: content that follows the schema, or a refusal, never a mixture."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from openai import LengthFinishReasonError
from pydantic import BaseModel

from app.answer.pipeline import Pipeline, PipelineSettings
from app.api.schemas import ChatCompletion, ResponseObject
from app.chat_models.openvino_local import OpenVinoChatModel
from app.chat_models.scripted import ScriptedChatModel
from app.record.errors import RequestError
from app.record.types import Message
from index.live import LiveIndex
from tests.api.conftest import MODEL, Running, asking, frames, serving
from tests.api.test_responses import events_of
from tests.conftest import ROOT

ASKED = "Why are attention scores divided by the square root of d_k?"
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}


class Reply(BaseModel):
    answer: str


class FormedModel(ScriptedChatModel):
    """Writes the best passage's first sentence as JSON; a test may have it say something else."""

    def __init__(self) -> None:
        super().__init__(self._said)
        self.says: str | None = None

    def _said(self, messages: Sequence[Message]) -> Sequence[str]:
        block = messages[-1].content
        passage = block[block.index("[1] ") :].split("\n")[1]
        said = self.says or json.dumps({"answer": passage.split(". ")[0].rstrip(".") + " [1]."})
        return [said[:9], said[9:]]


@pytest.fixture(scope="module")
def formed(live_index: LiveIndex) -> Iterator[Running]:
    with serving(Pipeline(live_index, FormedModel(), PipelineSettings())) as running:
        yield running


@pytest.fixture
def model(formed: Running) -> Iterator[FormedModel]:
    playing = formed.pipeline.model
    assert isinstance(playing, FormedModel)
    yield playing
    playing.says, playing.writes_json = None, True


def chat(api: Running, **fields: Any) -> dict[str, Any]:
    reply = api.chat(ASKED, **{"response_format": FORMAT, **fields})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    ChatCompletion.model_validate(body)
    return body


def test_content_is_the_json_and_citations_are_beside_it(
    formed: Running, model: FormedModel
) -> None:
    body = chat(formed)
    message = body["choices"][0]["message"]
    said = json.loads(message["content"])["answer"]
    assert "[1]" not in message["content"]
    assert message["refusal"] is None
    places = [note["url_citation"] for note in message["annotations"]]
    assert places
    for place in places:
        assert message["content"][place["start_index"] : place["end_index"]] == said
    (claim,) = body["x_grounding"]["claims"]
    # One number for each work that its passage rests on.
    assert (claim["status"], claim["basis"]) == ("supported", "drafted")
    assert claim["cites"] == list(range(1, len(places) + 1))
    assert body["citations"] == [place["url"] for place in places]
    assert chat(formed, response_format={"type": "json_object"})["choices"][0]["message"]["content"]


def test_streamed_is_the_same_as_whole(formed: Running, model: FormedModel) -> None:
    body = chat(formed)
    reply = formed.chat(ASKED, response_format=FORMAT, stream=True)
    *chunks, done = frames(reply.text)
    assert done == "[DONE]"
    texts = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert "".join(filter(None, texts)) == body["choices"][0]["message"]["content"]
    assert chunks[-1]["x_grounding"]["claims"] == body["x_grounding"]["claims"]


@pytest.mark.parametrize(
    "asked", ["What did the stock market do in Lisbon yesterday afternoon?", ASKED]
)
def test_what_nothing_bears_is_a_refusal(formed: Running, model: FormedModel, asked: str) -> None:
    model.says = '{"answer": "Bananas ripen faster beside apples."}'
    reply = formed.chat(asked, response_format=FORMAT).json()
    ChatCompletion.model_validate(reply)
    message = reply["choices"][0]["message"]
    assert message["content"] is None
    assert message["refusal"]
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["x_grounding"]["abstained"] is True
    streamed = frames(formed.chat(asked, response_format=FORMAT, stream=True).text)[:-1]
    refusals = [chunk["choices"][0]["delta"].get("refusal") for chunk in streamed]
    assert "".join(filter(None, refusals)) == message["refusal"]


def test_openai_python_parses_it(formed: Running, model: FormedModel) -> None:
    parse = formed.openai.chat.completions.parse
    messages: Any = [{"role": "user", "content": ASKED}]
    parsed = parse(model=MODEL, messages=messages, response_format=Reply).choices[0].message
    assert parsed.parsed is not None
    assert parsed.parsed.answer.endswith(".")
    told = formed.openai.responses.parse(model=MODEL, input=ASKED, text_format=Reply)
    assert told.output_parsed == parsed.parsed
    model.says = '{"answer": "Bananas ripen faster beside apples."}'
    refused = parse(model=MODEL, messages=messages, response_format=Reply).choices[0].message
    assert refused.parsed is None
    assert refused.refusal


def test_responses_have_a_text_or_a_refusal(formed: Running, model: FormedModel) -> None:
    wanted = {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}}
    body = {"model": MODEL, "input": ASKED, "text": wanted}
    for says, kind in ((None, "output_text"), ('{"answer": "Bananas ripen."}', "refusal")):
        model.says = says
        whole = formed.http.post("/v1/responses", json=body).json()
        ResponseObject.model_validate(whole)
        (part,) = whole["output"][0]["content"]
        assert part["type"] == kind
        assert whole["text"]["format"]["schema"] == SCHEMA
        events = events_of(formed.http.post("/v1/responses", json={**body, "stream": True}))
        assert events[-1]["response"]["output"][0]["content"] == [part]
        begun = next(event for event in events if event["type"] == "response.content_part.added")
        assert begun["part"]["type"] == kind
        with formed.openai.responses.stream(model=MODEL, input=ASKED, text_format=Reply) as stream:
            content = stream.get_final_response().output[0]
        assert content.type == "message"
        assert content.content[0].type == kind


def test_half_a_value_is_never_shown(formed: Running, model: FormedModel) -> None:
    model.says = '{"answer": "Half'
    assert formed.chat(ASKED, response_format=FORMAT).status_code == 500


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {"name": "a"}},
         "response_format.json_schema.schema"),
        ({"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}},
         "response_format.json_schema.name"),
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "http://x/y"}}},
         "response_format"),
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "q"}}},
         "response_format"),
        ({"type": "yaml"}, "response_format.type"),
    ],
)  # fmt: skip
def test_forms_that_can_not_be_honoured(
    formed: Running, model: FormedModel, wanted: dict[str, Any], param: str
) -> None:
    reply = formed.chat(ASKED, response_format=wanted)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


def test_engines_that_can_not_be_held_to_json_say_so(formed: Running, model: FormedModel) -> None:
    model.writes_json = False
    for kind in ({"type": "json_object"}, FORMAT):
        reply = formed.chat(ASKED, response_format=kind)
        assert reply.status_code == 400
        assert reply.json()["error"]["param"] == "response_format"
        assert reply.json()["error"]["code"] == "unsupported_parameter"
    body = {"model": MODEL, "input": ASKED, "text": {"format": {"type": "json_object"}}}
    assert formed.http.post("/v1/responses", json=body).json()["error"]["param"] == "text.format"
    assert formed.chat(ASKED, response_format={"type": "text"}).status_code == 200


def test_an_engine_that_refuses_the_schema_is_a_400(api: Running) -> None:
    api.pipeline.error_at = (0, RequestError("no such grammar", field="form"))
    reply = api.chat(response_format={"type": "json_object"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "response_format")
    asked = {"model": MODEL, "input": "x", "text": {"format": {"type": "json_object"}}}
    for stream in (False, True):
        reply = api.http.post("/v1/responses", json={**asked, "stream": stream})
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "text.format")


@pytest.mark.slow
def test_the_embedded_model_answers_in_json_for_real(live_index: LiveIndex) -> None:
    engine = OpenVinoChatModel(None, ROOT / ".cache")
    pipeline = Pipeline(live_index, engine, PipelineSettings())
    with serving(pipeline) as api:
        api.http.timeout = 120
        body = chat(api, temperature=0, max_tokens=60)
        choice = body["choices"][0]
        message = choice["message"]
        if choice["finish_reason"] == "length":
            assert message["content"] == ""
        elif message["refusal"] is None:
            assert list(json.loads(message["content"])) == ["answer"]
            assert all(c["status"] != "unsupported" for c in body["x_grounding"]["claims"])
        else:
            assert body["x_grounding"]["abstained"] is True
        assert body["usage"]["prompt_tokens"] > 100
        with pytest.raises(LengthFinishReasonError):
            api.openai.with_options(timeout=120).chat.completions.parse(
                **asking(ASKED, max_tokens=4), response_format=Reply
            )
    asyncio.run(engine.close())
