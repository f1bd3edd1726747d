"""Turns are kept as they end, whatever the database does, and come back as they were."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.record.types import Question
from app.store import Store, open_store
from app.ui import texts
from app.ui.conversation import Turn, history_of, play
from app.ui.persistence import Keeper, SavedState, turn_of
from app.ui.takes import asked_in, main_line, without_last
from tests.ui.playing import PlayingPipeline

OWNER = "reader:a"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "one.db"


@pytest.fixture
def on_file(file: Path) -> Iterator[Store]:
    opened = open_store(str(file))
    yield opened
    opened.close()


async def _turn(text: str, *, stop: bool = False) -> Turn:
    stopping = asyncio.Event()
    last = begun = Turn(text, "Expert", name="citewise-expert")
    pipeline = PlayingPipeline(delay=0)
    async for last, _ in play(pipeline, Question(text), begun, stopping):
        if stop and last.claims:
            stopping.set()
    return last


def _kept(store: Store, saved: SavedState) -> list[Turn]:
    thread = store.conversations.open(OWNER, saved.conversation)
    return [turn_of(one.exchange, "Expert") for one in thread.turns]


async def test_turns_come_back_as_they_were(store: Store) -> None:
    keeper, saved = Keeper(store), SavedState()
    turns = [await _turn("What is Chinchilla?"), await _turn("slow", stop=True)]
    turns.append(replace(await _turn("slow"), also="again"))
    for end in range(1, len(turns) + 1):
        assert await keeper.keep(saved, OWNER, turns[:end]) == ""
    back = _kept(store, saved)
    assert [replace(turn, name="") for turn in back] == [replace(turn, name="") for turn in turns]
    assert [turn.stopped for turn in back] == [False, True, False]
    (listed,) = store.conversations.list(OWNER).conversations
    assert listed.title == "What is Chinchilla?"


async def test_what_could_not_be_kept_is_kept_with_the_next(on_file: Store, file: Path) -> None:
    keeper, saved = Keeper(on_file), SavedState()
    turns = [await _turn(text) for text in ("One?", "Two?", "Three?")]
    assert await keeper.keep(saved, OWNER, turns[:1]) == ""
    with closing(sqlite3.connect(file)) as other:
        other.execute("ALTER TABLE turns RENAME TO aside")
    assert await keeper.keep(saved, OWNER, turns[:2]) == texts.KEEP_FAILED
    with closing(sqlite3.connect(file)) as other:
        other.execute("ALTER TABLE aside RENAME TO turns")
    assert await keeper.keep(saved, OWNER, turns) == ""
    assert [turn.question for turn in _kept(on_file, saved)] == ["One?", "Two?", "Three?"]


async def test_a_slow_database_holds_nothing_up_and_keeps_once(
    on_file: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ui.persistence._PATIENCE_S", 0.1)
    keeper, saved = Keeper(on_file), SavedState()
    turns = [await _turn("One?"), await _turn("Two?")]
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert await keeper.keep(saved, OWNER, turns[:1]) == texts.KEEP_SLOW
        assert await keeper.keep(saved, OWNER, turns) == texts.KEEP_SLOW
        other.execute("COMMIT")
    await keeper.close()
    assert [turn.question for turn in _kept(on_file, saved)] == ["One?", "Two?"]


async def test_a_conversation_deleted_elsewhere_is_not_brought_back(on_file: Store) -> None:
    keeper, saved = Keeper(on_file), SavedState()
    turns = [await _turn("One?"), await _turn("Two?")]
    await keeper.keep(saved, OWNER, turns[:1])
    on_file.conversations.delete(OWNER, saved.conversation)
    assert await keeper.keep(saved, OWNER, turns) == ""
    assert [turn.question for turn in _kept(on_file, saved)] == ["Two?"]


async def test_nothing_is_kept_where_that_is_switched_off_or_nobody_is_known(
    on_file: Store,
) -> None:
    turns = [await _turn("One?")]
    assert await Keeper(on_file, keeps=False).keep(SavedState(), OWNER, turns) == ""
    assert await Keeper(on_file).keep(SavedState(), None, turns) == texts.KEEP_NO_COOKIE
    assert on_file.conversations.list(OWNER).conversations == ()


async def test_what_is_answered_again_takes_the_place_and_what_is_beside_stands_by() -> None:
    one, two = await _turn("One?"), await _turn("Two?")
    again = replace(two, text="Anew.", also="again")
    beside = replace(two, text="Of another.", also="beside")
    turns = [one, two, again, beside]
    first, last = asked_in(turns)
    assert [take.number for take in first.holding] == [0]
    assert [[take.number for take in column] for column in last.columns] == [[1, 2], [3]]
    assert main_line(turns) == [one, again]
    assert without_last(turns) == (one,)
    assert history_of(main_line(turns))[-1].content == "Anew."
