"""One model on several real HTTP servers: who is asked, and what happens when one dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from app.chat_models import ChatModel, Decoding, Finished, Piece
from app.chat_models.breaker import Breaker
from app.chat_models.guarded import GuardedModel, Patience
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.chat_models.replicas import ReplicatedModel
from app.config.settings import load_settings
from app.record.errors import ContextOverflow, ModelBusy, ModelError, ModelUnavailable, ReplicaLost
from app.record.types import Message
from app.service import open_model
from tests.app.chat_models.test_chat_models import delta

ASKED = [Message("user", "Name three primary colors.")]
GREEDY = Decoding(0.0, 1.0, 16)
END = b"data: [DONE]\n\n"


class Engine:
    """A server that writes `words` a few milliseconds apart, and can be killed and started."""

    def __init__(self, words: Sequence[str] = ("Red.",), *, pause: float = 0.0) -> None:
        self.words, self.pause, self.status = words, pause, 200
        self.served = "tiny"
        self.asked = self.running = 0
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._open: list[web.Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def kill(self) -> None:
        """Every connection breaks at once, as those of a killed process do."""
        for request in list(self._open):
            if request.transport is not None:
                request.transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": self.served, "max_model_len": 512}]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.status)
        self.running += 1
        self._open.append(request)
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for word in self.words:
                await asyncio.sleep(self.pause)
                await response.write(delta(word))
            await response.write(delta("", "stop") + END)
            return response
        finally:
            self.running -= 1
            self._open.remove(request)


@asynccontextmanager
async def engines(*started: Engine) -> AsyncIterator[ReplicatedModel]:
    for engine in started:
        await engine.start()
    model = ReplicatedModel(
        [OpenAiCompatibleModel(engine.url) for engine in started], probe_seconds=0.02
    )
    try:
        yield model
    finally:
        await model.close()
        for engine in started:
            await engine.kill()


async def said(model: ChatModel) -> str:
    events = [event async for event in model.stream(ASKED, GREEDY)]
    assert isinstance(events[-1], Finished)
    return "".join(event.text for event in events if isinstance(event, Piece))


async def until(what: str, condition: object) -> None:
    assert callable(condition)
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within two seconds: {what}")


async def test_questions_go_to_whoever_has_the_fewest() -> None:
    first, second = Engine(["Red", "."], pause=0.05), Engine(["Red", "."], pause=0.05)
    async with engines(first, second) as model:
        assert await asyncio.gather(*(said(model) for _ in range(8))) == ["Red."] * 8
        assert (first.asked, second.asked) == (4, 4)
        for _ in range(4):
            await said(model)
        assert (first.asked, second.asked) == (6, 6)
        assert (model.name, model.context_tokens, model.healthy) == ("tiny", 512, 2)
        assert await model.count_tokens(ASKED) > 0


async def test_one_killed_under_load_fails_nothing_that_had_not_begun(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Answers of the killed server end with an error; all others, and all later ones, are whole."""
    caplog.set_level(logging.WARNING, "citewise.model")
    words = [f"word{n} " for n in range(20)]
    dying, living = Engine(words, pause=0.01), Engine(words, pause=0.01)
    whole, begun_and_lost, failed = 0, 0, list[Exception]()

    async with engines(dying, living) as inner:
        # A breaker that two broken answers in a row would open.
        model = GuardedModel(inner, Breaker(2, 30), Patience(5, 10, (0.0, 0.0)))

        async def ask() -> None:
            nonlocal whole, begun_and_lost
            begun = False
            try:
                async for event in model.stream(ASKED, GREEDY):
                    begun = True
                    whole += isinstance(event, Finished)
            except ReplicaLost:
                begun_and_lost += begun
            except ModelError as error:
                failed.append(error)

        async def load() -> None:
            for _ in range(6):
                await ask()

        running = [asyncio.create_task(load()) for _ in range(8)]
        await until("answers run on both", lambda: dying.running >= 3 and living.running >= 3)
        await asyncio.sleep(0.06)  # and have begun
        await dying.kill()
        await asyncio.gather(*running)
        assert failed == []
        assert begun_and_lost >= 3
        assert whole + begun_and_lost == 48
        assert (model.breaker, inner.healthy) == ("closed", 1)
        assert sum("left out" in record.message for record in caplog.records) == 1

        await dying.start()
        await until("it is well again", lambda: inner.healthy == 2)
        before = dying.asked
        await said(model)
        await said(model)
        assert dying.asked == before + 1


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_refusal_goes_to_the_next(status: int) -> None:
    refusing, fine = Engine(), Engine()
    refusing.status = status
    async with engines(refusing, fine) as model:
        assert await said(model) == "Red."
        assert (refusing.asked, fine.asked) == (1, 1)
        assert model.healthy == (2 if status == 429 else 1)


