"""A passage's sources as links, short or in full."""

from __future__ import annotations

from app.record.types import Citation
from app.ui import safe, texts
from index.types import Passage, Place

__all__ = ["place_words", "short_label", "short_source", "source_links", "years"]


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


def short_source(cited: Citation) -> str:
    """Name what is cited by who wrote it when, or by the document and where in it."""
    if cited.place is not None:
        return f"{cited.place.path}{f', {words}' if (words := place_words(cited.place)) else ''}"
    if not cited.works:
        return short_label(cited.title, cited.year)
    first = short_label(cited.works[0].label, cited.works[0].year)
    more = len(cited.works) - 1
    return texts.AND_MORE.format(first=first, count=more) if more else first


def place_words(place: Place) -> str:
    """Say where in a document something stands: its page, or the headings that lead to it."""
    if place.page is not None:
        return texts.PAGE.format(page=place.page)
    return " › ".join(place.section)


def years(passage: Passage) -> str:
    """The years of its sources, oldest first; empty where none is known."""
    known = sorted({source.year for source in passage.sources if source.year is not None})
    return ", ".join(map(str, known))
