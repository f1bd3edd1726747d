"""The end of a server: nothing new is taken, what runs may end, what can't is told so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.api.errors import ApiError

__all__ = ["Drain", "shutting_down"]

_LOOK_EVERY_SECONDS = 0.05
_CUT_SECONDS = 2.0
_RETRY_AFTER_SECONDS = 5


def shutting_down() -> ApiError:
    """What a request is told that comes too late, or that can't end in time."""
    return ApiError(
        503,
        "the server is shutting down; try again after Retry-After",
        type="server_error",
        code="shutting_down",
        retry_after=_RETRY_AFTER_SECONDS,
        headers=((b"connection", b"close"),),
    )


class Drain:
    """Counts requests, stops taking them, waits for the rest and cuts what stays."""

    def __init__(self) -> None:
        self.begun = False
        self.running = 0
        self._cuts: set[Callable[[], bool]] = set()
        self._busy: list[Callable[[], bool]] = []

    def watch(self, busy: Callable[[], bool]) -> None:
        """Wait for something that is no request of the endpoint's as well."""
        self._busy.append(busy)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A request that runs for as long as the block."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    @contextmanager
    def on_cut(self, cut: Callable[[], bool]) -> Iterator[None]:
        """Call something if the time is over while the block runs; it tells whether it cut."""
        self._cuts.add(cut)
        try:
            yield
        finally:
            self._cuts.discard(cut)

    def begin(self) -> None:
        """Take no more requests from now on."""
        self.begun = True

    async def finish(self, seconds: float, *, hurried: Callable[[], bool] = lambda: False) -> int:
        """Wait until all has ended, then cut what has not.

        Args:
            seconds: how long to wait.
            hurried: tells that someone does not want to wait any longer.

        Returns:
            How many requests were cut.
        """
        self.begin()
        await self._idle(seconds, hurried)
        cut = sum(each() for each in list(self._cuts))
        await self._idle(_CUT_SECONDS, hurried)
        return cut

    async def _idle(self, seconds: float, hurried: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._is_busy() and loop.time() < until and not hurried():
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    def _is_busy(self) -> bool:
        return self.running > 0 or any(busy() for busy in self._busy)
