"""`app serve`: the chat page and the endpoint on one address."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import uvicorn
from fastapi import FastAPI
from uvicorn.loops.auto import auto_loop_factory

from app.answer.pipeline import Pipeline
from app.api import create_app
from app.api.binding import UnderPath, check_binding
from app.api.drain import Drain
from app.api.library import Library
from app.api.logs import chosen_format, log_to
from app.api.telemetry import Telemetry
from app.chat_models.local_servers import with_local_server
from app.config.flags import chosen
from app.config.settings import Settings, load_settings
from app.record.errors import ModelError, SettingsError
from app.service import open_pipeline
from app.store import Store, open_store
from index.cli import say
from index.errors import WeightsError
from index.judge import load_pair_judge

__all__ = ["DrainingServer", "build_server", "serve", "tend_model"]

_log = logging.getLogger("citewise.serve")
_SWITCH_SECONDS = 0.0005
_CLOSING_SECONDS = 3  # for connections that are open after everything has been answered


class DrainingServer(uvicorn.Server):
    """Once told to end, goes on for as long as what runs needs, and takes nothing new."""

    def __init__(self, config: uvicorn.Config, drain: Drain, seconds: float) -> None:
        super().__init__(config)
        self._drain, self._seconds = drain, seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close. A second Ctrl-C does not wait."""
        running = self._drain.running
        if running:
            _log.info("shutting down once %d requests have ended", running)
        cut = await self._drain.finish(self._seconds, hurried=lambda: self.force_exit)
        if cut:
            _log.warning("%d requests did not end in %s s and were cut", cut, self._seconds)
        await super().shutdown(sockets)


def serve(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    settings = load_settings(**chosen(options))
    check_binding(settings)
    _check_temporary_folder()
    log_to(form=chosen_format(settings.log_format, sys.stderr))
    pointed, found = with_local_server(settings)
    for taken in found[:1]:
        say(
            f"{taken.kind} serves {taken.model} at {taken.url} and writes the answers: the first "
            "that answers of local_servers; --engine openvino keeps the embedded model"
        )
    for other in found[1:]:
        say(f"also there: {other.kind} at {other.url} with {other.model} (--model-url takes it)")
    pipeline = open_pipeline(pointed)
    listener = _listen(settings)
    store = open_store(settings.database)
    with (
        contextlib.closing(store),
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=auto_loop_factory()) as runner,
    ):
        runner.run(_run(pipeline, settings, store, listener))
    return 0


async def _run(
    pipeline: Pipeline, settings: Settings, store: Store, listener: socket.socket
) -> None:
    """Build the page and the endpoint while the model loads, then serve them until the end."""
    ahead = asyncio.create_task(_load_ahead(pipeline))
    server = await asyncio.to_thread(build_server, pipeline, settings, store)
    host, port = listener.getsockname()[:2]
    shown = "127.0.0.1" if ip_address(host).is_unspecified else host
    say(f"Citewise is at http://{shown}:{port}  (Ctrl-C stops)")
    # Searches run in threads; at Python's own 5 ms each would hold every stream up for as long.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # What lives as long as the server is never looked through again, which would do the same.
    gc.collect()
    gc.freeze()
    try:
        await server.serve(sockets=[listener])
    finally:
        ahead.cancel()


async def _load_ahead(pipeline: Pipeline) -> None:
    """Begin to load the models; what can't be loaded is told where it is needed."""
    with contextlib.suppress(ModelError):
        await pipeline.model.load()
    with contextlib.suppress(WeightsError):
        await asyncio.to_thread(load_pair_judge)


def build_server(
    pipeline: Pipeline, settings: Settings, store: Store | None = None
) -> uvicorn.Server:
    """Put the endpoint and the page together; the model loads as soon as the server runs.

    Both share the store, which whoever opened it closes; without one nothing is kept.
    """
    from app.ui import mount

    encoder = (settings.encoder, settings.encoder_engine)
    library = Library(settings.index, encoder, pipeline.live_index, most=settings.max_uploads)
    app = create_app(pipeline, settings, store, library)
    app.openapi()  # made when first asked for, it would hold every stream up for a moment
    serving, telemetry = app.state.serving, app.state.telemetry
    app = mount(
        app,
        pipeline,
        store,
        keep=settings.keep_conversations,
        share=_shares(settings),
        cache=settings.cache,
        index=settings.index,
        embed_origins=tuple(settings.embed_origins),
        root_path=settings.root_path,
    )
    tend_model(app, pipeline, telemetry)
    config = uvicorn.Config(
        UnderPath(app, settings.root_path) if settings.root_path else app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_CLOSING_SECONDS,
        server_header=False,
    )
    return DrainingServer(config, serving.drain, settings.drain_seconds)


def _shares(settings: Settings) -> bool:
    """Whether conversations can be shared: not by chance where everyone may ask and read."""
    if settings.share == "auto":
        return settings.api_keys_file is not None or not settings.open_to_all
    return settings.share == "on"


def tend_model(app: FastAPI, pipeline: Pipeline, telemetry: Telemetry) -> None:
    """Load the model beside the running server, and close it and the traces at its end."""
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
                telemetry.close()

    app.router.lifespan_context = lifespan  # type: ignore[assignment]


async def _load(pipeline: Pipeline) -> None:
    try:
        await pipeline.model.load()
    except ModelError as error:
        # The server stays up: readiness tells which part is missing, and a question says so too.
        _log.error("the model is not ready: %s", error)


def _check_temporary_folder() -> None:
    """The page needs one for what is uploaded."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise SettingsError(
            f"{error.strerror}: expected a folder that can be written; name one in the variable "
            "TMPDIR"
        ) from error


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
