"""The context length as vLLM, llama.cpp, Ollama and hosted services tell it, over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.record.types import Message

VLLM = {"id": "m", "owned_by": "vllm", "max_model_len": 16384}
LLAMA = {"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx_train": 131072}}
OLLAMA = {"id": "m", "owned_by": "library"}
SLOT = {"/props": {"default_generation_settings": {"n_ctx": 4096}}}
IDLE: dict[str, Any] = {"/api/ps": {"models": []}}
SHOWN = {"model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960}}


async def model_of(
    entry: Mapping[str, Any], routes: Mapping[str, Any], context: int | None = None
) -> tuple[OpenAiCompatibleModel, web.AppRunner]:
    async def models(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [entry]})

    async def other(request: web.Request) -> web.StreamResponse:
        if request.path not in routes:
            return web.json_response({"error": "not found"}, status=404)
        return web.json_response(routes[request.path])

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_route("*", "/{path:.*}", other)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    return OpenAiCompatibleModel(url, context=context), runner


@pytest.mark.parametrize(
    ("entry", "routes", "expected"),
    [
        (VLLM, {}, 16384),
        ({"id": "m", "context_length": 32768}, {}, 32768),
        ({"id": "m", "context_window": 8192}, {}, 8192),
        (LLAMA, SLOT, 4096),
        (LLAMA, {}, 131072),
        (OLLAMA, {"/api/ps": {"models": [{"name": "m", "context_length": 32768}]}}, 32768),
        (OLLAMA, {**IDLE, "/api/show": {**SHOWN, "parameters": "stop x\nnum_ctx   8192"}}, 8192),
        (OLLAMA, {**IDLE, "/api/show": SHOWN}, 4096),
        (OLLAMA, {**IDLE, "/api/show": {"model_info": {"a.context_length": 2048}}}, 2048),
    ],
)
async def test_each_server_tells_it_in_its_way(
    entry: Mapping[str, Any], routes: Mapping[str, Any], expected: int
) -> None:
    model, runner = await model_of(entry, routes)
    await model.load()
    assert model.context_tokens == expected
    await model.close()
    await runner.cleanup()


async def test_one_that_does_not_tell_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "citewise.model")
    model, runner = await model_of({"id": "m"}, {})
    assert await model.ready()
    assert await model.ready()
    assert model.context_tokens == 4096
    assert [record.message for record in caplog.records if "model_context" in record.message][
        1:
    ] == []
    assert len(caplog.records) == 1
    await model.close()
    await runner.cleanup()


async def test_a_setting_overrules_the_server() -> None:
    model, runner = await model_of(VLLM, {}, context=2048)
    await model.load()
    assert model.context_tokens == 2048
    await model.close()
    await runner.cleanup()


async def test_a_tokenizer_route_of_another_kind_is_not_believed() -> None:
    """llama.cpp has /tokenize too: it takes a text, and gives the tokens."""
    model, runner = await model_of(LLAMA, {**SLOT, "/tokenize": {"tokens": []}})
    assert await model.count_tokens([Message("user", "word " * 100)]) > 100
    await model.close()
    await runner.cleanup()
