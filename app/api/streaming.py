"""Events that outlive a handler: pulled in one task, sent as server-sent events, always closed.

A generator of the pipeline is driven by one task from its first event to its last, so that
whatever ends the response, a client that went away included, ends the generator too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, nullcontext
from typing import Generic, TypeVar

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.drain import Drain, shutting_down

__all__ = ["DONE", "EventStream", "Pump", "frame"]

T = TypeVar("T")

DONE = b"data: [DONE]\n\n"
_AHEAD = 32  # items read before the client takes them; more would be work for nobody
_CLOSING_SECONDS = 5.0
_log = logging.getLogger("citewise.api")


def frame(payload: object, event: str | None = None) -> bytes:
    """One server-sent event; named only where the protocol names its events."""
    name = f"event: {event}\n".encode() if event else b""
    return b"%sdata: %s\n\n" % (name, orjson.dumps(payload))


class _End:
    """What stands in the queue where items end: after it nothing comes."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Pump(Generic[T]):
    """Drives an asynchronous generator in a task of its own."""

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue(_AHEAD)
        self._task = asyncio.create_task(self._drive(items))

    async def _drive(self, items: AsyncGenerator[T, None]) -> None:
        try:
            async with aclosing(items):
                async for item in items:
                    await self._queue.put(item)
        except Exception as error:  # noqa: BLE001 - it is raised where the items are read
            await self._queue.put(_End(error))
        else:
            await self._queue.put(_End())

    async def next(self) -> T:
        """Return the next item.

        Raises:
            StopAsyncIteration: there is none.
            Exception: whatever the generator raised.
        """
        return self._given(await self._queue.get())

    async def next_within(self, seconds: float) -> T | None:
        """As `next`, but None where none came in time; 0 waits without end."""
        if not self._queue.empty():
            return self._given(self._queue.get_nowait())
        try:
            async with asyncio.timeout(seconds or None):
                item = await self._queue.get()
        except TimeoutError:
            return None
        return self._given(item)

    def _given(self, item: T | _End) -> T:
        if not isinstance(item, _End):
            return item
        self._queue.put_nowait(item)  # whoever asks again hears it again
        raise item.error or StopAsyncIteration

    def fail(self, error: Exception) -> None:
        """End the generator and let whoever reads its items hear an error next."""
        self._task.cancel()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(_End(error))

    async def close(self) -> None:
        """End the generator, wherever it is, and wait until it has ended."""
        self._task.cancel()
        _, unfinished = await asyncio.wait({self._task}, timeout=_CLOSING_SECONDS)
        if unfinished:
            _log.error("a generator did not close within %s s", _CLOSING_SECONDS)


class EventStream(Response):
    """A response of server-sent events; `pump` is closed however it ends."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes], pump: Pump[T]) -> None:
        super().__init__(
            headers={
                "cache-control": "no-cache, no-transform",
                "content-type": "text/event-stream; charset=utf-8",
                "x-accel-buffering": "no",
            }
        )
        del self.headers["content-length"]
        self._frames, self._pump = frames, pump

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every frame as it comes."""
        drain: Drain | None = scope.get("citewise.drain")
        with drain.on_cut(self._cut) if drain else nullcontext():
            await self._send(send)

    def _cut(self) -> bool:
        self._pump.fail(shutting_down())
        return True

    async def _send(self, send: Send) -> None:
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            async for chunk in self._frames:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._pump.close()
