"""The tables' version in a database, and bringing it up to date with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from app.record.errors import StoreError
from app.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["REVISION", "alembic_config", "revision_of", "upgrade"]

REVISION = "0003"  # the newest in migrations/versions: known without loading Alembic

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_LOCK = 0x6369_7465_7769_7365  # "citewise": PostgreSQL's advisory locks have numbers


def upgrade(database: Database) -> bool:
    """Bring the tables up to date; tell whether there was anything to do.

    It all happens in one transaction behind a lock: whoever comes at the same time waits and
    then finds it done, and where it fails nothing has changed.

    Raises:
        StoreError: the database can't be used, or a newer version has made it.
    """
    with database.connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = revision_of(connection)
        if found == REVISION:
            return False
        from alembic import command
        from alembic.util import CommandError

        try:
            command.upgrade(alembic_config(connection), REVISION)
        except CommandError as error:
            raise StoreError(
                f"the database {database.shown} has the tables' version {found}, expected one "
                f"up to {REVISION}: a newer Citewise made it; update Citewise, or name another "
                "with --database"
            ) from error
    return True


def revision_of(connection: Connection) -> str | None:
    """The tables' version; None where there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for a connection that has begun a transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
