"""The only ways in which text becomes HTML, and a source's address a link."""

from __future__ import annotations

import html
import json
import re

from app.record.sanitize import web_address
from app.ui import texts

__all__ = [
    "attribute",
    "script_json",
    "shown",
    "split_label",
    "text",
    "web_address",
    "web_link",
]

# What HTML parsers drop or what reorders a line: shown as a replacement, one for one.
_UNSHOWN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def text(value: object) -> str:
    """Escape a value for an element's content or a quoted attribute."""
    return html.escape(shown(str(value)), quote=True)


def shown(value: str) -> str:
    """Replace, one for one, what parsers drop or what reorders a line; nothing is escaped yet."""
    return _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", value)


def attribute(value: object) -> str:
    """Escape a value for a quoted attribute, on one line."""
    return text(" ".join(str(value).split()))


def script_json(value: object) -> str:
    """Write a value as JSON that can stand inside a script element."""
    told = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return told.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def web_link(url: str, inner: str, *, attributes: str = "", told: bool = True) -> str:
    """Wrap escaped HTML in a link to a source, opened in a new tab; other addresses stay text.

    Args:
        url: the source's address, as data.
        inner: HTML that is already safe.
        attributes: more attributes, already safe.
        told: whether it tells those who don't see it that a new tab opens.
    """
    address = web_address(url)
    if address is None:
        return f"<span {attributes}>{inner}</span>" if attributes else inner
    new_tab = f'<span class="unseen"> ({texts.OPENS_NEW_TAB})</span>' if told else ""
    return (
        f'<a href="{attribute(address)}" target="_blank" rel="noopener noreferrer" '
        f'referrerpolicy="no-referrer" {attributes}>{inner}{new_tab}</a>'
    )


def split_label(label: str, year: int | None = None) -> tuple[str, str]:
    """Split "Voita et al. (2019) — Analyzing …" into the work and who wrote it when.

    Returns:
        The work's title, and its authors with the year, which may be empty.
    """
    who, dash, work = label.partition(" — ")
    if not dash:
        who, work = "", label
    if year is not None and str(year) not in label:
        who = f"{who}, {year}" if who else str(year)
    return work.strip(), who.strip()
