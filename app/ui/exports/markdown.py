"""A conversation as Markdown, with one numbered bibliography for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.record.markers import markers_of
from app.record.sanitize import one_line, verbatim
from app.ui import texts
from app.ui.conversation import Turn
from app.ui.exports.bibliography import Reference, bibliography

__all__ = ["markdown_of"]


def markdown_of(turns: Sequence[Turn]) -> str:
    """Write the conversation; each source has one number throughout."""
    found = bibliography(turns)
    parts = [f"# {texts.TITLE}"]
    for turn, numbers in zip(turns, found.numbers, strict=True):
        heading = f"### {_line(turn.persona)}" if turn.also else f"## {_line(turn.question)}"
        parts.append(heading)
        if turn.text:
            parts.append(_renumbered(turn, numbers))
        if turn.trouble:
            parts.append(f"*{_line(turn.trouble)}*")
        elif turn.stopped:
            parts.append(f"*{texts.STOPPED}*")
    if found.references:
        listed = (line for one in found.references for line in _listed(one))
        parts.append(f"## {texts.BIBLIOGRAPHY}\n\n" + "\n".join(listed))
    return "\n\n".join(parts) + "\n"


def _listed(one: Reference) -> list[str]:
    """A reference, and below it each work of which any may be meant."""
    file = f", {_line(one.file)}" if one.file else ""
    lines = [f"{one.n}. {_line(one.label)}{file}{_address(one)}"]
    return lines + [f"   - {_line(work.label)}{_address(work)}" for work in one.works]


def _address(one: Reference) -> str:
    return f" <{one.url}>" if one.url else ""


def _line(text: str) -> str:
    """Put a text that others wrote on one line of Markdown, as text alone."""
    return verbatim(one_line(text))


def _renumbered(turn: Turn, numbers: Mapping[int, int]) -> str:
    """Give the markers of the turn's claims their numbers in the common bibliography."""
    out, position = [], 0
    for marker in markers_of(turn.text, turn.claims):
        if marker.n in numbers:
            out += [turn.text[position : marker.start], f"[{numbers[marker.n]}]"]
            position = marker.end
    return "".join([*out, turn.text[position:]])
