"""The real pipeline behind a real server, with a scripted model of its own server behind that."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.answer.pipeline import Pipeline, PipelineSettings
from app.api import create_app
from app.chat_models import ChatModel
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.cli.serve import tend_model
from app.config.settings import Settings
from app.record.hooks import Observers
from app.service import guarded
from index.live import LiveIndex
from scripts.scripted_model import Play, ScriptedModel, running_model
from tests.scripted import listening

ASKED = "Why are attention scores divided by the square root of d_k?"


def real_app(live_index: LiveIndex, model: ChatModel, **fields: Any) -> FastAPI:
    """The endpoint over the shipped index, as the product puts it together."""
    settings, observers = Settings(**fields), Observers()
    pipeline = Pipeline(
        live_index,
        guarded(model, settings, observers),
        PipelineSettings(
            answer_mode=settings.answer_mode, retrieve_seconds=settings.retrieve_seconds
        ),
        observers=observers,
    )
    app = create_app(pipeline, settings)
    tend_model(app, pipeline, app.state.telemetry)
    return app


@contextlib.contextmanager
def scripted(play: Play) -> Iterator[tuple[ScriptedModel, str]]:
    """A model's server in a thread of its own; gives its state and its address."""
    model, started, address = ScriptedModel(play), threading.Event(), [""]
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with running_model(model) as address[0]:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield model, address[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def relaying(
    live_index: LiveIndex, play: Play, **fields: Any
) -> Iterator[tuple[str, ScriptedModel]]:
    """The endpoint in front of a scripted model's server; gives its address and the model."""
    with scripted(play) as (model, address):
        app = real_app(live_index, OpenAiCompatibleModel(address), **fields)
        with listening(app) as url:
            yield url, model


def live_tasks() -> int:
    """How many tasks have not ended, over all of this process' event loops."""
    found = (each for each in gc.get_objects() if isinstance(each, asyncio.Task))
    return sum(not task.done() for task in found)


def descriptors() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
