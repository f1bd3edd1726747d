"""Deadlines, the retry and the breaker around a model, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from aiohttp import web

from app.chat_models import Decoding, Finished, ModelEvent, Piece
from app.chat_models.breaker import Breaker
from app.chat_models.guarded import GuardedModel, Patience
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import load_settings
from app.record.errors import ContextOverflow, ModelBusy, ModelError, ModelTimeout, ModelUnavailable
from app.record.hooks import ModelCall, Observers
from app.record.types import Answer, Message, Usage
from app.service import open_pipeline
from tests.app.chat_models.test_chat_models import delta, sending, server

ASKED = [Message("user", "Name three primary colors.")]
GREEDY = Decoding(0.0, 1.0, 16)
QUICK = Patience(first_token=5, total=5, pause=(0.0, 0.0))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Told:
    """Remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []

    def stage(self, name: str, seconds: float, details: Mapping[str, Any]) -> None:
        raise AssertionError(name)

    def model_called(self, call: ModelCall) -> None:
        self.calls.append(call)

    def answered(self, answer: Answer) -> None:
        raise AssertionError(answer)


class Playing(ScriptedChatModel):
    """Each call plays the next of some turns: pieces, pauses in seconds, and errors."""

    def __init__(self, *turns: Sequence[str | float | Exception]) -> None:
        super().__init__(())
        self.turns, self.calls = list(turns), 0

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        self.calls += 1
        for step in self.turns.pop(0) if self.turns else ["fine"]:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield Piece(step)
        yield Finished("stop", Usage(3, 1))


def guarded(
    model: Any, *, failures: int = 3, patience: Patience = QUICK, clock: Clock | None = None
) -> tuple[GuardedModel, Told]:
    told, observers = Told(), Observers()
    observers.add(told)
    breaker = Breaker(failures, 10, clock or Clock())
    return GuardedModel(model, breaker, patience, observers), told


async def said(model: GuardedModel) -> str:
    events = [event async for event in model.stream(ASKED, GREEDY)]
    return "".join(event.text for event in events if isinstance(event, Piece))


def state(model: GuardedModel) -> str:
    return model.breaker


AWAY, BUSY = ModelUnavailable("away"), ModelBusy("busy", retry_after=0.01)


@pytest.mark.parametrize("error", [AWAY, BUSY])
async def test_one_retry_before_the_first_token(error: ModelError) -> None:
    model, told = guarded(Playing([error], ["Red"]))
    assert await said(model) == "Red"
    assert told.calls[0].retried
    assert told.calls[0].outcome == "ok"
    assert told.calls[0].usage == Usage(3, 1)


@pytest.mark.parametrize(
    ("turns", "error", "calls"),
    [
        ([[AWAY], [AWAY], ["never"]], ModelUnavailable, 2),
        ([["Red", AWAY], ["never"]], ModelUnavailable, 1),
        ([[ModelError("no")], ["never"]], ModelError, 1),
        ([[ContextOverflow("long")], ["never"]], ContextOverflow, 1),
        ([[ModelBusy("later", retry_after=60)], ["never"]], ModelBusy, 1),
    ],
)
async def test_what_is_not_tried_again(
    turns: list[list[Any]], error: type[Exception], calls: int
) -> None:
    inner = Playing(*turns)
    model, told = guarded(inner)
    with pytest.raises(error):
        await said(model)
    assert inner.calls == calls
    assert told.calls[0].outcome == error.__name__


@pytest.mark.parametrize("turn", [[1.0, "late"], ["Red", 1.0, "late"], ["Red", 0.05, "Blue", 1.0]])
async def test_a_token_that_comes_too_late_ends_the_call(turn: list[Any]) -> None:
    inner = Playing(turn)
    model, told = guarded(inner, patience=Patience(0.1, 0.2, (0.0, 0.0)))
    begun = asyncio.get_running_loop().time()
    with pytest.raises(ModelTimeout, match="model_first_token_seconds"):
        await said(model)
    assert asyncio.get_running_loop().time() - begun < 0.6
    assert inner.calls == 1
    assert told.calls[0].outcome == "ModelTimeout"
    assert told.calls[0].usage.completion_tokens == sum(isinstance(step, str) for step in turn[:-1])


