"""`app serve`: the chat page and the endpoint on one address."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from app.api import create_app
from app.api.binding import check_binding
from app.api.logs import log_to
from app.errors import ModelError, SettingsError
from app.pipeline import Pipeline
from app.service import open_pipeline
from app.settings import Settings, load_settings
from app.store import Store, open_store
from index.cli import say

__all__ = ["build_server", "serve"]

_log = logging.getLogger("citewise.serve")
_GRACE_SECONDS = 20


def serve(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    names = (
        "host", "port", "index", "encoder", "encoder_engine", "reranker", "engine", "model",
        "model_url", "answer_mode", "rewrite", "unsupported", "verifier", "personas", "database",
    )  # fmt: skip
    settings = load_settings(**{name: getattr(options, name) for name in names})
    check_binding(settings)
    log_to()
    pipeline = open_pipeline(settings)
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    store = open_store(settings.database)
    server = build_server(pipeline, settings, store)
    say(
        f"Citewise is at http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}  (Ctrl-C stops)"
    )
    with contextlib.closing(store), contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listener]))
    return 0


def build_server(
    pipeline: Pipeline, settings: Settings, store: Store | None = None
) -> uvicorn.Server:
    """Put the endpoint and the page together; the model loads as soon as the server runs.

    Both share the store, which whoever opened it closes; without one nothing is kept.
    """
    from app.ui import mount

    app = create_app(pipeline, settings, store)
    app = mount(app, pipeline)
    _load_model_on_start(app, pipeline)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    return uvicorn.Server(config)


def _load_model_on_start(app: FastAPI, pipeline: Pipeline) -> None:
    """Load the model beside the running server: the page is there while it comes."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[object]:
        async with inner(app) as state:
            loading = asyncio.create_task(_load(pipeline))
            try:
                yield state
            finally:
                loading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await loading
                await pipeline.model.close()

    app.router.lifespan_context = lifespan  # type: ignore[assignment]


async def _load(pipeline: Pipeline) -> None:
    try:
        await pipeline.model.load()
    except ModelError as error:
        # The server stays up: readiness tells which part is missing, and a question says so too.
        _log.error("the model is not ready: %s", error)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named as TCP, so that asyncio switches Nagle's delay off on its connections.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"port {settings.port} on {settings.host} can't be used: {error.strerror}; choose "
            "another with --port, or --port 0 for any free one"
        ) from error
    listener.listen(2048)
    return listener
