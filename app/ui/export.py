"""A conversation as Markdown, with one numbered bibliography for all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.markers import markers_of
from app.sanitize import code_where_linked, plain_line
from app.ui import safe, texts
from app.ui.conversation import Turn

__all__ = ["markdown_of"]

_SYNTAX = re.compile(r"[\\`*_\[\]<>|]")


def markdown_of(turns: Sequence[Turn]) -> str:
    """Write the conversation; each source has one number throughout."""
    entries: dict[tuple[str, str], int] = {}
    parts = [f"# {texts.TITLE}"]
    for turn in turns:
        numbers = {
            citation.n: entries.setdefault((citation.url, citation.title), len(entries) + 1)
            for citation in sorted(turn.citations, key=lambda one: one.n)
        }
        parts.append(f"## {_line(turn.question)}")
        if turn.text:
            parts.append(_renumbered(turn, numbers))
        if turn.trouble:
            parts.append(f"*{_line(turn.trouble)}*")
        elif turn.stopped:
            parts.append(f"*{texts.STOPPED}*")
    if entries:
        listed = (
            f"{number}. {_line(title)}{f' <{url}>' if safe.web_address(url) else ''}"
            for (url, title), number in entries.items()
        )
        parts.append(f"## {texts.BIBLIOGRAPHY}\n\n" + "\n".join(listed))
    return "\n\n".join(parts) + "\n"


def _line(text: str) -> str:
    """Put a text that others wrote on one line of Markdown, as text alone."""
    return code_where_linked(_SYNTAX.sub(r"\\\g<0>", plain_line(text)))


def _renumbered(turn: Turn, numbers: Mapping[int, int]) -> str:
    """Give the markers of the turn's claims their numbers in the common bibliography."""
    out, position = [], 0
    for marker in markers_of(turn.text, turn.claims):
        if marker.n in numbers:
            out += [turn.text[position : marker.start], f"[{numbers[marker.n]}]"]
            position = marker.end
    return "".join([*out, turn.text[position:]])
