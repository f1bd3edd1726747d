"""Where the shipped knowledge base departs from the document that it was compiled from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from index.errors import KnowledgeBaseError
from index.sources import SHIPPED
from index.sources.bounded_files import read_text
from index.sources.plain_yaml import load_yaml

__all__ = ["SHIPPED_NAME", "Erratum", "read_errata", "shipped_errata"]

SHIPPED_NAME = "ai"


@dataclass(frozen=True, slots=True)
class Erratum:
    """One departure: the topic's slug, the place in the document, what it was and what it is.

    `how_sure` is high, medium or low.
    """

    topic: str
    place: str
    was: str
    now: str
    why: str
    how_sure: str


def read_errata(path: Path) -> tuple[Erratum, ...]:
    """Read a file of errata.

    Raises:
        KnowledgeBaseError: it can't be read or is no list of errata.
    """
    rows = load_yaml(read_text(path), str(path)).value
    return tuple(_erratum(path, n, row) for n, row in enumerate(rows or (), start=1))


@cache
def shipped_errata() -> Mapping[str, tuple[Erratum, ...]]:
    """The shipped knowledge base's errata by topic, in the file's order."""
    found: dict[str, list[Erratum]] = {}
    for erratum in read_errata(SHIPPED.parent / "errata.yaml"):
        found.setdefault(erratum.topic, []).append(erratum)
    return {topic: tuple(errata) for topic, errata in found.items()}


def _erratum(path: Path, number: int, row: Any) -> Erratum:  # noqa: ANN401 - what the file holds
    names = [field.name for field in fields(Erratum)]
    if not isinstance(row, dict) or sorted(row) != sorted(names):
        raise KnowledgeBaseError(
            f"{path}: entry {number}: expected {', '.join(names)}, found "
            f"{', '.join(map(str, row)) if isinstance(row, dict) else type(row).__name__}"
        )
    return Erratum(**{name: str(row[name]) for name in names})
