"""Checked texts that are kept: whoever has a text's link may read it, its owner may revoke it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.record.checked import Checked
from app.record.errors import NotKept
from app.store.database import Database
from app.store.owners import checked as checked_owner
from app.store.records import KeptCheck
from app.store.rows import deleted
from app.store.tables import CheckRow

__all__ = ["KeptChecks"]

_BYTES = 16  # of chance in an id: a link that nobody guesses


class KeptChecks:
    """Checked texts, each as it was when it was checked, whatever becomes of the index.

    Raises:
        StoreError: (by every method) the database can't be used; nothing was changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, owner: str, checked: Checked) -> KeptCheck:
        """Keep a checked text under an id that can't be guessed."""
        row = CheckRow(
            id=f"check_{secrets.token_hex(_BYTES)}",
            owner=checked_owner(owner),
            created=datetime.now(UTC),
            checked=checked,
        )
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return KeptCheck(row.id, row.owner, row.created, row.checked)

    def find(self, id: str) -> KeptCheck:  # noqa: A002 - the field's name
        """A kept text, whoever asks.

        Raises:
            NotKept: there is none of that id, or it has been revoked.
        """
        with self._database.reading() as session:
            row = session.scalar(select(CheckRow).where(CheckRow.id == id))
            if row is None:
                raise NotKept(f"no check is kept under {id[:80]!r}; it may have been revoked")
            return KeptCheck(row.id, row.owner, row.created, row.checked)

    def revoke(self, owner: str, id: str) -> None:  # noqa: A002 - the field's name
        """Delete a kept text, so that its link leads nowhere.

        Raises:
            NotKept: there is none of that id, or it is another owner's.
        """
        gone = delete(CheckRow).where(CheckRow.id == id, CheckRow.owner == checked_owner(owner))
        with self._database.writing() as session:
            if not deleted(session.execute(gone)):
                raise NotKept(f"you keep no check under {id[:80]!r}; it may have been revoked")

    def forget(self, session: Session, owner: str) -> int:
        """Delete an owner's kept texts, inside a session; return how many there were."""
        gone = delete(CheckRow).where(CheckRow.owner == checked_owner(owner))
        return deleted(session.execute(gone))
