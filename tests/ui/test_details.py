"""How an answer was made, told from its record; the prompt only if it is the one that was used."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from app.answer.pipeline import Pipeline
from app.answer.prompt_again import prompt_again
from app.record.types import Conflict, ConflictValue, Dropped, Message, Premise, Question, Rewrite
from app.ui import texts
from app.ui import texts_how as how
from app.ui.conversation import Turn, play, with_prompt
from app.ui.details import how_html
from tests.conftest import MakePipeline
from tests.ui.playing import HOSTILE

ASKED = "Why are attention scores divided by the square root of d_k?"
SAID = ["Dividing by √d_k keeps the scores at a stable size [1]."]


async def _answered(pipeline: Pipeline) -> Turn:
    history = (Message("user", "What is attention?"), Message("assistant", "A weighting."))
    question = Question(ASKED, history)
    begun = Turn(question.text, "Expert")
    async for turn, _ in play(pipeline, question, begun, asyncio.Event()):
        begun = turn
    return begun


async def test_the_prompt_is_the_one_that_the_model_was_given(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(SAID, answer_mode="draft")
    turn = await _answered(pipeline)
    assert turn.answer is not None
    assert turn.prompt[0].role == "system"
    assert ASKED in turn.prompt[-1].content
    again = await prompt_again(
        turn.answer,
        turn.retrieved,
        pipeline.model,
        pipeline.personas,
        pipeline.index.knowledge_base,
    )
    assert again is not None
    assert again.sha256 == turn.answer.prompt_sha256
    html = how_html(turn)
    assert turn.answer.prompt_sha256 in html
    assert html.count('class="role"') == len(turn.prompt)
    kept = await with_prompt(replace(turn, prompt=()), pipeline)
    assert kept.prompt == turn.prompt


async def test_a_prompt_that_would_be_another_is_not_shown(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(SAID, answer_mode="draft")
    turn = await _answered(pipeline)
    assert turn.answer is not None
    assert turn.retrieved is not None
    fewer = replace(turn.retrieved, hits=turn.retrieved.hits[:2])
    other = await with_prompt(replace(turn, prompt=(), retrieved=fewer), pipeline)
    assert other.prompt == ()
    assert how.HOW_PROMPT_LOST in how_html(other)
    assert turn.answer.question is not None
    gone = replace(turn.answer, question=replace(turn.answer.question, persona="nobody"))
    assert (await with_prompt(replace(turn, prompt=(), answer=gone), pipeline)).prompt == ()


async def test_an_answer_from_the_sources_alone_had_no_prompt(make_pipeline: MakePipeline) -> None:
    turn = await _answered(make_pipeline(answer_mode="compose"))
    assert how.HOW_NO_PROMPT in how_html(turn)
    assert how.MADE["composed"] in how_html(turn)


async def test_each_hit_has_its_rank_in_every_search(make_pipeline: MakePipeline) -> None:
    turn = await _answered(make_pipeline(answer_mode="compose"))
    assert turn.retrieved is not None
    rows = re.findall(r"<tr><td>(\d+)</td>.*?</tr>", how_html(turn))
    assert rows == [str(n) for n in range(1, len(turn.retrieved.hits) + 1)]
    html = how_html(turn)
    for hit in turn.retrieved.hits:
        assert hit.passage.id in html
        for stage in ("dense", "lexical", "late"):
            assert texts.ordinal(int(hit.trace[f"{stage}_rank"])) in html
    assert '<span class="number">1</span>' in html


async def test_all_that_the_record_holds_is_told_and_inert(make_pipeline: MakePipeline) -> None:
    turn = await _answered(make_pipeline(SAID, answer_mode="draft"))
    assert turn.answer is not None
    answer = replace(
        turn.answer,
        dropped=(Dropped(HOSTILE, "no passage supports it"),),
        conflicts=(Conflict(HOSTILE, (ConflictValue("1", "a/faq/0", 1, "newer"),)),),
        premises=(Premise(HOSTILE, "a/faq/0", 1),),
        rewrite=Rewrite("rules", HOSTILE),
        model=HOSTILE,
        finish_reason="length",
    )
    prompt = (Message("system", HOSTILE),)
    html = how_html(replace(turn, answer=answer, prompt=prompt))
    for told in (
        "no passage supports it", how.STANDINGS["newer"], how.HOW_AGAINST, how.HOW_CUT,
        how.REWRITES["rules"], f"{answer.confidence:.0%}",
    ):  # fmt: skip
        assert told in html
    assert "<script" not in html
    assert "<img" not in html
