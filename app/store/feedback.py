"""Feedback: what readers say of answers, with a copy of what they say it of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.record.errors import RequestError
from app.store.database import Database
from app.store.owners import checked
from app.store.records import Exchange, Feedback, Judgement, Rating, Reason
from app.store.rows import deleted
from app.store.tables import FeedbackRow

__all__ = ["FeedbackBook"]

_BATCH = 100


class FeedbackBook:
    """All feedback.

    Raises:
        StoreError: (by every method) the database can't be used; nothing was changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: str, subject: str, exchange: Exchange, judgement: Judgement) -> Feedback:
        """Write a judgement down.

        Args:
            owner: who judges.
            subject: the id of the response or the answer that is judged.
            exchange: what was asked and answered.
            judgement: what is said of it.

        Raises:
            RequestError: the judgement contradicts itself or names a claim that isn't there.
        """
        _check(judgement, exchange)
        row = FeedbackRow(
            id=f"fb_{uuid.uuid4().hex}",
            subject=subject,
            owner=checked(owner),
            created=datetime.now(UTC),
            rating=judgement.rating,
            reasons=" ".join(dict.fromkeys(judgement.reasons)),
            comment=judgement.comment,
            claim=judgement.claim,
            exchange=exchange,
        )
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return _feedback(row)

    def given(self, owner: str, subject: str) -> tuple[Feedback, ...]:
        """What an owner said of one answer, oldest first."""
        asked = select(FeedbackRow).where(
            FeedbackRow.owner == checked(owner), FeedbackRow.subject == subject
        )
        with self._database.reading() as session:
            rows = session.scalars(asked.order_by(FeedbackRow.created, FeedbackRow.id))
            return tuple(_feedback(row) for row in rows)

    def judged(self, owner: str, subjects: Sequence[str]) -> Mapping[str, tuple[Judgement, ...]]:
        """What an owner said of some answers, by answer, oldest first; of others nothing."""
        asked = (
            select(
                FeedbackRow.subject,
                FeedbackRow.rating,
                FeedbackRow.reasons,
                FeedbackRow.comment,
                FeedbackRow.claim,
            )
            .where(FeedbackRow.owner == checked(owner), FeedbackRow.subject.in_(subjects))
            .order_by(FeedbackRow.created, FeedbackRow.id)
        )
        found: dict[str, tuple[Judgement, ...]] = {}
        with self._database.reading() as session:
            for subject, rating, reasons, comment, claim in session.execute(asked):
                said = _judgement(rating, reasons, comment, claim)
                found[subject] = (*found.get(subject, ()), said)
        return found

    def export(self, *, since: datetime | None = None) -> Iterator[Feedback]:
        """All feedback of all owners since a moment, oldest first, a batch in memory at a time."""
        asked = select(FeedbackRow).order_by(FeedbackRow.created, FeedbackRow.id)
        if since is not None:
            asked = asked.where(FeedbackRow.created >= since)
        with self._database.reading() as session:
            for row in session.scalars(asked.execution_options(yield_per=_BATCH)):
                yield _feedback(row)
                session.expunge(row)

    def forget(self, session: Session, owner: str) -> int:
        """Delete an owner's feedback, inside a session; return how many there were."""
        gone = delete(FeedbackRow).where(FeedbackRow.owner == checked(owner))
        return deleted(session.execute(gone))


def _check(judgement: Judgement, exchange: Exchange) -> None:
    if judgement.rating == "up" and judgement.reasons:
        raise RequestError(
            f"reasons: got {len(judgement.reasons)} with the rating up, expected none: they say "
            "what is wrong",
            field="reasons",
        )
    claims = len(exchange.answer.claims)
    if judgement.claim is not None and not 0 <= judgement.claim < claims:
        expected = f"0 to {claims - 1}" if claims else "none: the answer has no claims"
        raise RequestError(f"claim: got {judgement.claim}, expected {expected}", field="claim")


def _feedback(row: FeedbackRow) -> Feedback:
    judgement = _judgement(row.rating, row.reasons, row.comment, row.claim)
    return Feedback(row.id, row.subject, row.owner, row.created, judgement, row.exchange)


def _judgement(rating: str, reasons: str, comment: str, claim: int | None) -> Judgement:
    return Judgement(
        cast("Rating", rating), cast("tuple[Reason, ...]", tuple(reasons.split())), comment, claim
    )
