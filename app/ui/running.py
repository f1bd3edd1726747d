"""The answers that are being written: who waits before whom, and how each is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.ui.conversation import Turn

__all__ = ["Run", "Running"]

_HALT_S = 10.0


@dataclass(eq=False)
class Run:
    """One answer in the making.

    `begun` says that its text has. `turns` is the conversation with it once its turn is over: it
    is then seen as answered, though it may still be kept; `over` says that nothing more is done.
    """

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    begun: bool = False
    turns: tuple[Turn, ...] = ()


class Running:
    """At most one answer a page, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    @contextmanager
    def entered(self, session: str) -> Iterator[Run]:
        """Take the page's place in the line until the block ends."""
        run = self._runs[session] = Run()
        try:
            yield run
        finally:
            if self._runs.get(session) is run:
                del self._runs[session]
            run.over.set()

    def of(self, session: str) -> Run | None:
        """A page's answer that is being written or kept."""
        return self._runs.get(session)

    def ahead(self, run: Run) -> int:
        """How many asked before and have no text yet."""
        count = 0
        for other in self._runs.values():
            if other is run:
                break
            count += not other.begun
        return count

    def stop(self, session: str) -> None:
        """Stop a page's answer; what was shown stays."""
        run = self._runs.get(session)
        if run is not None:
            run.stop.set()

    async def halt(self, session: str) -> None:
        """Stop a page's answer and wait until it has ended."""
        run = self._runs.get(session)
        if run is not None:
            run.stop.set()
            await asyncio.wait_for(run.over.wait(), _HALT_S)
