"""What is asked of the server by the page's script, without a browser."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr

from app.ui.controller import Controller
from app.ui.persistence import Keeper, SavedState
from app.ui.running import Running
from app.ui.screen import Screen, Turns
from app.ui.view import NAMES, Updates, stays
from tests.ui.playing import PlayingPipeline

CHOSEN = {"persona": "citewise-expert"}


def _controller() -> tuple[Controller, PlayingPipeline]:
    pipeline = PlayingPipeline(delay=0)
    return Controller(pipeline, Screen(pipeline), Keeper(None), Running()), pipeline


def _request() -> gr.Request:
    return gr.Request(session_hash="one page")


def _told(**told: Any) -> gr.EventData:
    return gr.EventData(None, {"chosen": CHOSEN, **told})


def _turns(row: Updates) -> Turns:
    turns: Turns = row[NAMES.index("turns")]
    return turns


async def _asked(controller: Controller, text: str, turns: Turns = ()) -> Updates:
    rows = controller.ask(_request(), _told(text=text), turns, SavedState())
    return [row async for row in rows][-2]  # the last says where it is kept


async def test_the_last_question_can_be_asked_without_what_went_before() -> None:
    controller, pipeline = _controller()
    turns = _turns(await _asked(controller, "What did Chinchilla find?"))
    turns = _turns(await _asked(controller, "And why?", turns))
    assert pipeline.questions[-1].history
    told = _told(kind="alone", turn=1)
    rows = [row async for row in controller.act(_request(), told, turns, SavedState())]
    assert pipeline.questions[-1].text == "And why?"
    assert pipeline.questions[-1].history == ()
    assert [turn.also for turn in _turns(rows[-2])] == ["", "", "again"]


async def test_of_two_questions_at_once_one_is_answered_and_the_other_changes_nothing() -> None:
    controller, pipeline = _controller()
    first = controller.ask(_request(), _told(text="One?"), (), SavedState())
    await anext(first)
    second = controller.ask(_request(), _told(text="Two?"), (), SavedState())
    assert [row async for row in second] == [tuple(stays() for _ in NAMES)]
    rows = [row async for row in first]
    assert [turn.question for turn in _turns(rows[-2])] == ["One?"]
    assert [question.text for question in pipeline.questions] == ["One?"]


async def test_a_question_waits_for_the_answer_before_to_be_kept_and_follows_it() -> None:
    controller, pipeline = _controller()
    first = controller.ask(_request(), _told(text="One?"), (), SavedState())
    async for row in first:
        if row[NAMES.index("turns")] != stays():
            break  # it is over and seen; what follows is its keeping
    waiting = asyncio.create_task(_asked(controller, "Two?"))  # of a page that knows no turns yet
    await asyncio.sleep(0.01)
    assert [question.text for question in pipeline.questions] == ["One?"]
    async for _ in first:
        pass
    turns = _turns(await waiting)
    assert [turn.question for turn in turns] == ["One?", "Two?"]


async def test_what_no_script_of_the_page_tells_is_refused_in_words() -> None:
    controller, pipeline = _controller()
    told = gr.EventData(None, {"text": "x", "chosen": {**CHOSEN, "temperature": 99}})
    (row,) = [row async for row in controller.ask(_request(), told, (), SavedState())]
    assert "temperature" in row[NAMES.index("notice")]
    assert not pipeline.questions
