"""New values of what the page shows, by name; what isn't named stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from app.ui.conversation import Turn
from app.ui.persistence import SavedState

__all__ = ["NAMES", "Updates", "View", "stays"]

Updates = tuple[Any, ...]


def stays() -> dict[str, str]:
    """What leaves an output as it is."""
    return {"__type__": "update"}


@dataclass(frozen=True, slots=True)
class View:
    """One update of the page, in the order of its outputs; None leaves one as it is.

    `turns` and `saved` are the conversation and how much of it is kept; the others are HTML.
    """

    turns: tuple[Turn, ...] | None = None
    saved: SavedState | None = None
    place: str | None = None
    past: str | None = None
    live: str | None = None
    notice: str | None = None
    suggest: str | None = None

    def row(self) -> Updates:
        """As an event's outputs: the fields in their order."""
        values = (getattr(self, name) for name in NAMES)
        return tuple(stays() if value is None else value for value in values)


NAMES: Final = tuple(field.name for field in fields(View))
