"""Conversations: made, continued, listed, searched, opened, renamed and deleted by their owner."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app.record.errors import NotKept, RequestError
from app.store.database import Database
from app.store.json_documents import clean, fold
from app.store.owners import checked
from app.store.records import ConversationHead, Exchange, Page, StoredTurn, Thread
from app.store.rows import deleted
from app.store.tables import ConversationRow, TurnRow

__all__ = ["Conversations", "title_of"]

_TITLE_CHARACTERS = 80
_SEARCHED_WORDS = 12


def title_of(question: str) -> str:
    """A conversation's title: its first question, on one line, cut at a word."""
    line = " ".join(clean(question).split())
    if len(line) <= _TITLE_CHARACTERS:
        return line
    cut = line[: _TITLE_CHARACTERS - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


class Conversations:
    """The conversations of all owners; each method serves the one that it is given.

    Raises:
        NotKept: (by what takes an id) there is no such conversation, or it is another owner's.
        StoreError: (by every method) the database can't be used; nothing was changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, owner: str, question: str, persona: str) -> ConversationHead:
        """Begin a conversation, titled by its first question, as yet without turns."""
        row = _begun(owner, question, persona)
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return _conversation(row)

    def begin(self, owner: str, *exchanges: Exchange) -> Thread:
        """Begin a conversation with its first turns, all or nothing; the first one titles it."""
        first = exchanges[0]
        row = _begun(owner, first.question, first.answer.persona)
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return Thread(_conversation(row), _add(session, row, exchanges))

    def append(self, owner: str, id: str, *exchanges: Exchange) -> StoredTurn:  # noqa: A002 - the field's name
        """Add turns at the end, all or nothing; the conversation becomes the newest.

        Returns:
            The last of them.
        """
        with self._database.writing() as session:
            row = _own(session, owner, id)
            turns = _add(session, row, exchanges)
            row.updated = max(turns[-1].created, row.updated)
            session.flush()
            return turns[-1]

    def list(self, owner: str, *, limit: int = 50, after: str | None = None) -> Page:
        """One page of an owner's conversations, newest first.

        Args:
            owner: whose.
            limit: how many at most.
            after: the page before's `next`.

        Raises:
            RequestError: `after` is no page's `next`.
        """
        return self._page(owner, [], limit, after)

    def search(self, owner: str, words: str, *, limit: int = 50, after: str | None = None) -> Page:
        """Those conversations in which every word stands: in title, questions or answers.

        Parts of words count, case does not, and no character is special. Without words it is
        `list`; words after the twelfth are not looked at. See `list` for the rest.
        """
        found = [_holds(word) for word in fold(words).split()[:_SEARCHED_WORDS]]
        return self._page(owner, found, limit, after)

    def open(self, owner: str, id: str) -> Thread:  # noqa: A002 - the field's name
        """A conversation with all its turns."""
        with self._database.reading() as session:
            row = _own(session, owner, id, lock=False)
            asked = select(TurnRow).where(TurnRow.conversation_id == row.id)
            turns = session.scalars(asked.order_by(TurnRow.position))
            return Thread(_conversation(row), tuple(_turn(turn) for turn in turns))

    def rename(self, owner: str, id: str, title: str) -> ConversationHead:  # noqa: A002 - the field's name
        """Give a conversation another title, cut as `title_of` does; its place in lists stays.

        Raises:
            RequestError: the title is empty.
        """
        given = title_of(title)
        if not given:
            raise RequestError("the title is empty; expected some text", field="title")
        with self._database.writing() as session:
            row = _own(session, owner, id)
            row.title, row.folded_title = given, fold(given)
            session.flush()
            return _conversation(row)

    def truncate(self, owner: str, id: str, keep: int) -> int:  # noqa: A002 - the field's name
        """Delete the turns from position `keep` on, as for a question asked anew; say how many."""
        with self._database.writing() as session:
            row = _own(session, owner, id)
            later = delete(TurnRow).where(
                TurnRow.conversation_id == row.id, TurnRow.position >= keep
            )
            return deleted(session.execute(later))

    def delete(self, owner: str, id: str) -> None:  # noqa: A002 - the field's name
        """Delete a conversation with its turns; feedback that was given on them stays."""
        with self._database.writing() as session:
            session.delete(_own(session, owner, id))

    def delete_all(self, owner: str) -> int:
        """Delete all conversations of an owner; return how many there were."""
        with self._database.writing() as session:
            return self.forget(session, owner)

    def forget(self, session: Session, owner: str) -> int:
        """As `delete_all`, inside a session."""
        gone = delete(ConversationRow).where(ConversationRow.owner == checked(owner))
        return deleted(session.execute(gone))

    def _page(
        self, owner: str, found: Sequence[ColumnElement[bool]], limit: int, after: str | None
    ) -> Page:
        asked = (
            select(ConversationRow)
            .where(ConversationRow.owner == checked(owner), *found)
            .order_by(ConversationRow.updated.desc(), ConversationRow.id.desc())
            .limit(limit + 1)
        )
        if after is not None:
            asked = asked.where(_older(after))
        with self._database.reading() as session:
            rows = [_conversation(row) for row in session.scalars(asked)]
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(tuple(rows), _mark(rows[-1]) if more else None)


def _begun(owner: str, question: str, persona: str) -> ConversationRow:
    now, title = datetime.now(UTC), title_of(question)
    return ConversationRow(
        id=f"conv_{uuid.uuid4().hex}",
        owner=checked(owner),
        title=title,
        folded_title=fold(title),
        persona=persona,
        created=now,
        updated=now,
    )


def _add(
    session: Session, row: ConversationRow, exchanges: Sequence[Exchange]
) -> tuple[StoredTurn, ...]:
    now = datetime.now(UTC)
    taken = select(func.max(TurnRow.position)).where(TurnRow.conversation_id == row.id)
    last = session.scalar(taken)
    turns = [
        TurnRow(
            id=f"turn_{uuid.uuid4().hex}",
            conversation_id=row.id,
            position=position,
            created=now,
            folded=fold(f"{exchange.question}\n{exchange.answer.text}"),
            exchange=exchange,
        )
        for position, exchange in enumerate(exchanges, 0 if last is None else last + 1)
    ]
    session.add_all(turns)
    session.flush()
    return tuple(_turn(turn) for turn in turns)


def _own(session: Session, owner: str, id: str, *, lock: bool = True) -> ConversationRow:  # noqa: A002 - the field's name
    asked = select(ConversationRow).where(
        ConversationRow.id == id, ConversationRow.owner == checked(owner)
    )
    row = session.scalar(asked.with_for_update() if lock else asked)
    if row is None:
        raise NotKept(f"there is no conversation {id[:80]!r}; it may have been deleted")
    return row


def _holds(word: str) -> ColumnElement[bool]:
    in_turn = exists().where(
        TurnRow.conversation_id == ConversationRow.id,
        TurnRow.folded.contains(word, autoescape=True),
    )
    return or_(ConversationRow.folded_title.contains(word, autoescape=True), in_turn)


def _mark(last: ConversationHead) -> str:
    return f"{last.updated.isoformat()} {last.id}"


def _older(mark: str) -> ColumnElement[bool]:
    moment, _, identity = mark.partition(" ")
    try:
        updated = datetime.fromisoformat(moment)
    except ValueError:
        raise RequestError(
            f"after: got {mark[:80]!r}, expected the next of a page", field="after"
        ) from None
    return or_(
        ConversationRow.updated < updated,
        and_(ConversationRow.updated == updated, ConversationRow.id < identity),
    )


def _conversation(row: ConversationRow) -> ConversationHead:
    return ConversationHead(row.id, row.owner, row.title, row.persona, row.created, row.updated)


def _turn(row: TurnRow) -> StoredTurn:
    return StoredTurn(row.id, row.position, row.created, row.exchange)
