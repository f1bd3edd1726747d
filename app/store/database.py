"""The connection to the database: what SQLite and PostgreSQL need, and their errors in one tree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.record.errors import SettingsError
from app.store.failures import said_plainly

__all__ = ["Database", "database_url"]

_WAIT_SECONDS = 30  # for the lock that another process holds; a write takes milliseconds
_CONNECT_SECONDS = 5


def database_url(where: str) -> URL:
    """The URL of a database, from a URL or the path of an SQLite file.

    Raises:
        SettingsError: it is neither, or of a kind that isn't served.
    """
    expected = (
        "expected the path of an SQLite file, or postgresql://USER:PASSWORD@HOST/DATABASE "
        "(setting database)"
    )
    if "://" not in where:
        if not where.strip():
            raise SettingsError(f"got no database: {expected}")
        return URL.create("sqlite", database=str(Path(where).expanduser().absolute()))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise SettingsError(f"the database's URL can't be read: {expected}") from None
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise SettingsError(f"got a database of kind {kind[:40]!r}: {expected}")
    if url.database in (None, "", ":memory:"):
        raise SettingsError(f"got an SQLite database without a file: {expected}")
    return URL.create("sqlite", database=str(Path(str(url.database)).absolute()))


class Database:
    """Sessions on one database; `shown` names it without its password."""

    def __init__(self, url: URL) -> None:
        """Prepare; nothing is reached until the first session."""
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.shown = str(url.database) if self.is_sqlite else _without_secrets(url)
        self.engine = _sqlite(url) if self.is_sqlite else _postgresql(url)
        # SQLite: who means to write takes the lock first, so that no read grows stale under it.
        self._writer = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    @property
    def file(self) -> Path | None:
        """SQLite's file."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for one consistent look.

        Raises:
            StoreError: the database can't be used.
        """
        with self._failures_named(), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are committed together at the block's end, or not at all.

        Raises:
            StoreError: the database can't be used; nothing was changed.
        """
        with self._failures_named(), Session(self._writer) as session, session.begin():
            # Begin now: a database that can't be written is told before any work is done.
            session.connection()
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in a writing transaction, for migrations.

        Raises:
            StoreError: the database can't be used; nothing was changed.
        """
        with self._failures_named(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise said_plainly(error, self.shown) from error

    def create_file(self) -> None:
        """Make SQLite's file, readable by its owner alone, and let readers pass writers (WAL).

        Raises:
            StoreError: it can't be made or written.
        """
        assert self.file is not None
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.touch(mode=0o600)
        except OSError as error:
            raise said_plainly(error, self.shown) from error
        with self._failures_named():
            _switch_to_wal(self.engine)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _WAIT_SECONDS})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
        connection.isolation_level = None  # sqlite3 begins nothing by itself: `_begin` does
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # what is committed outlives a power cut

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))

    return engine


def _postgresql(url: URL) -> Engine:
    waits = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=waits)


def _without_secrets(url: URL) -> str:
    return url.difference_update_query(["password", "sslpassword"]).render_as_string()


def _switch_to_wal(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()
    finally:
        raw.close()
