"""What databases say when they fail, in one line that tells what to do."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from app.record.errors import StoreError, StoreUnavailable

__all__ = ["said_plainly"]

# By the beginning of SQLite's error name or PostgreSQL's SQLSTATE: what is wrong, what mends it.
_CAUSES: tuple[tuple[str, str], ...] = (
    ("SQLITE_FULL", "the disk is full; make room on it"),
    ("SQLITE_READONLY", "it can't be written; give this user the right to, or choose another"),
    ("SQLITE_CANTOPEN", "it can't be opened; check that the folder can be written"),
    ("SQLITE_PERM", "it can't be opened; give this user the right to"),
    ("SQLITE_AUTH", "it can't be opened; give this user the right to"),
    ("SQLITE_BUSY", "another process keeps it locked; stop that process, or try again"),
    ("SQLITE_LOCKED", "another process keeps it locked; stop that process, or try again"),
    ("SQLITE_CORRUPT", "it is damaged; restore it from a backup, or move it away"),
    ("SQLITE_NOTADB", "it is no SQLite database; choose another file"),
    ("SQLITE_IOERR", "the disk can't be read or written; see the system's log"),
    ("25006", "it can't be written: it is a read-only server; name the primary"),
    ("28", "it refuses the user or the password; check the URL"),
    ("3D000", "there is no such database; make one with createdb"),
    ("42501", "the user may not do that; grant it the right to create and change tables"),
    ("53100", "the server's disk is full; make room on it"),
    ("53300", "the server takes no more connections; raise max_connections"),
    ("57P03", "the server is starting or stopping; try again"),
)
_LASTING = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_CHOOSE = "another database is chosen with --database or the setting database"


def said_plainly(error: Exception, shown: str) -> StoreError:
    """The error of a driver or of the system as one of the store's.

    Args:
        error: as it was raised.
        shown: the database's name, without its password.
    """
    if isinstance(error, OSError):
        return StoreUnavailable(f"the database {shown} can't be made: {error.strerror}; {_CHOOSE}")
    raised = error.orig if isinstance(error, DBAPIError) else error
    code = _code(raised)
    cause = next((text for start, text in _CAUSES if code.startswith(start)), None)
    said = cause or _first_line(raised or error)
    kind = StoreError if code.startswith(_LASTING) else StoreUnavailable
    return kind(f"the database {shown} can't be used: {said}; {_CHOOSE}")


def _code(raised: BaseException | None) -> str:
    if isinstance(raised, sqlite3.Error):
        return str(getattr(raised, "sqlite_errorname", ""))
    return str(getattr(raised, "sqlstate", None) or "")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
