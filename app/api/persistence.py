"""Answers are kept under their response's id, so that feedback can name them.

Keeping never holds an answer up: it is put on a list once the client has its last event, and
what a quarter of a second brought is written at once, beside the server's other work. An answer
that can't be written is lost to feedback alone; that is logged and counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from app.record.errors import StoreError
from app.record.types import Answer, Question
from app.store import Exchange, KeptAnswer, Store

__all__ = ["ANYONE", "AnswerKeeper", "owner_of"]

ANYONE = "anyone"  # whose answers are where no keys are configured

_log = logging.getLogger("citewise.store")
_AT_ONCE = 100
_GATHER_SECONDS = 0.25  # one transaction for many answers costs a sixth of one for each
_MOST_WAITING = 10_000  # a database that hangs must not fill the memory
_PRUNE_SECONDS = 3600.0
_CLOSING_SECONDS = 10.0


def owner_of(request: Request) -> str:
    """Whose a request's answer is: its key's."""
    key = request.scope.get("citewise.key")
    return f"key:{key}" if key else ANYONE


class AnswerKeeper:
    """Keeps answers for some days.

    `kept` and `lost` count the answers that were written and that could not be.
    """

    def __init__(self, store: Store, days: int) -> None:
        """Prepare to keep answers for `days`; 0 keeps none."""
        self._store, self.days = store, days
        self._waiting: deque[KeptAnswer] = deque()
        self._unwritten: dict[str, asyncio.Future[None]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._prune_at = 0.0
        self.kept = self.lost = 0

    def keep(self, request: Request, id: str, question: Question, answer: Answer) -> None:  # noqa: A002 - the field's name
        """Have an answer written soon; returns at once.

        Args:
            request: what asked for it.
            id: the response's.
            question: what was asked.
            answer: what was answered.
        """
        if not self.days:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._lose(1, "too many wait to be written")
            return
        found = request.scope.get("citewise.found")
        exchange = Exchange(question.text, answer, found, question.history)
        self._waiting.append(KeptAnswer(id, owner_of(request), datetime.now(UTC), exchange))
        self._unwritten[id] = asyncio.get_running_loop().create_future()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def written(self, id: str) -> None:  # noqa: A002 - the field's name
        """Wait, if an answer is just being written, until it is, or is lost."""
        if id in self._unwritten:
            await asyncio.shield(self._unwritten[id])

    async def close(self) -> None:
        """Write what waits, within a few seconds."""
        self._closing.set()
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                if self._writing is not None:
                    await asyncio.wait({self._writing})
        except TimeoutError:
            self._lose(len(self._waiting), "the database did not answer before the server stopped")

    async def _write(self) -> None:
        while self._waiting:
            if len(self._waiting) < _AT_ONCE:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), _GATHER_SECONDS)
            batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            try:
                await self._store.run(self._store.answers.keep, batch)
            except Exception as error:  # noqa: BLE001 - logged and counted; the next may succeed
                self._lose(len(batch), str(error), error)
            else:
                self.kept += len(batch)
            for one in batch:
                self._unwritten.pop(one.id).set_result(None)
        await self._prune()

    async def _prune(self) -> None:
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + _PRUNE_SECONDS
        before = datetime.now(UTC) - timedelta(days=self.days)
        try:
            gone = await self._store.run(self._store.answers.prune, before)
        except StoreError as error:
            _log.error("old answers are not deleted: %s", error)
        else:
            if gone:
                _log.info("%s answers older than %s days are deleted", gone, self.days)

    def _lose(self, number: int, why: str, error: BaseException | None = None) -> None:
        self.lost += number
        _log.error(
            "%s answers are not kept, feedback on them will be refused: %s",
            number,
            why,
            exc_info=error if error and not isinstance(error, StoreError) else None,
            extra={"fields": {"lost": number, "lost_in_all": self.lost}},
        )