async def test_the_breaker_opens_tries_one_and_closes() -> None:
    clock = Clock()
    inner = Playing(*[[ModelError("broken")]] * 3, [0.05, "Red"], ["Blue"])
    model, _ = guarded(inner, clock=clock)
    for _ in range(3):
        assert state(model) == "closed"
        with pytest.raises(ModelError, match="broken"):
            await said(model)
    assert state(model) == "open"
    assert not await model.ready()
    with pytest.raises(ModelUnavailable, match="left alone for 10 s") as raised:
        await said(model)
    assert raised.value.retry_after == 10
    with pytest.raises(ModelUnavailable, match="left alone"):
        await model.count_tokens(ASKED)
    assert inner.calls == 3
    clock.now = 10.0
    assert state(model) == "half_open"
    assert await model.ready()
    trial = asyncio.create_task(said(model))
    await asyncio.sleep(0.01)
    with pytest.raises(ModelUnavailable, match="left alone"):
        await said(model)
    assert await trial == "Red"
    assert state(model) == "closed"
    assert await said(model) == "Blue"


async def test_a_trial_that_fails_opens_it_again_and_one_given_up_does_not() -> None:
    clock = Clock()
    inner = Playing([AWAY], [AWAY], [5.0], [AWAY])
    model, _ = guarded(inner, failures=2, clock=clock)
    with pytest.raises(ModelUnavailable):
        await said(model)
    assert state(model) == "open"
    clock.now = 10.0
    trial = asyncio.create_task(said(model))
    await asyncio.sleep(0.01)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    assert state(model) == "half_open"
    with pytest.raises(ModelUnavailable):
        await said(model)
    assert state(model) == "open"


async def test_refusals_for_now_do_not_open_the_breaker() -> None:
    model, _ = guarded(Playing(*[[ModelBusy("busy", retry_after=60)]] * 9), failures=2)
    for _ in range(9):
        with pytest.raises(ModelBusy):
            await said(model)
    assert state(model) == "closed"


async def test_a_reader_that_stops_is_told_as_stopped_with_what_was_used() -> None:
    model, told = guarded(Playing(["Red ", "green ", "blue"]))
    stream = model.stream(ASKED, GREEDY)
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    assert told.calls[0].outcome == "stopped"
    assert told.calls[0].usage == Usage(len(ASKED[0].content) // 4, 2)


async def test_a_server_that_dies_before_its_first_token_is_asked_once_more() -> None:
    plays = [sending(b": hi\n\n", end=False), sending(delta("Red", "stop"), b"data: [DONE]\n\n")]

    async def chat(request: web.Request) -> web.StreamResponse:
        return await plays.pop(0)(request)

    async with server(chat) as url:
        inner = OpenAiCompatibleModel(url)
        model, told = guarded(inner)
        assert await said(model) == "Red"
        assert told.calls[0].retried
        await model.close()


async def test_waiting_for_ones_turn_is_no_fault_of_the_model() -> None:
    turns: list[list[str | float | Exception]] = [["Red", 0.15, f" {n}"] for n in range(4)]
    inner = Playing(*turns)
    patience = Patience(0.3, 0.4, (0.0, 0.0))
    model = GuardedModel(inner, Breaker(3, 10, Clock()), patience, one_at_a_time=True)
    asked = [asyncio.create_task(said(model)) for _ in range(5)]
    await asyncio.sleep(0.05)
    assert model.waiting == 4
    asked[2].cancel()  # who leaves the line takes no turn
    texts = [await one for one in asked if one is not asked[2]]
    assert texts == ["Red 0", "Red 1", "Red 2", "Red 3"]
    assert asked[2].cancelled()
    assert model.waiting == 0
    assert state(model) == "closed"


@pytest.mark.parametrize(("engine", "waiting"), [("openvino", 1), ("openai", 0)])
async def test_only_a_model_of_this_process_has_a_line(
    engine: Literal["openvino", "openai"],
    waiting: int,
    shipped_index: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner = Playing(["Red", 0.2], ["Red", 0.2])
    monkeypatch.setattr("app.service.open_model", lambda _: inner)
    model = open_pipeline(load_settings(engine=engine, index=shipped_index)).model
    assert isinstance(model, GuardedModel)
    both = [asyncio.create_task(said(model)) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert model.waiting == waiting
    assert await asyncio.gather(*both) == ["Red", "Red"]
