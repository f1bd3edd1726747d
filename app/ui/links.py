"""A passage's sources as links, short or in full."""

from __future__ import annotations

from app.ui import safe
from index.types import Passage

__all__ = ["short_label", "source_links", "years"]


def source_links(passage: Passage, most: int = 4) -> str:
    """Link the first sources, each named by who wrote it when."""
    return " · ".join(
        safe.web_link(source.url, safe.text(short_label(source.label, source.year)))
        for source in passage.sources[:most]
    )


def short_label(label: str, year: int | None) -> str:
    """Name a source by who wrote it when, or by its title where that is not known."""
    work, who = safe.split_label(label, year)
    return who if who and not who.isdigit() else f"{work}{f' ({who})' if who else ''}"


def years(passage: Passage) -> str:
    """The years of its sources, oldest first; empty where none is known."""
    known = sorted({source.year for source in passage.sources if source.year is not None})
    return ", ".join(map(str, known))
