"""New values of what the page shows, by name; what isn't named stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

__all__ = ["NAMES", "STAYS", "SUGGESTIONS", "Updates", "View", "button", "changed", "offering"]

SUGGESTIONS: Final = 4
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
    box: Any = STAYS
    send: Any = STAYS
    stop: Any = STAYS
    new: Any = STAYS
    export: Any = STAYS
    heading: Any = STAYS
    offered: tuple[Any, ...] = (STAYS,) * SUGGESTIONS

    def row(self) -> Updates:
        """As an event's outputs: the fields in their order, the offered questions one by one."""
        values = (*(getattr(self, name) for name in NAMES), *self.offered)
        return tuple(changed() if value is STAYS else value for value in values)


NAMES: Final = tuple(field.name for field in fields(View))[:-1]


def offering(heading: str, questions: Sequence[str]) -> dict[str, Any]:
    """What offers questions, as fields of a view."""
    shown = [changed(value=one, visible=True) for one in questions[:SUGGESTIONS]]
    hidden = [button(visible=False)] * (SUGGESTIONS - len(shown))
    title = f"<h3>{heading}</h3>" if questions else ""
    return {"heading": title, "offered": (*shown, *hidden)}
