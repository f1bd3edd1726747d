"""How much is worked on at once, how much may wait, and what is said to the rest."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from itertools import islice
from typing import TypeVar

from app.api.errors import ApiError

__all__ = ["Admission", "in_turn"]

T = TypeVar("T")

_FIRST_GUESS_SECONDS = 2.0
_MEMORY = 0.8  # weight of the past in the running mean of how long a turn takes


class Admission:
    """Lets `places` in at once and `queue` wait; whoever comes then is refused at once.

    So is whoever would wait longer than `longest_wait` seconds, by how long turns have taken so
    far: those that are let in keep their latency. One of a key's own refuses with 429, the
    server's with 503.
    """

    def __init__(
        self, places: int, queue: int, longest_wait: float = math.inf, *, key: str | None = None
    ) -> None:
        self._places, self._queue, self._key = places, queue, key
        self._longest_wait = longest_wait
        self._begun: dict[object, float] = {}
        self._measured = False
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
        mine, begun = object(), time.monotonic()
        self._begun[mine] = begun
        try:
            yield
        finally:
            self.active -= 1
            del self._begun[mine]
            self._inside.release()
            self._remember(time.monotonic() - begun)

    def check(self) -> None:
        """Pass while there is room.

        Raises:
            ApiError: the queue is full.
        """
        if not self._inside.locked():
            return
        if self.waiting >= self._queue or self._expected_wait() > self._longest_wait:
            raise self._full()

    def _remember(self, spent: float) -> None:
        past = self._mean_seconds if self._measured else spent
        self._mean_seconds, self._measured = _MEMORY * past + (1 - _MEMORY) * spent, True

    def _expected_wait(self) -> float:
        """Seconds until one more would have its turn; 0 while nothing is known."""
        if not self._measured or not self._begun:
            return 0.0
        rounds, ahead = divmod(self.waiting, len(self._begun))
        begun = next(islice(self._begun.values(), ahead, None))
        left = self._mean_seconds - (time.monotonic() - begun)
        return rounds * self._mean_seconds + max(0.0, left)

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