async def test_a_request_that_is_wrong_everywhere_is_asked_once() -> None:
    first, second = Engine(), Engine()
    first.status = second.status = 404
    async with engines(first, second) as model:
        with pytest.raises(ModelError, match="404"):
            await said(model)
        assert first.asked + second.asked == 1
        assert model.healthy == 2


async def test_where_none_is_left_the_last_error_is_told() -> None:
    first, second = Engine(), Engine()
    async with engines(first, second) as model:
        first.status = second.status = 429
        with pytest.raises(ModelBusy):
            await said(model)
        await first.kill()
        await second.kill()
        with pytest.raises(ModelUnavailable, match="start it"):
            await said(model)
        assert not await model.ready()
        await second.start()
        second.status = 200
        await until("one is well again", lambda: model.healthy == 1)
        assert await model.ready()
        assert await said(model) == "Red."


async def test_servers_of_different_models_are_refused() -> None:
    first, second = Engine(), Engine()
    second.served = "other"
    async with engines(first, second) as model:
        with pytest.raises(ModelUnavailable, match="other, tiny"):
            await model.load()


async def test_a_prompt_that_is_too_long_is_nobodys_fault() -> None:
    class Overflowing(OpenAiCompatibleModel):
        async def stream(self, messages, decoding):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            raise ContextOverflow("too long")
            yield

    engine = Engine()
    await engine.start()
    model = ReplicatedModel([Overflowing(engine.url), Overflowing(engine.url)])
    with pytest.raises(ContextOverflow):
        await said(model)
    assert model.healthy == 2
    await model.close()
    await engine.kill()


async def test_closing_an_answer_stops_its_server() -> None:
    engine, other = Engine(["word "] * 500, pause=0.01), Engine()
    async with engines(engine, other) as model:
        stream = model.stream(ASKED, GREEDY)
        await anext(stream)
        assert engine.running == 1
        await stream.aclose()
        with contextlib.suppress(AssertionError):
            await until("it stops", lambda: engine.running == 0)
        assert engine.running == 0


@pytest.mark.parametrize(
    ("given", "servers"),
    [
        ("http://a/v1", 1),
        ("http://a/v1,http://b/v1", 2),
        ("http://a/v1, http://b/v1 http://c/v1", 3),
        (["http://a/v1", "http://b/v1"], 2),
    ],
)
async def test_model_url_takes_one_or_many(
    given: object, servers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(model_url=given)
    assert len(settings.model_url) == servers
    expected = OpenAiCompatibleModel if servers == 1 else ReplicatedModel
    assert type(open_model(settings)) is expected
    monkeypatch.chdir(tmp_path)
    written = str(given).replace("'", '"') if isinstance(given, list) else f'"{given}"'
    (tmp_path / "citewise.toml").write_text(f"model_url = {written}\n")
    assert load_settings().model_url == settings.model_url
    if isinstance(given, str):
        monkeypatch.setenv("CITEWISE_MODEL_URL", given)
        assert load_settings().model_url == settings.model_url
