"""Documents that are sent to a running server: kept beside its index and read one after another.

Reading goes on in a process of its own, `python -m index add`, which gives way to answers and is
ended after a while: no file holds the server up or brings it down. What was sent stands on disk
before its sender hears of it; after a restart, what was not read yet is read.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from app.record.errors import CitewiseError
from index import files, store
from index.errors import IndexUnusable
from index.recipe import read_states, recipe_of
from index.sources.detect import ACCEPTED, is_readable

__all__ = ["DocumentError", "Held", "HeldFile", "Library"]

FOLDER = "documents"
_ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"\w[\w .()+-]{0,63}")
_NOT_IN_FILE_NAMES = re.compile(r"[\x00-\x1f\x7f/\\:]+|^[\s.]+|[\s.]+$")
_REMOVING = ".removing"
_LONGEST_FILE_NAME = 200
_FAILURES_KEPT = 100
_FOLLOW_SECONDS = 60.0
_NICE = 10
Status = Literal["reading", "ready", "failed", "removing"]


class DocumentError(CitewiseError):
    """A document can't be taken, found or deleted; `code` says why, for programs."""

    def __init__(
        self,
        code: Literal["invalid", "exists", "too_many", "unknown", "not_uploaded", "not_deleted"],
        message: str,
    ) -> None:
        super().__init__(message)
        self.code = code


class _Fingerprinted(Protocol):
    @property
    def fingerprint(self) -> str:
        """The index's identity."""


class _Searching(Protocol):
    @property
    def index(self) -> _Fingerprinted:
        """What is searched."""


class _Followed(Protocol):
    def retriever(self) -> _Searching:
        """What searches the index that serves now."""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that was sent. `size` is in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Held:
    """A source of the index, or one that is to become one.

    `read` is when it was last read; `done` of `total` texts are encoded while it is `reading`.
    """

    name: str
    status: Status
    uploaded: bool
    files: tuple[HeldFile, ...] = ()
    documents: int = 0
    passages: int = 0
    read: datetime | None = None
    done: int = 0
    total: int = 0
    warnings: tuple[str, ...] = ()
    error: str = ""


@dataclass
class _Job:
    name: str
    action: Literal["add", "remove"]
    ended: Future[None] = field(default_factory=Future)
    done: int = 0
    total: int = 0
    error: str = ""


