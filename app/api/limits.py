"""How much is worked on at once, how much may wait, and what is said to the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TypeVar

from app.api.errors import ApiError

__all__ = ["Turnstile", "in_turn"]

T = TypeVar("T")

_FIRST_GUESS_SECONDS = 2.0
_MEMORY = 0.8  # weight of the past in the running mean of how long a turn takes


class Turnstile:
    """Lets `places` in at once and `queue` wait; whoever comes then is refused at once.

    One of a key's own refuses with 429, the server's with 503.
    """

    def __init__(self, places: int, queue: int, *, key: str | None = None) -> None:
        self._places, self._queue, self._key = places, queue, key
        self._inside = asyncio.Semaphore(places)
        self._mean_seconds = _FIRST_GUESS_SECONDS
        self.active = 0
        self.waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and keep it for the block.

        Raises:
            ApiError: the queue is full; Retry-After is how long it should take to clear.
        """
        self.check()
        self.waiting += 1
        try:
            await self._inside.acquire()
        finally:
            self.waiting -= 1
        self.active += 1
        begun = time.monotonic()
        try:
            yield
        finally:
            self.active -= 1
            self._inside.release()
            spent = time.monotonic() - begun
            self._mean_seconds = _MEMORY * self._mean_seconds + (1 - _MEMORY) * spent

    def check(self) -> None:
        """Pass while there is room.

        Raises:
            ApiError: the queue is full.
        """
        if self._inside.locked() and self.waiting >= self._queue:
            raise self._full()

    def _full(self) -> ApiError:
        clears_in = self._mean_seconds * (self.waiting + 1) / self._places
        if self._key is not None:
            return ApiError(
                429,
                f"{self.active} requests of the key {self._key!r} are worked on and "
                f"{self.waiting} wait, no more are taken; try again after Retry-After",
                type="rate_limit_error",
                code="rate_limit_exceeded",
                retry_after=clears_in,
            )
        return ApiError(
            503,
            f"the server is full: {self.active} requests are worked on and {self.waiting} wait, "
            "no more are taken; try again after Retry-After",
            type="server_error",
            code="overloaded",
            retry_after=clears_in,
        )


async def in_turn(
    turn: Callable[[], AbstractAsyncContextManager[None]],
    begin: Callable[[], AsyncGenerator[T, None]],
) -> AsyncGenerator[T, None]:
    """The items of a generator that is begun when its turn comes and keeps it until closed."""
    async with turn(), aclosing(begin()) as items:
        async for item in items:
            yield item
