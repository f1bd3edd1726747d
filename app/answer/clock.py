"""What an answer's stages took, and how long they may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from app.record.errors import RetrievalTimeout

__all__ = ["Clock", "searched_within"]


T = TypeVar("T")


@dataclass(slots=True)
class Clock:
    """When stages were reached, and the time spent in them.

    `timings` are milliseconds since the start, `seconds` what a stage took altogether.
    """

    started: float = field(default_factory=time.perf_counter)
    timings: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)

    def mark(self, stage: str) -> None:
        """Note when a stage was reached first."""
        self.timings.setdefault(stage, (time.perf_counter() - self.started) * 1e3)

    def begin(self) -> None:
        """Count what is spent from now on."""
        self._begun = time.perf_counter()

    def spent(self, stage: str) -> float:
        """Count the time since the last call, or `begin`, for a stage; its seconds so far."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._begun
        self._begun = now
        return self.seconds[stage]

    def milliseconds(self) -> dict[str, float]:
        """The time spent, a stage."""
        return {stage: spent * 1e3 for stage, spent in self.seconds.items()}


async def searched_within(seconds: float, search: Callable[[], T]) -> T:
    """Search in a thread.

    Raises:
        RetrievalTimeout: it took longer; the thread ends by itself.
    """
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(search)
    except TimeoutError as error:
        raise RetrievalTimeout(
            f"the search took longer than {seconds:g} s (setting retrieve_seconds)"
        ) from error
