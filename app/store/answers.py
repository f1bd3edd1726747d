"""The endpoint's answers, kept for a while so that feedback can name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.record.errors import NotKept
from app.store.database import Database
from app.store.owners import checked
from app.store.records import KeptAnswer
from app.store.rows import deleted
from app.store.tables import AnswerRow

__all__ = ["KeptAnswers"]


class KeptAnswers:
    """Answers by the ids of their responses.

    Raises:
        StoreError: (by every method) the database can't be used; nothing was changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, answers: Sequence[KeptAnswer]) -> None:
        """Keep some answers, all or none."""
        rows = [
            {
                "id": one.id,
                "owner": checked(one.owner),
                "created": one.created,
                "exchange": one.exchange,
            }
            for one in answers
        ]
        with self._database.writing() as session:
            session.execute(insert(AnswerRow), rows)

    def find(self, owner: str, id: str) -> KeptAnswer:  # noqa: A002 - the field's name
        """The answer of a response.

        Raises:
            NotKept: there is none of that id, or it is another owner's.
        """
        asked = select(AnswerRow).where(AnswerRow.id == id, AnswerRow.owner == checked(owner))
        with self._database.reading() as session:
            row = session.scalar(asked)
            if row is None:
                raise NotKept(f"no answer is kept under {id[:80]!r}")
            return KeptAnswer(row.id, row.owner, row.created, row.exchange)

    def prune(self, before: datetime) -> int:
        """Delete the answers from before a moment; return how many there were."""
        with self._database.writing() as session:
            return deleted(session.execute(delete(AnswerRow).where(AnswerRow.created < before)))

    def forget(self, session: Session, owner: str) -> int:
        """Delete an owner's answers, inside a session; return how many there were."""
        gone = delete(AnswerRow).where(AnswerRow.owner == checked(owner))
        return deleted(session.execute(gone))
