"""The list of a reader's conversations as HTML."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from app.store import ConversationHead, Page
from app.ui import safe, texts

__all__ = ["SHOWN", "confirm_html", "failed_html", "list_html", "moment_html"]

SHOWN: Final = 50  # conversations at first, and how many more at a time


def list_html(
    page: Page, title: Callable[[str], str], *, searched: bool = False, shown: int = SHOWN
) -> str:
    """Show conversations, newest first; `title` names a persona for readers."""
    if not page.conversations:
        words = texts.HISTORY_NONE if searched else texts.HISTORY_EMPTY
        return f'<p class="faint" role="status">{words}</p>'
    rows = "".join(_row(one, title) for one in page.conversations)
    more = (
        f'<button type="button" class="quiet" data-more="{shown + SHOWN}">{texts.MORE}</button>'
        if page.next
        else ""
    )
    wipe = f'<button type="button" class="quiet" data-delete-all>{texts.DELETE_ALL}</button>'
    return f'<ul class="talks">{rows}</ul><div class="ends">{more}{"" if searched else wipe}</div>'


def _row(talk: ConversationHead, title: Callable[[str], str]) -> str:
    label = safe.attribute(texts.DELETE_NAMED.format(title=talk.title))
    rename = safe.attribute(texts.RENAME_NAMED.format(title=talk.title))
    return (
        f'<li><a href="#conversation={safe.attribute(talk.id)}"><span class="title" dir="auto">'
        f'{safe.text(talk.title)}</span><span class="who">{moment_html(talk.updated)} · '
        f"{safe.text(title(talk.persona))}</span></a>"
        f'<button type="button" class="quiet" data-rename="{safe.attribute(talk.id)}" '
        f'data-title="{safe.attribute(talk.title)}" aria-label="{rename}">{texts.RENAME}</button>'
        f'<button type="button" class="quiet" data-delete="{safe.attribute(talk.id)}" '
        f'data-title="{safe.attribute(talk.title)}" aria-label="{label}">{texts.DELETE}</button>'
        "</li>"
    )


def moment_html(moment: datetime) -> str:
    """A moment, which the page's script writes as the reader's clock has it."""
    return (
        f'<time datetime="{moment.isoformat(timespec="seconds")}">'
        f"{moment:%d %B %Y, %H:%M} UTC</time>"
    )


def failed_html(words: str) -> str:
    """Say that the database can't be used."""
    return f'<p class="trouble" role="alert">{safe.text(words)}</p>'


def confirm_html() -> str:
    """What asks before conversations are deleted."""
    return (
        '<dialog id="confirm" aria-labelledby="confirm-title" '
        f'data-one="{safe.attribute(texts.CONFIRM_ONE)}" '
        f'data-all="{safe.attribute(texts.CONFIRM_ALL)}">'
        f'<h2 id="confirm-title"></h2><p>{texts.CONFIRM_WHAT}</p><div class="ends">'
        f'<button type="button" data-close>{texts.KEEP_IT}</button>'
        f'<button type="button" class="chief grave" data-confirm>{texts.DELETE}</button>'
        "</div></dialog>"
    )
