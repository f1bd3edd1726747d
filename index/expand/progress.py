"""What was written so far, in a file that only grows: killed at any moment, it loses one line."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from index.errors import KnowledgeBaseError
from index.types import Passage

__all__ = ["ProgressFile"]

_VERSION = 1


class ProgressFile:
    """JSON Lines: who writes, then a line for each passage with what was written for it.

    A passage is known by its id and its contents, so that a changed one is asked about again. A
    last line that was not finished is cut off. Use it as a context manager: it is locked meanwhile.
    """

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        """Name the file and who writes; nothing is opened yet."""
        self._path, self._identity = path, dict(identity)
        self._written: dict[tuple[str, str], str] = {}
        self._file: Any = None

    def __enter__(self) -> ProgressFile:
        """Open the file, or begin it.

        Raises:
            KnowledgeBaseError: it can't be read or written, another process has it open, or it was
                begun by another writer.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read()
        except BlockingIOError as error:
            self._close()
            raise KnowledgeBaseError(
                f"{self._path} is being written by another run; wait for it to end"
            ) from error
        except OSError as error:
            self._close()
            raise KnowledgeBaseError(f"{self._path} can't be written: {error.strerror}") from error
        except KnowledgeBaseError:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, which lets go of the lock."""
        self._close()

    def get(self, passage: Passage) -> str | None:
        """Return what was written for a passage, None where nothing was yet."""
        return self._written.get(_key(passage))

    def add(self, passage: Passage, written: str) -> None:
        """Keep what was written for a passage, for good.

        Raises:
            KnowledgeBaseError: the disk is full, for instance.
        """
        ref, digest = _key(passage)
        self._append({"ref": ref, "sha256": digest, "written": written})
        self._written[ref, digest] = written

    def _read(self) -> None:
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            self._take(number, line)
        self._file.truncate(whole)
        if not whole:
            self._append({"expand": _VERSION, **self._identity})

    def _take(self, number: int, line: bytes) -> None:
        try:
            entry = orjson.loads(line)
            if number == 1:
                self._check(entry)
            else:
                self._written[str(entry["ref"]), str(entry["sha256"])] = str(entry["written"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KnowledgeBaseError(
                f"{self._path}:{number}: no line of a progress file ({error}); remove the file to "
                "start anew"
            ) from error

    def _check(self, begun: Mapping[str, object]) -> None:
        wanted = {"expand": _VERSION, **self._identity}
        if dict(begun) != wanted:
            differing = ", ".join(
                f"{key} {begun.get(key)!r} != {wanted.get(key)!r}"
                for key in sorted({*begun, *wanted})
                if begun.get(key) != wanted.get(key)
            )
            raise KnowledgeBaseError(
                f"{self._path} was begun otherwise: {differing}; go on as it was begun, name "
                "another file with --progress, or remove it to start anew"
            )

    def _append(self, entry: Mapping[str, object]) -> None:
        try:
            self._file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise KnowledgeBaseError(f"{self._path} can't be written: {error.strerror}") from error

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _key(passage: Passage) -> tuple[str, str]:
    contents = f"{passage.title}\0{passage.heading}\0{passage.text}"
    return passage.id, hashlib.sha256(contents.encode()).hexdigest()[:16]
