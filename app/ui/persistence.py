"""Turns are put into the database as they end; what fails there is told and loses nothing here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from app.record.errors import NotKept, StoreError
from app.store import Exchange, Store
from app.ui import texts
from app.ui.conversation import Turn

__all__ = ["Keeper", "SavedState", "exchange_of", "turn_of"]

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 3.0  # a database that hangs must not hold the next question up


class SavedState:
    """How much of the conversation on an open page is kept, and under which id."""

    def __init__(self, conversation: str = "", turns: int = 0) -> None:
        self.conversation, self.turns = conversation, turns
        self.writing: asyncio.Task[str] | None = None


class Keeper:
    """Keeps the conversations of all readers; without a store, or told not to, none."""

    def __init__(self, store: Store | None, *, keeps: bool = True) -> None:
        self.store = store if keeps else None
        self._tasks: set[asyncio.Task[str]] = set()

    async def keep(self, saved: SavedState, owner: str | None, turns: Sequence[Turn]) -> str:
        """Keep the turns that are not kept yet; within a few seconds, say what went wrong.

        A write that takes longer goes on, and later ones wait for it. What could not be written
        is tried again with the next turn.

        Returns:
            Words for the reader; empty where all is well.
        """
        if self.store is None:
            return ""
        if owner is None:
            return texts.KEEP_NO_COOKIE
        task = self.keep_soon(saved, owner, turns)
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE_S)
        return task.result() if done else texts.KEEP_SLOW

    def keep_soon(self, saved: SavedState, owner: str, turns: Sequence[Turn]) -> asyncio.Task[str]:
        """As `keep`, without waiting: for a reader who has left."""
        task = asyncio.create_task(self._keep(saved, owner, tuple(turns), saved.writing))
        saved.writing = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Write what waits."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _keep(
        self,
        saved: SavedState,
        owner: str,
        turns: tuple[Turn, ...],
        before: asyncio.Task[str] | None,
    ) -> str:
        if before is not None:
            await asyncio.wait({before})
        try:
            await self._write(saved, owner, turns)
        except StoreError as error:
            _LOG.error("a turn of the page is not kept: %s", error)
            return texts.KEEP_FAILED
        except Exception:  # noqa: BLE001 - logged; what is shown must not be lost with it
            _LOG.exception("a turn of the page is not kept")
            return texts.KEEP_FAILED
        return ""

    async def _write(self, saved: SavedState, owner: str, turns: tuple[Turn, ...]) -> None:
        assert self.store is not None
        conversations, run = self.store.conversations, self.store.run
        fresh = [exchange_of(turn) for turn in turns[saved.turns :] if turn.answer is not None]
        if fresh and saved.conversation:
            try:
                await run(conversations.append, owner, saved.conversation, *fresh)
            except NotKept:  # deleted meanwhile, on another page: what is new begins another one
                saved.conversation = ""
        if fresh and not saved.conversation:
            thread = await run(conversations.begin, owner, *fresh)
            saved.conversation = thread.conversation.id
        saved.turns = len(turns)


def exchange_of(turn: Turn) -> Exchange:
    """A turn that has an answer, as it is kept."""
    assert turn.answer is not None
    return Exchange(
        turn.question, turn.answer, turn.retrieved, stopped=turn.stopped, also=turn.also
    )


def turn_of(exchange: Exchange, title: str) -> Turn:
    """A kept turn as it is shown; `title` is its persona's."""
    answer = exchange.answer
    return Turn(
        exchange.question,
        title,
        answer.text,
        answer.citations,
        answer.claims,
        exchange.found,
        answer,
        exchange.stopped,
        also=exchange.also,
        name=answer.persona,
    )
