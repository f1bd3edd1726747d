"""What people are told while something isn't ready, and who waits before whom."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from app.chat_models.scripted import ScriptedChatModel
from app.record.types import Question
from app.ui import texts
from app.ui.actions import Showing
from app.ui.conversation import Turn, play
from app.ui.running import Running
from app.ui.states import HealthWatch
from app.ui.turns import turn_html
from tests.ui.playing import BrowsedIndex, PlayingPipeline, shipped_passages


@dataclass
class Changing(PlayingPipeline):
    """A pipeline whose index can be renewed."""

    fingerprint: str = "f" * 16

    @property
    def index(self) -> BrowsedIndex:
        return BrowsedIndex(shipped_passages(), self.fingerprint)


async def test_a_model_that_starts_is_told_apart_from_one_that_went_away() -> None:
    pipeline = Changing(parts={"index": True, "model": False})
    health = HealthWatch(pipeline)
    words, soon = await health.told()
    assert words == texts.MODEL_LOADING
    pipeline.parts["model"] = True
    words, later = await health.told()
    assert words == ""
    assert later > soon
    pipeline.parts["model"] = False
    assert (await health.told())[0] == texts.MODEL_GONE


async def test_an_empty_knowledge_base_and_a_renewed_one_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = Changing()
    health = HealthWatch(pipeline)
    assert (await health.told())[0] == ""
    pipeline.fingerprint = "0" * 16
    assert (await health.told())[0] == texts.INDEX_RENEWED
    monkeypatch.setattr("app.ui.states._NEWS_S", -1.0)
    pipeline.fingerprint = "1" * 16
    assert (await health.told())[0] == ""
    pipeline.renewing = True
    assert (await health.told())[0] == texts.INDEX_RENEWING
    pipeline.parts["index"] = False
    assert (await health.told())[0] == texts.INDEX_MISSING


def test_the_line_counts_those_who_asked_before_and_have_no_text() -> None:
    running = Running()
    with running.entered("a") as first, running.entered("b") as second:
        with running.entered("c") as third:
            assert [running.ahead(run) for run in (first, second, third)] == [0, 1, 2]
            first.begun = True
            assert [running.ahead(run) for run in (second, third)] == [0, 1]
        assert running.of("c") is None
        running.stop("b")
        assert second.stop.is_set()
        assert not first.stop.is_set()


async def test_who_waits_is_told_the_place_in_the_line() -> None:
    model = ScriptedChatModel(())
    model.waiting = 3
    pipeline = PlayingPipeline(delay=0.6, model=model)
    turn = Turn("Chinchilla?", "Expert")
    played = play(pipeline, Question("Chinchilla?"), turn, asyncio.Event(), lambda: 2)
    told = [status async for _, status in played]
    assert any(status.startswith("2 questions are ahead of yours") for status in told)


async def test_a_draft_tells_how_far_it_has_come_in_sentences() -> None:
    played = play(
        PlayingPipeline(), Question("lose some"), Turn("lose some", "Expert"), asyncio.Event()
    )
    told = [status async for _, status in played]
    assert texts.writing(1, 1, 1) in told
    assert texts.writing(2, 1, 1) in told
    assert len({texts.writing(*told) for told in ((1, 0, 0), (1, 1, 0), (1, 0, 1))}) == 3


async def test_an_answer_that_was_cut_or_is_older_than_the_sources_says_so() -> None:
    played = play(PlayingPipeline(delay=0), Question("x"), Turn("x", "Expert"), asyncio.Event())
    turn = [turn async for turn, _ in played][-1]
    assert turn.answer is not None
    now = Showing(fingerprint="f" * 16)
    assert texts.OLD_SOURCES not in turn_html(turn, 0, "", now)
    assert texts.OLD_SOURCES in turn_html(turn, 0, "", Showing(fingerprint="0" * 16))
    cut = replace(turn, answer=replace(turn.answer, finish_reason="length"))
    assert texts.CUT not in turn_html(turn, 0, "", now)
    assert texts.CUT in turn_html(cut, 0, "", now)
