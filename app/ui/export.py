"""A conversation as Markdown, with one numbered bibliography for all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.ui import safe, texts
from app.ui.conversation import Turn

__all__ = ["markdown_of"]

_MARKER = re.compile(r"\[(\d{1,4})\]")


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
    return " ".join(text.split())


def _renumbered(turn: Turn, numbers: Mapping[int, int]) -> str:
    """Give the markers of the turn's claims their numbers in the common bibliography."""

    def put(found: re.Match[str], cites: Sequence[int]) -> str:
        n = int(found[1])
        return f"[{numbers[n]}]" if n in cites and n in numbers else found[0]

    out, position = [], 0
    for claim in sorted(turn.claims, key=lambda one: one.start):
        start, end = max(claim.start, position), max(claim.end, position)
        out.append(turn.text[position:start])
        cites = claim.cites
        out.append(_MARKER.sub(lambda found, cites=cites: put(found, cites), turn.text[start:end]))  # type: ignore[misc]
        position = end
    out.append(turn.text[position:])
    return "".join(out)
