"""Killed in mid-write, written by several at once, full, locked, read-only, away."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from app.record.errors import SettingsError, StoreError, StoreUnavailable
from app.store import Store, database, open_store
from app.store.database import database_url
from tests.conftest import ROOT
from tests.postgresql import database_of
from tests.store.conftest import OWNER, exchange
from tests.store.dying import ROUNDS


def played(scenario: str, where: str) -> list[dict[str, Any]]:
    result = subprocess.run(
        [sys.executable, "-m", "tests.store.dying", scenario, where],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_was_committed_outlives_a_kill_and_nothing_is_half_written(database: str) -> None:
    outcomes = played("kill", database)
    assert len(outcomes) == ROUNDS
    assert sum(len(outcome["reported"]) for outcome in outcomes) > ROUNDS
    for outcome in outcomes:
        positions = outcome["positions"]
        assert positions == list(range(len(positions)))
        assert set(outcome["reported"]) <= set(positions)
        # At most the one turn that was being committed when the kill came was not reported.
        assert len(positions) - 1 - max(outcome["reported"]) in (0, 1)
        assert outcome["whole"]
        assert outcome["dated"]
        assert outcome["sound"]
        assert outcome["lost"] == outcome["half"] == []


def test_processes_that_write_at_once_lose_nothing(database: str) -> None:
    (outcome,) = played("together", database)
    assert outcome["statuses"] == [0] * 4
    assert outcome["positions"] == list(range(80))
    assert outcome["questions"] == sorted(f"{name} {n}" for name in "abcd" for n in range(20))
    assert outcome["own"] == [[str(n) for n in range(20)]] * 4


def test_processes_that_start_at_once_make_the_tables_once(database: str) -> None:
    (outcome,) = played("begin", database)
    assert outcome == {"statuses": [0] * 6, "conversations": 6}


def test_a_database_that_cannot_be_written_is_told_at_the_start() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        inner = Path(folder) / "var"
        file, other = played("read-only", str(inner / "citewise.db"))
        inner.chmod(0o755)
    for outcome in (file, other):
        assert outcome["said"].startswith(f"the database {inner}")
        assert "can't be" in outcome["said"]
        assert "--database" in outcome["said"]
        assert "\n" not in outcome["said"]


def test_a_full_disk_is_said_and_harms_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "citewise.db"))
    talk = store.conversations.create(OWNER, "Full?", "citewise-expert")
    pages = 60

    @event.listens_for(store.database.engine, "checkout")
    def _limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    written = 0

    def write() -> None:
        nonlocal written
        for _ in range(1000):
            store.conversations.append(OWNER, talk.id, exchange(text="x" * 3000))
            written += 1

    with pytest.raises(StoreUnavailable, match="disk is full; make room") as raised:
        write()
    assert raised.value.retryable
    assert "xxx" not in str(raised.value)
    assert 0 < written < 1000
    assert len(store.conversations.open(OWNER, talk.id).turns) == written
    pages = 10_000
    store.conversations.append(OWNER, talk.id, exchange())
    assert len(store.conversations.open(OWNER, talk.id).turns) == written + 1
    store.close()


def test_a_lock_that_another_keeps_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.2)
    file = tmp_path / "citewise.db"
    store = open_store(str(file))
    talk = store.conversations.create(OWNER, "Locked?", "citewise-expert")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="keeps it locked"):
        store.conversations.append(OWNER, talk.id, exchange())
    assert store.conversations.open(OWNER, talk.id).turns == ()  # readers go on
    other.execute("ROLLBACK")
    other.close()
    store.conversations.append(OWNER, talk.id, exchange())
    store.close()


@pytest.fixture
def served(postgresql: Path) -> Iterator[Store]:
    """A store in PostgreSQL."""
    with database_of(postgresql) as url, closing(open_store(url)) as store:
        yield store


def test_a_read_only_server_is_said(served: Store) -> None:
    with served.database.writing() as session:
        name = session.scalar(text("SELECT current_database()"))
        session.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    served.database.close()
    with pytest.raises(StoreUnavailable, match="read-only server"):
        served.conversations.create(OWNER, "Written?", "citewise-expert")


def test_a_connection_that_broke_is_replaced(served: Store) -> None:
    served.conversations.create(OWNER, "Before?", "citewise-expert")
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    url = served.database.url.render_as_string(hide_password=False)
    with closing(open_store(url)) as other, other.database.writing() as session:
        session.execute(text(f"{others} AND datname = current_database()"))
    served.conversations.create(OWNER, "After?", "citewise-expert")
    assert len(served.conversations.list(OWNER).conversations) == 2


@pytest.mark.parametrize(("damaged", "said"), [(False, "no SQLite database"), (True, "damaged")])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, damaged: bool, said: str) -> None:
    file = tmp_path / "citewise.db"
    content = b"no database at all, " * 99
    if damaged:
        open_store(str(file)).close()
        whole = file.read_bytes()
        content = whole[:100] + b"\xff" * 3996 + whole[4096:]
    file.write_bytes(content)
    with pytest.raises(StoreError, match=said):
        open_store(str(file))
    assert file.read_bytes() == content


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    for where in ("ann:geheim@127.0.0.1:1/citewise", "127.0.0.1:1/citewise?password=geheim"):
        with pytest.raises(StoreUnavailable, match="can't be used") as raised:
            open_store(f"postgresql://{where}")
        assert "geheim" not in str(raised.value)
        assert "\n" not in str(raised.value)


def test_what_is_no_database_is_refused() -> None:
    for where in (
        "", " ", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "nonsense://", "://",
        "postgresql://host:port/name",
    ):  # fmt: skip
        with pytest.raises(SettingsError, match="expected the path of an SQLite file"):
            database_url(where)
    assert database_url("sqlite:///a.db").database == str(Path("a.db").absolute())
    assert database_url("~/a.db").database == str(Path.home() / "a.db")
    for name in ("postgresql", "postgres", "postgresql+psycopg2"):
        assert database_url(f"{name}://h/d").drivername == "postgresql+psycopg"


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "citewise.db"
    store = open_store(str(file))
    store.conversations.create(OWNER, "Private?", "citewise-expert")
    for path in file.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    store.close()
