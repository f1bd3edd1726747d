"""Debian's PostgreSQL, started for the tests in a folder of its own, reached by a Unix socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

__all__ = ["database_of", "running_server"]

_INSTALL = "PostgreSQL is not installed; install it with: sudo apt-get install postgresql"


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    if found:
        return found[-1]
    if os.environ.get("CI"):
        pytest.fail(_INSTALL)
    pytest.skip(_INSTALL)


@contextmanager
def running_server() -> Iterator[Path]:
    """Run a server for as long as the block runs; give the folder of its socket."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="citewise-pg-", dir="/tmp"))
    become: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "data"
    made = subprocess.run(
        [*become, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    log = folder / "log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [*become, binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=",
             "-c", "fsync=off", "-c", "max_connections=60"],
            cwd=folder, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        _wait_for(server, folder, log)
        yield folder
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(folder)


def _connect(folder: Path) -> psycopg.Connection:
    return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)


def _wait_for(server: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            _connect(folder).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"PostgreSQL did not start: {log.read_text()}")


@contextmanager
def database_of(folder: Path) -> Iterator[str]:
    """Make an empty database for the block; give its URL."""
    name = f"test_{uuid.uuid4().hex}"
    with _connect(folder) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload,unused-ignore]
    try:
        yield f"postgresql://postgres@/{name}?host={folder}"
    finally:
        with _connect(folder) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload,unused-ignore]
