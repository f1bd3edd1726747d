"""The chat models for real: SmolLM2 in process, and an OpenAI-compatible server over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from app.chat_models import ChatModel, Decoding, Finished, Piece
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.chat_models.openvino_local import OpenVinoChatModel
from app.record.errors import ContextOverflow, ModelBusy, ModelError, ModelUnavailable, RequestError
from app.record.types import JsonForm, Message
from tests.conftest import ROOT

ASKED = [Message("system", "You answer briefly."), Message("user", "Name three primary colors.")]


async def text_of(model: ChatModel, decoding: Decoding, messages: list[Message] = ASKED) -> str:
    pieces = [event async for event in model.stream(messages, decoding)]
    assert isinstance(pieces[-1], Finished)
    return "".join(event.text for event in pieces if isinstance(event, Piece))


@pytest.fixture(scope="module")
def embedded() -> OpenVinoChatModel:
    return OpenVinoChatModel(None, ROOT / ".cache")


async def test_the_embedded_model_streams_counts_and_finishes(embedded: OpenVinoChatModel) -> None:
    events = [e async for e in embedded.stream(ASKED, Decoding(0.0, 1.0, 12))]
    assert len([e for e in events if isinstance(e, Piece)]) > 3
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.reason == "length"
    assert last.usage.completion_tokens == 12
    assert last.usage.prompt_tokens == await embedded.count_tokens(ASKED)
    assert await embedded.ready()


async def test_a_seed_repeats_and_another_differs(embedded: OpenVinoChatModel) -> None:
    first = await text_of(embedded, Decoding(1.2, 0.95, 24, seed=1))
    assert await text_of(embedded, Decoding(1.2, 0.95, 24, seed=1)) == first
    others = [await text_of(embedded, Decoding(1.2, 0.95, 24, seed=seed)) for seed in (2, 3)]
    assert any(other != first for other in others)


async def test_a_small_nucleus_is_greedy(embedded: OpenVinoChatModel) -> None:
    greedy = await text_of(embedded, Decoding(0.0, 1.0, 16))
    assert await text_of(embedded, Decoding(1.0, 0.0001, 16, seed=5)) == greedy


async def test_a_stop_string_ends_the_answer(embedded: OpenVinoChatModel) -> None:
    whole = await text_of(embedded, Decoding(0.0, 1.0, 40))
    word = whole.split()[3]
    cut = await text_of(embedded, Decoding(0.0, 1.0, 40, stop=(word,)))
    assert len(cut) < len(whole)


async def test_closing_stops_it_and_the_next_question_is_answered(
    embedded: OpenVinoChatModel,
) -> None:
    stream = embedded.stream(ASKED, Decoding(0.9, 0.9, 2000))
    assert isinstance(await anext(stream), Piece)
    await asyncio.wait_for(stream.aclose(), 2)
    assert await asyncio.wait_for(text_of(embedded, Decoding(0.0, 1.0, 4)), 5)


async def test_what_does_not_fit_is_refused_before_any_token(embedded: OpenVinoChatModel) -> None:
    long = [Message("user", "word " * 9000)]
    with pytest.raises(ContextOverflow, match="8192"):
        await text_of(embedded, Decoding(0.0, 1.0, 16), long)


KIND: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["cache", "bananas"]},
        "sure": {"type": "boolean"},
        "why": {"type": "string", "maxLength": 1_000_000},
    },
    "required": ["kind", "sure"],
    "additionalProperties": False,
}


async def test_the_embedded_model_is_held_to_a_schema(embedded: OpenVinoChatModel) -> None:
    decoding = Decoding(0.9, 1.0, 96, seed=7)
    free = await text_of(embedded, decoding)
    assert not free.lstrip().startswith("{")
    events = [e async for e in embedded.stream(ASKED, replace(decoding, form=JsonForm(KIND)))]
    last = events[-1]
    assert isinstance(last, Finished)
    text = "".join(event.text for event in events if isinstance(event, Piece))
    if last.reason == "stop":
        jsonschema.validate(json.loads(text), KIND)
    else:
        assert text.split()[:3] == ["{", '"kind"', ":"]


async def test_a_schema_that_no_grammar_has_is_the_requests_fault(
    embedded: OpenVinoChatModel,
) -> None:
    decoding = Decoding(0.0, 1.0, 8, form=JsonForm({"type": "nonsense"}))
    with pytest.raises(RequestError, match="Unsupported type") as raised:
        await text_of(embedded, decoding)
    assert raised.value.field == "form"
    assert "/" not in str(raised.value)
    assert await text_of(embedded, Decoding(0.0, 1.0, 4))


async def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    model = OpenVinoChatModel(tmp_path / "none.gguf", tmp_path)
    with pytest.raises(ModelUnavailable, match=r"none\.gguf"):
        await model.load()


@pytest.mark.slow
@pytest.mark.torch
async def test_transformers_answers_as_well() -> None:
    from app.chat_models.transformers_local import TransformersChatModel

    model = TransformersChatModel(None)
    events = [e async for e in model.stream(ASKED, Decoding(0.8, 0.9, 8, seed=1))]
    last = events[-1]
    assert isinstance(last, Finished)
    assert 0 < last.usage.completion_tokens <= 8
    assert last.usage.prompt_tokens == await model.count_tokens(ASKED)
    stream = model.stream(ASKED, Decoding(0.8, 0.9, 500))
    await anext(stream)
    await asyncio.wait_for(stream.aclose(), 5)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(chat: Handler) -> AsyncIterator[str]:
    """A real HTTP server whose chat endpoint is the test's own."""

    async def models(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": "tiny", "max_model_len": 512}]})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


def frame(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def delta(text: str, finish: str | None = None) -> bytes:
    return frame(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


def sending(*frames: bytes, end: bool = True) -> Handler:
    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for data in frames:
            await response.write(data)
        if not end:
            assert request.transport is not None
            request.transport.abort()
        return response

    return chat


async def test_sampling_reaches_the_server_and_text_and_usage_come_back() -> None:
    seen: dict[str, object] = {}
    play = sending(
        delta("Red, "),
        delta("green.", "stop"),
        frame(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 2}),
        b"data: [DONE]\n\n",
    )

    async def chat(request: web.Request) -> web.StreamResponse:
        seen.update(await request.json())
        return await play(request)

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        events = [e async for e in model.stream(ASKED, Decoding(0.7, 0.8, 33, 5, ("END",)))]
        await model.close()
    assert "".join(e.text for e in events if isinstance(e, Piece)) == "Red, green."
    assert isinstance(events[-1], Finished)
    assert (events[-1].usage.prompt_tokens, events[-1].usage.completion_tokens) == (7, 2)
    asked = {key: seen[key] for key in ("model", "temperature", "top_p", "max_tokens", "seed")}
    assert asked == {
        "model": "tiny", "temperature": 0.7, "top_p": 0.8, "max_tokens": 33, "seed": 5,
    }  # fmt: skip
    assert seen["stop"] == ["END"]
    assert model.context_tokens == 512


@pytest.mark.parametrize(
    ("chat", "error", "said"),
    [
        (sending(delta("Red"), end=False), ModelError, "mid-stream|finish_reason"),
        (sending(delta("Red")), ModelError, "finish_reason"),
        (sending(delta("Red"), b"data: {oops\n\n"), ModelError, "no JSON"),
        (sending(delta("Red"), frame(error={"message": "out of memory"})), ModelError, "memory"),
        (sending(b'data: {"choices": [{"delta"', end=False), ModelError, "."),
    ],
)
async def test_a_cut_or_broken_stream_is_never_taken_for_a_whole_one(
    chat: Handler, error: type[Exception], said: str
) -> None:
    async with server(chat) as url:
        model = OpenAiCompatibleModel(url, timeout=2)
        with pytest.raises(error, match=said):
            await text_of(model, Decoding(0.0, 1.0, 8))
        await model.close()


async def test_tokens_that_come_together_are_one_piece_and_come_before_what_broke() -> None:
    broken = delta("Red") + delta(", blue") + frame(error={"message": "out of memory"})
    async with server(sending(broken)) as url:
        model = OpenAiCompatibleModel(url)
        events = model.stream(ASKED, Decoding(0.0, 1.0, 8))
        assert await anext(events) == Piece("Red, blue", 2)
        with pytest.raises(ModelError, match="out of memory"):
            await anext(events)
        await model.close()


async def test_tokens_that_come_one_by_one_are_read_together_but_for_the_first() -> None:
    words = [f"{number} " for number in range(400)]
    written: list[float] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in words:
            written.append(time.perf_counter())
            await response.write(delta(word))
            await asyncio.sleep(0.002)
        await response.write(delta("", "stop") + b"data: [DONE]\n\n")
        return response

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        pieces, first = [], 0.0
        async for event in model.stream(ASKED, Decoding(0.0, 1.0, 400)):
            first = first or time.perf_counter()
            pieces.append(event)
        await model.close()
    texts = [event for event in pieces if isinstance(event, Piece)]
    assert "".join(event.text for event in texts) == "".join(words)
    assert sum(event.tokens for event in texts) == len(words)
    assert len(texts) < len(words) / 4
    assert texts[0].text == words[0]
    assert first - written[0] < 0.05


async def test_a_connection_serves_again_once_its_answer_was_read() -> None:
    connections = set()

    async def chat(request: web.Request) -> web.StreamResponse:
        connections.add(request.transport)
        return await sending(delta("Red", "stop"), b"data: [DONE]\n\n")(request)

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        for _ in range(3):
            await text_of(model, Decoding(0.0, 1.0, 8))
        await model.close()
    assert len(connections) == 1


async def test_a_form_reaches_the_server_which_may_refuse_it() -> None:
    seen: list[object] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        seen.append((await request.json()).get("response_format"))
        if len(seen) == 3:
            return web.json_response({"error": {"message": "no grammars here"}}, status=400)
        return await sending(delta("{}", "stop"), b"data: [DONE]\n\n")(request)

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        for form in (None, JsonForm()):
            await text_of(model, Decoding(0.0, 1.0, 8, form=form))
        with pytest.raises(RequestError, match="no grammars here"):
            await text_of(model, Decoding(0.0, 1.0, 8, form=JsonForm(KIND, "kind")))
        await model.close()
    described = {"name": "kind", "schema": KIND, "strict": True}
    assert seen == [
        None, {"type": "json_object"}, {"type": "json_schema", "json_schema": described},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, {"error": {"message": "slow down"}}, ModelBusy),
        (500, {"error": {"message": "boom"}}, ModelUnavailable),
        (503, {}, ModelUnavailable),
        (400, {"error": {"message": "maximum context length is 512"}}, ContextOverflow),
        (404, {"error": {"message": "no such model"}}, ModelError),
    ],
)
async def test_refusals_are_told_apart(
    status: int, body: dict[str, object], error: type[Exception]
) -> None:
    async def chat(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers={"Retry-After": "7"})

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        with pytest.raises(error):
            await text_of(model, Decoding(0.0, 1.0, 8))
        await model.close()


async def test_a_server_that_is_away_is_unavailable_and_not_ready() -> None:
    model = OpenAiCompatibleModel("http://127.0.0.1:9/v1")
    assert not await model.ready()
    with pytest.raises(ModelUnavailable, match="start it"):
        await text_of(model, Decoding(0.0, 1.0, 8))
    await model.close()


async def test_a_model_that_the_server_does_not_have_is_named() -> None:
    async with server(sending()) as url:
        model = OpenAiCompatibleModel(url, model="other")
        with pytest.raises(ModelUnavailable, match="tiny"):
            await model.load()
        await model.close()


async def test_going_away_drops_the_connection() -> None:
    gone = asyncio.Event()

    async def chat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(delta("x"))
                await asyncio.sleep(0.02)
        except (ConnectionResetError, asyncio.CancelledError):
            gone.set()
            raise

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        stream = model.stream(ASKED, Decoding(0.0, 1.0, 8))
        await anext(stream)
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 1)
        await model.close()
