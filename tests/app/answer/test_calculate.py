"""A calculation as an answer: what is claimed, cited and recorded, and what stands in its place."""

from __future__ import annotations

import json

import pytest

from app.answer.calculate import work_out
from app.answer.pipeline import Pipeline
from app.api.citing import grounding, sources
from app.chat_models.scripted import ScriptedChatModel
from app.question.calculations import calculation_asked
from app.record.types import Answer, Message, Question, final_answer
from index.calculations import calculate
from index.live import LiveIndex

CACHE = "What does the KV cache of Llama 3.1 70B take at 128k tokens?"


@pytest.fixture
def pipeline(live_index: LiveIndex) -> Pipeline:
    return Pipeline(live_index, ScriptedChatModel((), small=True))


async def _answer(pipeline: Pipeline, *turns: str) -> Answer:
    history = tuple(Message("user", turn) for turn in turns[:-1])
    return await final_answer(pipeline.answer(Question(turns[-1], history)))


async def test_the_result_comes_first_and_everything_is_computed(pipeline: Pipeline) -> None:
    answer = await _answer(pipeline, CACHE)
    assert (answer.act, answer.outcome, answer.mode) == ("calculate", "answered", "computed")
    assert "42.95 GB (40 GiB)" in answer.text.splitlines()[0]
    assert answer.claims
    # The definition of what was worked out comes last, in the knowledge base's words.
    assert {claim.basis for claim in answer.claims[:-1]} == {"computed"}
    assert answer.claims[-1].basis == "restated"
    for claim in answer.claims:
        assert answer.text[claim.start : claim.end]
    assert any("Llama 3.1 70B" in citation.title for citation in answer.citations)
    cited = {citation.n: citation.url for citation in answer.citations}
    assert set(answer.claims[0].cites) <= set(cited)
    assert all(cited[n].startswith("https://") for n in answer.claims[0].cites)
    assert "Assumed" in answer.text


async def test_the_record_can_be_run_again(pipeline: Pipeline) -> None:
    answer = await _answer(pipeline, CACHE)
    (kept,) = json.loads(json.dumps(answer.as_dict()["calculations"]))
    again = calculate(kept["name"], kept["inputs"])
    assert json.loads(json.dumps(again.as_dict())) == kept
    shown = grounding(answer, sources(answer), persona="citewise-expert")
    assert shown.calculations[0].result["value"] == 40 * 2**30


async def test_a_follow_up_is_worked_out_anew(pipeline: Pipeline) -> None:
    answer = await _answer(pipeline, CACHE, "and at 32k?")
    assert answer.calculations[0]["result"]["value"] == 10 * 2**30


async def test_what_is_missing_is_asked_back_and_what_is_impossible_is_said(
    pipeline: Pipeline,
) -> None:
    back = await _answer(pipeline, "How many trainable parameters has LoRA with rank 8?")
    assert back.mode == "talk"
    assert "?" in back.text
    assert not back.calculations
    refused = await _answer(
        pipeline, "speculative decoding, acceptance rate 130%, 4 drafted tokens: speed-up?"
    )
    assert not refused.calculations
    assert "130 %" in refused.text


async def test_without_a_machine_the_cards_that_hold_it_are_counted(pipeline: Pipeline) -> None:
    answer = await _answer(pipeline, "How many GPUs do I need for a 70B in int8?")
    others = answer.calculations[0]["others"]
    assert [step["value"] for step in others] == [4, 2, 1]  # of 24, 48 and 80 GB


async def test_the_part_that_was_asked_for_comes_first(pipeline: Pipeline) -> None:
    states = await _answer(pipeline, "How much memory do the optimizer states of a 13B take?")
    assert "156 GB" in states.claims[0].text
    whole = await _answer(pipeline, "How much memory in total for optimizer states of a 13B?")
    assert "208 GB" in whole.claims[0].text


async def test_two_that_are_compared_stand_side_by_side(pipeline: Pipeline) -> None:
    answer = await _answer(pipeline, "KV cache of Llama 2 7B vs Llama 3.1 8B at 4096 tokens?")
    assert [run["result"]["value"] for run in answer.calculations] == [2 * 2**30, 2**29]
    assert "4 times" in answer.claims[0].text
    assert all(claim.basis == "computed" for claim in answer.claims[:3])


async def test_what_is_no_calculation_is_answered_from_the_sources(pipeline: Pipeline) -> None:
    answer = await _answer(pipeline, "Why are attention scores divided by the square root of d_k?")
    assert answer.mode == "composed"
    assert not answer.calculations


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        ("42.9 GB", "agrees"),
        ("40 GiB", "agrees"),
        ("39 GB", "128,000 tokens"),
        ("320 GB", "64 heads"),
        ("40 GB", "GiB"),
        ("3.1 TB", "72 times"),
    ],
)
def test_the_askers_own_figure_is_held_against_the_result(
    claimed: str, said: str, pipeline: Pipeline
) -> None:
    del pipeline
    asked = calculation_asked(f"{CACHE} Someone told me {claimed}.")
    assert asked is not None
    worked = work_out(asked)
    from app.answer.writer import Writer

    text = "".join(delta.text for delta in worked.written(Writer(worked.evidence())))
    assert said in text
