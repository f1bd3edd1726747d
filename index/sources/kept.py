"""What files were read as, kept by their content, so that only what changed is parsed again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from index import files
from index.sources.bounded_files import Document
from index.sources.problems import Problem
from index.types import Topic
from index.weights import sha256_of

__all__ = ["Kept"]

_CODE = Path(__file__).resolve().parent
_TYPES = _CODE.parent / "types.py"


@dataclass
class Kept:
    """Readings of files. What is not asked for again is forgotten by the next `save`.

    A line of the file is a key, a space and JSON; the first one names the code that read them.
    """

    place: Path
    _lines: dict[str, bytes] = field(default_factory=dict)
    _used: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def open(cls, place: Path) -> Kept:
        """Open what was kept; nothing where the code has changed or the file can't be read."""
        try:
            head, *lines = place.read_bytes().split(b"\n")
        except OSError:
            return cls(place)
        if head.decode("utf-8", "replace") != _readers():
            return cls(place)
        pairs = (line.partition(b" ") for line in lines if line)
        return cls(place, {key.decode("ascii", "replace"): text for key, _, text in pairs})

    def key(self, kind: str, path: Path, document: Document) -> str:
        """Name a reading: the format, what the file is cited as, and its content.

        Raises:
            OSError: the file can't be read.
        """
        known = (path, document.path, document.url, document.source, document.about)
        said = "\0".join(map(str, (kind, *known, "")))
        content = sha256_of(path)
        return hashlib.sha256(
            said.encode("utf-8", "surrogateescape") + content.encode()
        ).hexdigest()

    def get(self, key: str) -> tuple[list[Topic], list[Problem]] | None:
        """What a file was read as; None where that is not known."""
        text = self._lines.get(key)
        if text is None:
            return None
        try:
            found = _adapter().validate_json(text)
        except ValidationError:
            return None
        self._used[key] = text
        return found

    def put(self, key: str, topics: Sequence[Topic], problems: Sequence[Problem]) -> None:
        """Keep a reading, unless it holds text that JSON can't."""
        try:
            self._used[key] = orjson.dumps([list(topics), list(problems)])
        except TypeError:
            return

    def save(self) -> None:
        """Write what was asked for and what was put, in one step.

        Raises:
            OSError: it can't be written.
        """
        lines = (f"{key} {text.decode()}\n" for key, text in self._used.items())
        files.put(self.place, f"{_readers()}\n" + "".join(lines))


@cache
def _readers() -> str:
    """Name the code that reads, by its hash."""
    digest = hashlib.sha256()
    for path in [*sorted(_CODE.glob("*.py")), _TYPES]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _adapter() -> TypeAdapter[tuple[list[Topic], list[Problem]]]:
    return TypeAdapter(tuple[list[Topic], list[Problem]])