class Library:
    """The documents beside an index. Every method may be called from any thread.

    Args:
        index: the index directory.
        encoder: what it was made with, and by what it runs; passed on to `index add`.
        live: what serves the index; a document is `ready` once it is found there.
        most: how many documents are kept at once.
        seconds: how long the reading of one may take.
    """

    def __init__(
        self,
        index: Path,
        encoder: tuple[str, str],
        live: _Followed,
        *,
        most: int = 200,
        seconds: float = 1800,
    ) -> None:
        self._index, self._encoder, self._live = index, encoder, live
        self._most, self._seconds = most, seconds
        self._folder = index / FOLDER
        self._changing = threading.RLock()
        self._waiting: deque[_Job] = deque()
        self._current: _Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._failed: dict[str, _Job] = {}
        self._worker: threading.Thread | None = None
        self._closed = False

    def begin(self) -> None:
        """Go on with what was sent to an earlier process and was not read or removed to the end."""
        if not self._folder.is_dir():
            return
        known = self._in_recipe()
        with self._changing:
            for folder in sorted(self._folder.iterdir()):
                if folder.name.startswith("."):
                    shutil.rmtree(folder, ignore_errors=True)
                elif (folder / _REMOVING).exists():
                    self._start(_Job(folder.name, "remove"))
                elif folder.name not in known:
                    self._start(_Job(folder.name, "add"))

    def close(self) -> None:
        """Stop; what is not read yet is read after the next `begin`."""
        with self._changing:
            self._closed = True
            self._waiting.clear()
            process, worker = self._process, self._worker
            if process is not None:
                _end(process)
        if worker is not None:
            worker.join(10)

    def add(self, name: str, sent: Sequence[tuple[str, bytes]]) -> Held:
        """Keep files as a document and have it read.

        Args:
            name: what to call it; empty for the first file's name.
            sent: the files, each a name and its bytes.

        Raises:
            DocumentError: the name is none or taken, a file is of no format that is read, or
                there are too many documents.
            OSError: they can't be written.
        """
        named = _named(sent)
        if not name:
            name = re.sub(r"[^\w .()+-]+", "-", Path(named[0][0]).stem)[:64].strip(" .-")
        if not _NAME.fullmatch(name) or name != name.strip(" ."):
            raise DocumentError(
                "invalid",
                f"got the name {name[:80]!r}, expected up to 64 letters, digits, spaces and any "
                "of . ( ) + - _, the first a letter or digit",
            )
        with self._changing:
            held = {one.name: one for one in self.sources()}
            if name in held and held[name].status != "failed":
                raise DocumentError(
                    "exists", f"there is a source {name!r} already: delete it first, or choose "
                    "another name",
                )  # fmt: skip
            if sum(one.uploaded for one in held.values()) >= self._most:
                raise DocumentError(
                    "too_many", f"{self._most} documents are kept, the most that max_uploads "
                    "allows: delete one first",
                )  # fmt: skip
            self._failed.pop(name, None)
            self._keep(name, named)
            self._start(_Job(name, "add"))
            return self.find(name)

    def remove(self, name: str) -> Future[None]:
        """Take a document out of the index and delete its files.

        Returns:
            What ends with that; a `DocumentError` in it says why the document stays.

        Raises:
            DocumentError: there is none of that name, or it was not sent to the server.
        """
        with self._changing:
            held = self.find(name)
            if not held.uploaded:
                raise DocumentError(
                    "not_uploaded",
                    f"the source {name!r} was not uploaded: whoever runs the server removes it "
                    f"with: python -m index remove {name}",
                )
            self._failed.pop(name, None)
            for job in self._jobs():
                if job.name == name and job.action == "remove":
                    return job.ended
            self._waiting = deque(job for job in self._waiting if job.name != name)
            folder = self._folder / name
            if not folder.is_dir():  # its reading failed
                done: Future[None] = Future()
                done.set_result(None)
                return done
            files.put(folder / _REMOVING, "")
            if self._current is not None and self._current.name == name and self._process:
                _end(self._process)
            job = _Job(name, "remove")
            self._start(job, first=True)
            return job.ended

    def find(self, name: str) -> Held:
        """The source of a name.

        Raises:
            DocumentError: there is none.
        """
        found = next((held for held in self.sources() if held.name == name), None)
        if found is None:
            raise DocumentError("unknown", f"there is no document {name[:80]!r}")
        return found

    def sources(self) -> tuple[Held, ...]:
        """Every source of the index, and what is still to be read, in that order.

        Raises:
            CitewiseError: the recipe can't be read.
        """
        with self._changing:
            jobs = {job.name: job for job in self._jobs()}
            states = {state.name: state for state in read_states(self._index)}
            found = []
            for name, path in self._in_recipe().items():
                uploaded = path.parent == self._folder.resolve()
                state, job = states.get(name), jobs.pop(name, None)
                told = (*state.not_read, *state.problems) if state else ()
                found.append(
                    Held(
                        name,
                        "ready" if job is None else _STATUS[job.action],
                        uploaded,
                        self._files(name) if uploaded else (),
                        state.topics if state else 0,
                        state.passages if state else 0,
                        datetime.fromisoformat(state.read) if state else None,
                        warnings=tuple(self._without_paths(line, path) for line in told),
                    )
                )
            found += [
                Held(job.name, _STATUS[job.action], True, self._files(job.name),
                     done=job.done, total=job.total)
                for job in jobs.values()
            ]  # fmt: skip
            names = {held.name for held in found}
            found += [
                Held(job.name, "failed", True, error=job.error)
                for job in self._failed.values() if job.name not in names
            ]  # fmt: skip
            return tuple(found)

    def _in_recipe(self) -> dict[str, Path]:
        return {spec.name: Path(spec.path) for spec in recipe_of(self._index, empty=True)}

    def _jobs(self) -> list[_Job]:
        return [*([self._current] if self._current else []), *self._waiting]

    def _files(self, name: str) -> tuple[HeldFile, ...]:
        try:
            found = sorted((self._folder / name).iterdir())
            return tuple(
                HeldFile(path.name, path.stat().st_size)
                for path in found if not path.name.startswith(".")
            )  # fmt: skip
        except OSError:  # just being deleted
            return ()

    def _without_paths(self, text: str, path: Path) -> str:
        """A line about a source, without where that lies on this machine."""
        for prefix in (f"{path}/", f"{path.resolve()}/", f"{path.parent}/", f"{self._index}/"):
            text = text.replace(prefix, "")
        return text

    def _keep(self, name: str, named: Sequence[tuple[str, bytes]]) -> None:
        """Write the files, so that the folder stands whole or not at all."""
        fresh = self._folder / f".new-{secrets.token_hex(4)}"
        try:
            for file, content in named:
                files.put(fresh / file, content)
            os.replace(fresh, self._folder / name)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _start(self, job: _Job, *, first: bool = False) -> None:
        if first:
            self._waiting.appendleft(job)
        else:
            self._waiting.append(job)
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, name="documents", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        while True:
            with self._changing:
                if self._closed or not self._waiting:
                    self._worker = None
                    return
                job = self._current = self._waiting.popleft()
            try:
                self._do(job)
            except Exception as error:  # noqa: BLE001 - told to whoever asks for the document
                job.error = str(error) or type(error).__name__
            with self._changing:
                self._current = None
                self._finish(job)

    def _finish(self, job: _Job) -> None:
        folder = self._folder / job.name
        if self._closed or (job.action == "add" and (folder / _REMOVING).exists()):
            return  # goes on after a restart, or with what removes it
        if not job.error:
            job.ended.set_result(None)
            return
        if job.action == "add":
            shutil.rmtree(folder, ignore_errors=True)
            self._failed[job.name] = job
            while len(self._failed) > _FAILURES_KEPT:
                del self._failed[next(iter(self._failed))]
        else:
            (folder / _REMOVING).unlink(missing_ok=True)
        job.ended.set_exception(DocumentError("not_deleted", job.error))

    def _do(self, job: _Job) -> None:
        folder = self._folder / job.name
        if job.action == "add":
            self._run(job, "add", str(folder), "--name", job.name)
        elif job.name in self._in_recipe():
            self._run(job, "remove", job.name)
        if job.error or self._closed:
            return
        if job.action == "remove":
            shutil.rmtree(folder)
        self._followed()

    def _run(self, job: _Job, *words: str) -> None:
        """Run one command of `python -m index`; what it says of its progress is the job's."""
        name, engine = self._encoder
        command = [
            sys.executable, "-m", "index", *words, "--index", str(self._index), "--json",
            "--encoder", name, "--encoder-engine", engine,
        ]  # fmt: skip
        with self._changing:
            if self._closed:
                return
            process = self._process = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
                start_new_session=True,
            )  # fmt: skip
        _give_way(process.pid)
        slow = threading.Timer(self._seconds, _end, (process,))
        slow.start()
        last = ""
        try:
            with process:
                for line in process.stderr or ():
                    last = line.strip() or last
                    if counted := re.fullmatch(r"encoding: (\d+)/(\d+)", last):
                        job.done, job.total = int(counted[1]), int(counted[2])
            status = process.returncode
        finally:
            slow.cancel()
            with self._changing:
                self._process = None
        if status:
            job.error = self._reason(job, status, last)

    def _reason(self, job: _Job, status: int, last: str) -> str:
        if status < 0:
            return f"reading took longer than {self._seconds:.0f} s, or was ended"
        said = last.removeprefix(f"index {job.action}: ")
        return self._without_paths(said, self._folder / job.name)

    def _followed(self) -> None:
        """Wait until what serves is what is current."""
        until = time.monotonic() + _FOLLOW_SECONDS
        while time.monotonic() < until and not self._closed:
            with suppress(IndexUnusable):
                current = store.current_fingerprint(self._index)
                if self._live.retriever().index.fingerprint == current:
                    return
            time.sleep(0.1)


_STATUS: dict[str, Status] = {"add": "reading", "remove": "removing"}


def _named(sent: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The files under names that a folder takes, each of a format that is read."""
    if not sent:
        raise DocumentError("invalid", "got no file, expected at least one in the field file")
    named: dict[str, bytes] = {}
    for given, content in sent:
        name = _NOT_IN_FILE_NAMES.sub("", re.split(r"[/\\]", given)[-1])
        while len(name.encode()) > _LONGEST_FILE_NAME:
            name = name[1:]
        if not is_readable(Path(name)):
            raise DocumentError("invalid", f"got the file {given[-80:]!r}, expected {ACCEPTED}")
        if name in named:
            raise DocumentError("invalid", f"got two files named {name!r}, expected distinct names")
        if not content:
            raise DocumentError("invalid", f"got the empty file {name!r}, expected one with text")
        named[name] = content
    return list(named.items())


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _give_way(pid: int) -> None:
    """Have answers come first, and where memory runs out, this process go first."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _NICE)
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
