"""What can be fetched, wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Fetchable", "Fetched"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's file, whole, and the name that answers record."""

    name: str
    path: Path


class Fetchable(Protocol):
    """A file of known size and sha256, with who made it and under which licence."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def file(self) -> str:
        """The file's name."""

    @property
    def origin(self) -> str:
        """Where its makers publish it."""

    @property
    def whence(self) -> str:
        """Where it is fetched from, in words."""

    @property
    def licence(self) -> str:
        """Its licence."""

    @property
    def bytes(self) -> int:
        """How large it is."""

    @property
    def sha256(self) -> str:
        """What the sha256 must be, in hexadecimal."""

    def fetch_into(self, part: Path, tell: Callable[[int], None]) -> None:
        """Add to a file what it lacks, and tell how many bytes are there.

        Raises:
            WeightsError: it can't be had; what came so far stays.
        """
