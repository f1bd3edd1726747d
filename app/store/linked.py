"""What is kept under links: whoever has a link may read it, its owner may revoke it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.record.checked import Checked
from app.record.errors import NotKept
from app.store.database import Database
from app.store.owners import checked as checked_owner
from app.store.records import Linked, Shared
from app.store.rows import deleted
from app.store.tables import CheckRow, ShareRow

__all__ = ["KeptUnderLinks"]

_BYTES = 16  # of chance in an id: a link that nobody guesses

T = TypeVar("T", Checked, Shared)


class KeptUnderLinks(Generic[T]):
    """Things of one kind, each as it was when it was kept, whatever becomes of the index.

    Raises:
        StoreError: (by every method) the database can't be used; nothing was changed.
    """

    def __init__(self, database: Database, row: type[CheckRow] | type[ShareRow], name: str) -> None:
        """Take the table and what the things are called, in their ids and in errors."""
        self._database, self._row, self._name = database, row, name

    def keep(self, owner: str, content: T) -> Linked[T]:
        """Keep something under an id that can't be guessed."""
        row = self._row(
            id=f"{self._name}_{secrets.token_hex(_BYTES)}",
            owner=checked_owner(owner),
            created=datetime.now(UTC),
            content=content,
        )
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return _linked(row)

    def find(self, id: str) -> Linked[T]:  # noqa: A002 - the field's name
        """What is kept under an id, whoever asks.

        Raises:
            NotKept: there is nothing of that id, or it has been revoked.
        """
        with self._database.reading() as session:
            row = session.scalar(select(self._row).where(self._row.id == id))
            if row is None:
                raise NotKept(
                    f"no {self._name} is kept under {id[:80]!r}; it may have been revoked"
                )
            return _linked(row)

    def list(self, owner: str, limit: int = 50) -> tuple[Linked[T], ...]:
        """What an owner keeps under links, newest first."""
        table = self._row
        mine = select(table).where(table.owner == checked_owner(owner))
        newest = mine.order_by(table.created.desc(), table.id).limit(limit)
        with self._database.reading() as session:
            return tuple(_linked(row) for row in session.scalars(newest))

    def revoke(self, owner: str, id: str) -> None:  # noqa: A002 - the field's name
        """Delete what is kept, so that its link leads nowhere.

        Raises:
            NotKept: there is nothing of that id, or it is another owner's.
        """
        table = self._row
        gone = delete(table).where(table.id == id, table.owner == checked_owner(owner))
        with self._database.writing() as session:
            if not deleted(session.execute(gone)):
                raise NotKept(
                    f"you keep no {self._name} under {id[:80]!r}; it may have been revoked"
                )

    def forget(self, session: Session, owner: str) -> int:
        """Delete what an owner keeps, inside a session; return how much that was."""
        gone = delete(self._row).where(self._row.owner == checked_owner(owner))
        return deleted(session.execute(gone))


def _linked(row: Any) -> Linked[Any]:  # noqa: ANN401 - a row of either table
    return Linked(row.id, row.owner, row.created, row.content)
