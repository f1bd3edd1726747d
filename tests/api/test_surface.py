"""The other routes: models, retrieval, embeddings, probes, and the description of them all."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from app.api.schemas import (
    CalculationReply,
    Calculations,
    Embeddings,
    ErrorBody,
    Found,
    ModelCard,
    ModelCards,
)
from app.record.types import Message
from index.encoders import Encoder
from index.weights import MINILM
from tests.api.conftest import MODEL, FakePipeline, Running, asking, serving


def test_models_are_the_personas(api: Running) -> None:
    listed = [model.id for model in api.openai.models.list()]
    assert listed[0] == MODEL
    assert f"{MODEL}+research" in listed
    ModelCards.model_validate(api.http.get("/v1/models").json())
    for name in listed:
        card = api.openai.models.retrieve(name)
        assert (card.id, card.object, card.owned_by) == (name, "model", "citewise")
        ModelCard.model_validate(api.http.get(f"/v1/models/{name}").json())
    with pytest.raises(openai.NotFoundError) as raised:
        api.openai.models.retrieve("no/such+model")
    assert raised.value.code == "model_not_found"


def test_retrieve_gives_hits_with_their_trace(api: Running) -> None:
    reply = api.http.post("/v1/retrieve", json={"query": "What is attention?", "k": 3})
    body = reply.json()
    Found.model_validate(body)
    assert body["hits"][0]["ref"] == "attention/faq/0"
    assert body["hits"][0]["trace"] == {"dense": 0.8, "bm25": 1.0}
    assert body["hits"][0]["sources"][0]["year"] == 2017
    assert body["answerable"] is True


def test_retrieve_takes_a_history(api: Running) -> None:
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    asked: list[Any] = []
    original = api.pipeline.retrieve

    async def spy(question: Any) -> Any:
        asked.append(question)
        return await original(question)

    vars(api.pipeline)["retrieve"] = spy
    try:
        api.http.post("/v1/retrieve", json={"query": "And then?", "history": history})
    finally:
        del vars(api.pipeline)["retrieve"]
    assert asked[0].history == (Message("user", "Hi"), Message("assistant", "Hello"))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": " "}, "query"),
        ({"query": "x", "k": 0}, "k"),
        ({"query": "x", "k": 21}, "k"),
        ({"query": "x", "history": [{}]}, "history[0].role"),
    ],
)
def test_retrieve_refuses(api: Running, body: dict[str, Any], param: str) -> None:
    reply = api.http.post("/v1/retrieve", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


def test_embeddings_as_numbers_and_base64(api: Running) -> None:
    raw = api.http.post("/v1/embeddings", json={"model": "tiny", "input": "four"}).json()
    Embeddings.model_validate(raw)
    assert raw["data"] == [{"object": "embedding", "index": 0, "embedding": [4.0, 0.0, 0.5]}]
    many = ["x" * n for n in range(1, 101)]
    encoded = api.http.post(
        "/v1/embeddings", json={"model": "tiny", "input": many, "encoding_format": "base64"}
    ).json()
    vectors = [np.frombuffer(base64.b64decode(e["embedding"]), "<f4") for e in encoded["data"]]
    assert [vector[0] for vector in vectors] == list(range(1, 101))
    by_sdk = api.openai.embeddings.create(model="tiny", input=["ab", "c"])
    assert [item.embedding[0] for item in by_sdk.data] == [2.0, 1.0]
    passages = api.http.post(
        "/v1/embeddings", json={"model": "tiny", "input": "x", "input_type": "passage"}
    ).json()
    assert passages["data"][0]["embedding"] == [1.0, 1.0, 0.5]


def test_embeddings_take_the_encoders_own_token_ids(api: Running) -> None:
    for ids, lengths in (([5, 6, 7.0], [3.0]), ([[5], [6, 7]], [1.0, 2.0])):
        reply = api.http.post("/v1/embeddings", json={"model": "tiny", "input": ids}).json()
        assert [row["embedding"][0] for row in reply["data"]] == lengths
    assert reply["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


def test_the_real_encoder_reads_its_own_ids(encoder: Encoder) -> None:
    text = "Why don't attention scores (q·k) overflow, e.g. in LLaMA-2?"
    tokenizer = Tokenizer.from_file(str(MINILM.locate().parent / "tokenizer.json"))
    tokenizer.no_padding()
    ids = tokenizer.encode(text).ids
    assert encoder.count_tokens([text]) == [len(ids)]
    by_text, by_ids = encoder.encode_queries([text, encoder.decode(ids)])
    assert np.allclose(by_text, by_ids, atol=1e-6)
    with pytest.raises(ValueError, match="expected 0 to 30521"):
        encoder.decode([30522])


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": []}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": ["a", ""]}, 400, "input[1]"),
        ({"input": [1, 1000]}, 400, "input"),
        ({"input": [[1, 2], [3000]]}, 400, "input"),
        ({"input": [1, -2]}, 400, "input[1]"),
        ({"input": [1, "two"]}, 400, "input[1]"),
        ({"input": ["one", 2]}, 400, "input[1]"),
        ({"input": [[1], "two"]}, 400, "input[1]"),
        ({"input": [[]]}, 400, "input[0]"),
        ({"input": [True]}, 400, "input[0]"),
        ({"input": [[1]] * 2049}, 400, "input"),
        ({"input": ["x"] * 2049}, 400, "input"),
        ({"input": "x", "dimensions": 2}, 400, "dimensions"),
        ({"input": "x", "encoding_format": "int8"}, 400, "encoding_format"),
        ({"input": "x", "model": "other"}, 404, "model"),
    ],
)
def test_embeddings_refuse(api: Running, fields: dict[str, Any], status: int, param: str) -> None:
    reply = api.http.post("/v1/embeddings", json={"model": "tiny", **fields})
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]["param"] == param


def test_embeddings_take_2048_texts(api: Running) -> None:
    reply = api.http.post("/v1/embeddings", json={"model": "tiny", "input": ["x"] * 2048})
    assert len(reply.json()["data"]) == 2048


def test_a_calculation_gives_its_sum(api: Running) -> None:
    inputs = {"model": "llama-3.1-70b", "tokens": "128k"}
    reply = api.http.post("/v1/calculate", json={"name": "kv-cache", "inputs": inputs})
    found = CalculationReply.model_validate(reply.json())
    assert found.result["value"] == 40 * 2**30
    assert found.result["unit"] == "bytes"
    assert found.steps
    assert found.assumptions
    assert all(source["url"].startswith("https://") for source in found.sources)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "kv-cash", "inputs": {}}, "name"),
        ({"name": "kv-cache", "inputs": {"model": "llama-3.1-8b"}}, "inputs.tokens"),
        ({"name": "weights", "inputs": {"parameters": "7 GB"}}, "inputs.parameters"),
        ({"name": "weights", "inputs": {"parameters": [7]}}, "inputs.parameters"),
        ({"name": "weights"}, "inputs"),
    ],
)
def test_calculations_refuse(api: Running, body: dict[str, Any], param: str) -> None:
    reply = api.http.post("/v1/calculate", json=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


def test_what_can_be_calculated_is_listed_with_its_inputs(api: Running) -> None:
    known = Calculations.model_validate(api.http.get("/v1/calculations").json())
    assert {"kv-cache", "training-memory"} <= {each["name"] for each in known.data}
    assert len(known.models) > 100
    assert all(each["inputs"] for each in known.data)


def test_probes(api: Running) -> None:
    assert api.http.get("/healthz").json() == {"status": "ok", "parts": {}}
    ready = api.http.get("/readyz")
    assert ready.json() == {"status": "ready", "parts": {"index": True, "model": True}}
    api.pipeline.parts = {"index": True, "model": False}
    missing = api.http.get("/readyz")
    assert missing.status_code == 503
    assert missing.json()["error"]["message"] == "not ready: model"
    assert api.http.get("/healthz").status_code == 200


def test_the_description_is_what_is_served(api: Running) -> None:
    document = api.http.get("/openapi.json").json()
    posts = {
        "/v1/calculate", "/v1/chat/completions", "/v1/check", "/v1/retrieve",
        "/v1/embeddings", "/v1/responses",
    }  # fmt: skip
    gets = {
        "/v1/calculations", "/v1/models", "/v1/models/{model}", "/healthz", "/readyz",
    }  # fmt: skip
    assert {path for path, item in document["paths"].items() if "post" in item} == posts
    assert {path for path, item in document["paths"].items() if "get" in item} == gets
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert "422" not in operation["responses"], path
            assert "200" in operation["responses"]
            if method == "post":
                assert {"400", "413", "415", "503"} <= set(operation["responses"])
    request = document["components"]["schemas"]["ChatRequest"]
    assert request["required"] == ["model", "messages"]
    assert MODEL in request["properties"]["model"]["enum"]
    assert document["components"]["schemas"]["EmbeddingsRequest"]["properties"]["model"][
        "enum"
    ] == ["tiny"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_description_can_be_switched_off() -> None:
    with serving(FakePipeline(), api_docs=False) as api:
        assert api.http.get("/openapi.json").status_code == 404
        assert api.chat().status_code == 200


FIELDS = (
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "max_tokens",
    "stop", "seed", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "tools",
    "tool_choice", "response_format", "modalities", "input", "query", "k", "history",
    "encoding_format", "dimensions", "role", "content", "type", "text", "include", "instructions",
    "name", "inputs", "parameters",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from([MODEL, "tiny", "user", "text", "auto", "required", "system", "tool"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    ),
    max_leaves=12,
)
VALID: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": asking(),
    "/v1/responses": {"model": MODEL, "input": "What?"},
    "/v1/retrieve": {"query": "What?"},
    "/v1/embeddings": {"model": "tiny", "input": "x"},
    "/v1/calculate": {"name": "weights", "inputs": {"parameters": "7B"}},
    "/v1/check": {"text": "It is so."},
}


@pytest.mark.parametrize("path", list(VALID))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_no_request_is_a_server_error(api: Running, path: str, fields: dict[str, Any]) -> None:
    reply = api.http.post(path, json={**VALID[path], **fields})
    assert reply.status_code in (200, 400, 404), (fields, reply.text)
    if reply.status_code != 200:
        ErrorBody.model_validate(reply.json())
