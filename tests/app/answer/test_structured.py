"""Answers as JSON: what is checked, what is left out, and where the claims stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answer.draft import Policy
from app.answer.structured import JsonReviewer
from app.answer.writer import Writer
from app.chat_models.scripted import ScriptedChatModel
from app.record.errors import ModelError, RequestError
from app.record.evidence import evidence_of
from app.record.json_schema import check_schema
from app.record.types import Answer, Final, JsonForm, Message, Question, Sampling
from app.verifying.supports import LexicalVerifier
from index.types import Hit, Passage, PassageKind, Source
from tests.conftest import MakePipeline

ASKED = "Why are attention scores divided by the square root of d_k?"
TRUE = "The Transformer has 8 attention heads in each layer."
FALSE = "Bananas ripen faster beside apples in a warm kitchen."
EVIDENCE = evidence_of(
    [
        Hit(
            Passage(
                "a/faq/0", PassageKind.FAQ, "a", "Attention", "How many heads?", TRUE,
                (Source("v", "Vaswani et al. (2017)", "https://example.org/v", 2017),),
            ),
            0.9,
        )
    ]
)  # fmt: skip


def reviewer(schema: dict[str, Any] | None = None, policy: Policy = "drop") -> JsonReviewer:
    verifier = LexicalVerifier(lambda word: 1.0)
    return JsonReviewer(Writer(EVIDENCE), verifier, EVIDENCE, policy, JsonForm(schema))


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


async def test_texts_are_checked_by_sentence_and_markers_go_to_the_side() -> None:
    judge = reviewer(closed(answer={"type": "string"}))
    delta = await judge.review(json.dumps({"answer": f"{TRUE[:-1]} [1]. {FALSE}"}))
    assert delta is not None
    assert json.loads(delta.text) == {"answer": TRUE}
    (claim,) = judge.writer.claims
    assert delta.text[claim.start : claim.end] == TRUE
    assert (claim.status, claim.cites) == ("supported", (1,))
    assert judge.writer.citations[0].url == "https://example.org/v"
    assert [dropped.text for dropped in judge.writer.dropped] == [FALSE]


async def test_a_number_must_stand_in_a_passage() -> None:
    schema = closed(attention_heads={"type": "integer"})
    judge = reviewer(schema)
    delta = await judge.review('{"attention_heads": 8}')
    assert delta is not None
    claim = judge.writer.claims[0]
    assert delta.text[claim.start : claim.end] == "8"
    assert claim.status in ("supported", "partial")
    assert await reviewer(schema).review('{"attention_heads": 16}') is None


async def test_what_the_schema_requires_but_nothing_bears_refuses_the_whole() -> None:
    schema = closed(answer={"type": "string"}, more={"type": "string"})
    text = json.dumps({"answer": TRUE, "more": FALSE})
    assert await reviewer(schema).review(text) is None
    schema["required"] = ["answer"]
    delta = await reviewer(schema).review(text)
    assert delta is not None
    assert json.loads(delta.text) == {"answer": TRUE}
    items = {"type": "array", "items": {"type": "string"}}
    delta = await reviewer(items).review(json.dumps([FALSE, TRUE]))
    assert delta is not None
    assert json.loads(delta.text) == [TRUE]


async def test_choices_names_and_constants_state_nothing() -> None:
    schema = closed(kind={"enum": ["fruit", "layer"]}, sure={"type": "boolean"})
    judge = reviewer(schema)
    delta = await judge.review('{"kind": "fruit", "sure": true}')
    assert delta is not None
    assert json.loads(delta.text) == {"kind": "fruit", "sure": True}
    assert not judge.writer.claims


async def test_a_sentence_can_not_hide_in_a_name() -> None:
    judge = reviewer()
    delta = await judge.review(json.dumps({"answer": TRUE, FALSE: "yes", "note": None}))
    assert delta is not None
    assert json.loads(delta.text) == {"answer": TRUE, "note": None}


async def test_marking_keeps_the_value_and_says_that_it_is_unsupported() -> None:
    judge = reviewer(policy="mark")
    delta = await judge.review(json.dumps({"answer": FALSE, "heads": 99}))
    assert delta is not None
    assert json.loads(delta.text) == {"answer": FALSE, "heads": 99}
    assert [(claim.status, claim.cites) for claim in judge.writer.claims] == [
        ("unsupported", ())
    ] * 2


@pytest.mark.parametrize("text", ["", "no JSON", '{"answer": 1', "[]", '{"answer": 3}', "{}"])
async def test_what_breaks_the_form_is_the_models_failure(text: str) -> None:
    with pytest.raises(ModelError, match="JSON"):
        await reviewer(closed(answer={"type": "string"})).review(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=30) | st.just(TRUE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(value=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
async def test_claims_stand_where_they_say_and_markup_never_passes(value: dict[str, Any]) -> None:
    for policy in ("drop", "mark"):
        judge = reviewer(policy=policy)
        delta = await judge.review(json.dumps(value))
        if delta is None:
            assert judge.writer.dropped
            continue
        assert isinstance(json.loads(delta.text), dict)
        for claim in judge.writer.claims:
            shown = delta.text[claim.start : claim.end]
            assert shown in (json.dumps(claim.text, ensure_ascii=False)[1:-1], shown.strip('"'))
            assert claim.text.endswith(json.loads(f'"{shown}"'))
        if policy == "drop":
            assert all(claim.status != "unsupported" for claim in judge.writer.claims)


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def doubling(levels: int) -> dict[str, Any]:
    """References that double at each level."""
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**twice, f"d{levels}": {}}, "$ref": "#/$defs/d0"}


async def test_a_schema_that_only_an_answer_makes_costly_is_stopped() -> None:
    within = {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}}
    check_schema({**doubling(30), **within, "$ref": "#/$defs/d30"})
    judge = reviewer({**doubling(30), **within, "$ref": "#/$defs/d30"})
    with pytest.raises(RequestError, match="too often"):
        await judge.review('{"a": true}')
    endless = {"$defs": {"x": {"allOf": [{"$ref": "#/$defs/x"}]}}}
    judge = reviewer({**endless, "properties": {"a": {"$ref": "#/$defs/x"}}})
    with pytest.raises(RequestError, match="without end"):
        await judge.review('{"a": true}')


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "http://127.0.0.1:1/x"}, "nothing is ever fetched"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "nothing is ever fetched"),
        ({"$ref": "#"}, "without end"),
        ({"type": "nonsense"}, "no JSON Schema"),
        ({"patternProperties": {"(a+)+$": {}}}, "patternProperties"),
        (nested(40), "too large"),
        ({"enum": list(range(6000))}, "too large"),
        (doubling(30), "too often"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, "holds no '/nowhere'"),
        ({"$id": "x", "$ref": "#"}, r"\$id"),
    ],
)
def test_schemas_that_can_not_be_held_to(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        check_schema(schema)
    assert raised.value.field == "form"


def test_schemas_that_can() -> None:
    tree = {
        "$defs": {"node": closed(left={"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]})},
        "$ref": "#/$defs/node",
    }
    for schema in ({}, closed(a={"type": "string", "pattern": "(a+)+$"}), tree):
        check_schema(schema)


Script = Callable[[Sequence[Message]], Sequence[str]]


def first_sentence(messages: Sequence[Message]) -> str:
    block = messages[-1].content
    return block[block.index("[1] ") :].split("\n")[1].split(". ")[0].rstrip(".") + "."


async def final(make_pipeline: MakePipeline, script: Script | ScriptedChatModel) -> Answer:
    pipeline = make_pipeline(script, answer_mode="compose")
    asked = Question(
        ASKED, form=JsonForm(closed(answer={"type": "string"})), sampling=Sampling(temperature=0)
    )
    events = [event async for event in pipeline.answer(asked)]
    assert isinstance(events[-1], Final)
    return events[-1].answer


async def test_the_model_writes_json_from_the_evidence_and_is_told_the_schema(
    make_pipeline: MakePipeline,
) -> None:
    model = ScriptedChatModel(lambda seen: ['{"answer": ', json.dumps(first_sentence(seen)), "}"])
    answer = await final(make_pipeline, model)
    assert list(json.loads(answer.text)) == ["answer"]
    assert answer.claims[0].status == "supported"
    assert answer.citations[0].url.startswith("http")
    assert not answer.abstained
    assert '"additionalProperties": false' in model.prompts[0][0].content
    assert model.decodings[0].form is not None
    assert answer.usage.prompt_tokens > 0


async def test_json_that_nothing_bears_is_an_abstention(make_pipeline: MakePipeline) -> None:
    answer = await final(make_pipeline, lambda seen: [json.dumps({"answer": FALSE})])
    assert answer.abstained
    assert not answer.claims
    assert [dropped.text for dropped in answer.dropped] == [FALSE]


async def test_json_that_breaks_off_is_an_error(make_pipeline: MakePipeline) -> None:
    with pytest.raises(ModelError):
        await final(make_pipeline, lambda seen: ['{"answer": "Half'])
