"""The tables. A change here needs a migration beside it in `migrations/versions`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.record.checked import Checked
from app.store.json_documents import clean, decode, encode
from app.store.records import Exchange, Shared

__all__ = [
    "AnswerRow",
    "Base",
    "CheckRow",
    "ConversationRow",
    "FeedbackRow",
    "ShareRow",
    "TurnRow",
]


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write in UTC."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - as declared above it
        """Read in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """A text without what PostgreSQL takes in none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write it clean."""
        return None if value is None else clean(value)


class ExchangeDocument(TypeDecorator[Exchange]):
    """An exchange as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Exchange | None, dialect: Dialect) -> str | None:
        """Write it as JSON."""
        return None if value is None else encode(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Exchange | None:  # noqa: ANN401 - as declared above it
        """Read it from JSON."""
        return None if value is None else decode(Exchange, value)


class CheckedDocument(TypeDecorator[Checked]):
    """A checked text as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Checked | None, dialect: Dialect) -> str | None:
        """Write it as JSON."""
        return None if value is None else encode(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Checked | None:  # noqa: ANN401 - as declared above it
        """Read it from JSON."""
        return None if value is None else decode(Checked, value)


class SharedDocument(TypeDecorator[Shared]):
    """What is shared, as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Shared | None, dialect: Dialect) -> str | None:
        """Write it as JSON."""
        return None if value is None else encode(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Shared | None:  # noqa: ANN401 - as declared above it
        """Read it from JSON."""
        return None if value is None else decode(Shared, value)


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Words, datetime: Moment, Exchange: ExchangeDocument, Checked: CheckedDocument,
        Shared: SharedDocument,
    }  # fmt: skip


class ConversationRow(Base):
    """A conversation's head."""

    __tablename__ = "conversations"
    __table_args__ = (Index(None, "owner", "updated", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    title: Mapped[str]
    folded_title: Mapped[str]
    persona: Mapped[str]
    created: Mapped[datetime]
    updated: Mapped[datetime]


class TurnRow(Base):
    """A turn; `folded` is what a search looks through."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("conversation_id", "position"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey(ConversationRow.id, ondelete="CASCADE"))
    position: Mapped[int]
    created: Mapped[datetime]
    folded: Mapped[str]
    exchange: Mapped[Exchange]


class AnswerRow(Base):
    """An answer of the endpoint, by its response's id."""

    __tablename__ = "answers"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    created: Mapped[datetime] = mapped_column(index=True)
    exchange: Mapped[Exchange]


class FeedbackRow(Base):
    """A judgement; `reasons` are separated by spaces."""

    __tablename__ = "feedback"
    __table_args__ = (Index(None, "created", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)
    created: Mapped[datetime]
    rating: Mapped[str]
    reasons: Mapped[str]
    comment: Mapped[str]
    claim: Mapped[int | None]
    exchange: Mapped[Exchange]


class CheckRow(Base):
    """A checked text, kept as it was."""

    __tablename__ = "checks"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    created: Mapped[datetime]
    content: Mapped[Checked] = mapped_column("checked")


class ShareRow(Base):
    """What is shared, kept as it was."""

    __tablename__ = "shares"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    created: Mapped[datetime]
    content: Mapped[Shared] = mapped_column("shared")
