"""Calculations that a capable model calls: what is taken of its calls, and what is not."""

from __future__ import annotations

import json

import pytest

from app.answer.pipeline import Pipeline
from app.chat_models import ToolCall
from app.chat_models.scripted import ScriptedChatModel
from app.question.calculation_tool import called_calculation, tool
from app.record.types import Question, final_answer
from app.tools.calculating import CalculateInput, told
from index.calculations.catalogue import CALCULATIONS
from index.live import LiveIndex

# No rule reads it.
ASKED = "70B llamas, every one 3.5 bits of hay. Luggage?"


def _model(name: str, **inputs: object) -> ScriptedChatModel:
    written = json.dumps({"name": name, "inputs": inputs})
    return ScriptedChatModel(("I think it is 12 GB.",), calls=(ToolCall("calculate", written),))


async def test_what_a_model_calls_is_worked_out_by_the_formula(live_index: LiveIndex) -> None:
    model = _model("weights", parameters=70e9, bits=3.5)
    pipeline = Pipeline(live_index, model)
    answer = await final_answer(pipeline.answer(Question(ASKED)))
    assert (answer.act, answer.mode) == ("calculate", "computed")
    assert answer.calculations[0]["result"]["value"] == 70e9 * 3.5 / 8
    assert answer.claims[0].basis == "computed"
    assert "12 GB" not in answer.text
    assert len(model.called_for) == 1


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("weights", {"parameters": 13e9, "bits": 3.5}),  # a number of its own
        ("weights", {"parameters": "70B", "colour": 70}),  # no such input
        ("heaviness", {"parameters": 70e9}),  # no such calculation
        ("weights", {"parameters": -70e9}),  # impossible
        ("text-overlap", {"text": "mine", "reference": "own"}),  # words of its own
    ],
)
async def test_a_call_that_the_question_does_not_bear_is_left(
    name: str, inputs: dict[str, object]
) -> None:
    assert await called_calculation(ASKED, (), _model(name, **inputs), 5) is None


async def test_words_that_nobody_said_are_told_and_what_is_missing_is_asked_back() -> None:
    found = await called_calculation(
        ASKED, (), _model("weights", parameters="70B", precision="int4"), 5
    )
    assert found is not None
    assert any("int4" in told for told in found.assumed)
    assert await called_calculation(ASKED, (), _model("weights"), 5) is not None


async def test_a_question_without_numbers_costs_no_call() -> None:
    model = _model("weights", parameters=70e9)
    assert await called_calculation("What is a KV cache?", (), model, 5) is None
    assert not model.called_for


@pytest.mark.parametrize("arguments", ["", "{", "[]", '{"name": 3}', '{"name": "weights"}'])
async def test_arguments_that_are_no_call_are_left(arguments: str) -> None:
    model = ScriptedChatModel((), calls=(ToolCall("calculate", arguments),))
    assert await called_calculation(ASKED, (), model, 5) is None


def test_assistants_get_the_same_tool() -> None:
    function = tool()["function"]
    assert function["description"] == told()
    schema = CalculateInput.model_json_schema()
    assert set(schema["required"]) == set(function["parameters"]["required"])
    name = function["parameters"]["properties"]["name"]
    assert name["enum"] == schema["properties"]["name"]["enum"] == [*CALCULATIONS]
