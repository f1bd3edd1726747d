"""A conversation as a file: Markdown, a web page, JSON, or its bibliography as BibTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.ui import texts
from app.ui.conversation import Turn

__all__ = ["KINDS", "File", "exported"]


@dataclass(frozen=True, slots=True)
class File:
    """A file for the browser to save; `type` is its media type."""

    name: str
    type: str
    text: str


def exported(kind: str, turns: Sequence[Turn]) -> File:
    """Write a conversation as one of `KINDS`."""
    ending, type, write = KINDS[kind]  # noqa: A001 - the field's name
    return File(f"{_name(turns)}.{ending}", type, write(turns))


def _name(turns: Sequence[Turn]) -> str:
    """Name a file by the first question, in letters that every system takes."""
    asked = turns[0].question if turns else ""
    plain = unicodedata.normalize("NFKD", asked).encode("ascii", "ignore").decode().casefold()
    words = re.findall(r"[a-z0-9]+", plain)
    short = "-".join(words)[:60].rsplit("-", 1)[0] if len("-".join(words)) > 60 else "-".join(words)
    return f"{texts.TITLE.casefold()}-{short}" if short else texts.TITLE.casefold()


def _markdown(turns: Sequence[Turn]) -> str:
    from app.ui.exports.markdown import markdown_of

    return markdown_of(turns)


def _page(turns: Sequence[Turn]) -> str:
    from app.ui.exports.web_page import web_page_of

    return web_page_of(turns)


def _record(turns: Sequence[Turn]) -> str:
    from app.ui.exports.record import record_of

    return record_of(turns)


def _bibtex(turns: Sequence[Turn]) -> str:
    from app.ui.exports.bibtex import bibtex_of

    return bibtex_of(turns)


KINDS: Final[Mapping[str, tuple[str, str, Callable[[Sequence[Turn]], str]]]] = {
    "markdown": ("md", "text/markdown", _markdown),
    "html": ("html", "text/html", _page),
    "json": ("json", "application/json", _record),
    "bibtex": ("bib", "application/x-bibtex", _bibtex),
}
