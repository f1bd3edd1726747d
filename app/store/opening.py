"""Opening the store: the database is reached, brought up to date, and shared from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from app.record.checked import Checked
from app.record.errors import StoreError
from app.store.answers import KeptAnswers
from app.store.conversations import Conversations
from app.store.database import Database, database_url
from app.store.feedback import FeedbackBook
from app.store.linked import KeptUnderLinks
from app.store.records import Shared
from app.store.schema import upgrade
from app.store.tables import CheckRow, ShareRow

__all__ = ["Store", "open_store"]

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 4


class Store:
    """Conversations, the endpoint's answers, what has a link, and feedback, in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.conversations = Conversations(database)
        self.answers = KeptAnswers(database)
        self.checks: KeptUnderLinks[Checked] = KeptUnderLinks(database, CheckRow, "check")
        self.shares: KeptUnderLinks[Shared] = KeptUnderLinks(database, ShareRow, "share")
        self.feedback = FeedbackBook(database)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one of the store's methods in a thread of the store's own.

        Cancelling gives up the wait, not the work.
        """
        future = self._threads.submit(call, *args, **kwargs)
        return await asyncio.wrap_future(future)

    def forget(self, owner: str) -> int:
        """Delete everything of an owner; return how many records that were.

        Raises:
            StoreError: the database can't be used; nothing is deleted.
        """
        with self.database.writing() as session:
            return sum(
                part.forget(session, owner)
                for part in (
                    self.conversations,
                    self.answers,
                    self.checks,
                    self.shares,
                    self.feedback,
                )
            )

    def close(self) -> None:
        """Wait for what runs and close the database."""
        self._threads.shutdown()
        self.database.close()


def open_store(where: str, *, create: bool = True) -> Store:
    """Open the store and bring its tables up to date; processes that do so at once take turns.

    Args:
        where: the path of an SQLite file, or the URL of a PostgreSQL database.
        create: whether to make SQLite's file where there is none.

    Raises:
        SettingsError: `where` is neither.
        StoreError: the database can't be used; the message says why and what mends it.
    """
    database = Database(database_url(where))
    try:
        if database.file is not None:
            if not create and not database.file.exists():
                raise StoreError(
                    f"there is no database {database.shown}; python -m app serve makes it, or "
                    "name another with --database"
                )
            database.create_file()
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return Store(database)
