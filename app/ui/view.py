"""New values of what the page shows, by name; what isn't named stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

__all__ = ["NAMES", "STAYS", "Updates", "View", "button", "changed"]

STAYS: Final = object()

Updates = tuple[Any, ...]


def changed(**properties: str | bool) -> dict[str, Any]:
    """New properties of a component, as `gradio.update` has them; none leaves it as it is."""
    return {"__type__": "update", **properties}


def button(*, visible: bool) -> dict[str, Any]:
    """Show or hide a button."""
    return changed(visible=visible)


@dataclass(frozen=True, slots=True)
class View:
    """One update of the page, in the order of its outputs."""

    turns: Any = STAYS
    saved: Any = STAYS
    place: Any = STAYS
    past: Any = STAYS
    live: Any = STAYS
    panel: Any = STAYS
    notice: Any = STAYS
    suggest: Any = STAYS
    box: Any = STAYS
    send: Any = STAYS
    stop: Any = STAYS
    new: Any = STAYS
    export: Any = STAYS

    def row(self) -> Updates:
        """As an event's outputs: the fields in their order."""
        values = (getattr(self, name) for name in NAMES)
        return tuple(changed() if value is STAYS else value for value in values)


NAMES: Final = tuple(field.name for field in fields(View))
