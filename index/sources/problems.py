"""What a reader found wrong, and how it is told.

A reader never lets a parser's own exception out: what is wrong with one record becomes a
`Problem` and the record is left out; what is wrong with the whole file is a
`KnowledgeBaseError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from index.errors import KnowledgeBaseError
from index.types import KnowledgeBase

__all__ = [
    "Problem", "Problems", "ReadResult", "Skipped", "refusal", "shown", "skipped_by_kind",
]  # fmt: skip

_NAMED_AT_MOST = 20
_SHOWN_CHARACTERS = 60
_FILES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One record that was left out or changed: where, what was expected, what was found.

    `place` is a file, with a line where the format has lines, and the path inside it.
    """

    place: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.place}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Files of one kind that were not read, and why. `files` are relative to the folder."""

    kind: str
    reason: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        """One line for people."""
        shown = ", ".join(self.files[:_FILES_SHOWN])
        more = (
            f" and {len(self.files) - _FILES_SHOWN} more" if len(self.files) > _FILES_SHOWN else ""
        )
        return f"{len(self.files)} {self.kind}: {self.reason} ({shown}{more})"


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What could be read, what could not, and what was no knowledge in the first place."""

    knowledge_base: KnowledgeBase
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def skipped_by_kind(files: Iterable[tuple[Path, str]], folder: Path) -> tuple[Skipped, ...]:
    """Gather files that were not read, each with its reason, by reason and ending."""
    gathered: dict[tuple[str, str], list[str]] = {}
    for file, reason in files:
        kind = file.suffix.lower() or "without an ending"
        gathered.setdefault((reason, kind), []).append(file.relative_to(folder).as_posix())
    return tuple(
        Skipped(kind, reason, tuple(names)) for (reason, kind), names in sorted(gathered.items())
    )


class Problems:
    """Collects the problems of one reading, in order."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, place: str, expected: str, found: str) -> None:
        """Note one problem."""
        self._found.append(Problem(place, expected, found))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems that another reading found."""
        self._found.extend(problems)

    def as_tuple(self) -> tuple[Problem, ...]:
        """The problems so far."""
        return tuple(self._found)


def refusal(what: str, problems: Iterable[Problem]) -> KnowledgeBaseError:
    """The error that names every problem, the first twenty of them in full."""
    listed = list(problems)
    lines = [f"  {problem}" for problem in listed[:_NAMED_AT_MOST]]
    if len(listed) > _NAMED_AT_MOST:
        lines.append(f"  and {len(listed) - _NAMED_AT_MOST} more")
    return KnowledgeBaseError("\n".join([f"{what}: {len(listed)} problem(s)", *lines]))


def shown(value: object) -> str:
    """A value as an error message shows it: its type and a short beginning."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"a mapping with {len(value)} key(s)"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = value if isinstance(value, str) else str(value)
    kind = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
    short = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return f"the {kind.get(type(value).__name__, type(value).__name__)} {short!r}"
