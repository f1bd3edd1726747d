"""Links that a reader has given out: made, listed, revoked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import gradio as gr

from app.record.checked import Checked
from app.record.errors import NotKept, RequestError, StoreError
from app.store import Linked, Shared, Store
from app.store.linked import KeptUnderLinks
from app.ui import safe, texts
from app.ui.conversation import Turn
from app.ui.exports.web_page import conversation_html
from app.ui.history_list import failed_html, moment_html
from app.ui.persistence import exchange_of, turn_of
from app.ui.readers import owner_of
from app.ui.signals import Revoke, Share, read, signal
from app.ui.speaking import spoken
from app.ui.takes import in_force

__all__ = ["Links", "Sharing", "links_place", "made_html", "shared_page"]

_LOG = logging.getLogger(__name__)

T = TypeVar("T", Checked, Shared)


class Links(Generic[T]):
    """A reader's links to things of one kind."""

    def __init__(
        self,
        store: Store,
        kept: KeptUnderLinks[T],
        kind: str,
        title: Callable[[T], str],
    ) -> None:
        """Take what keeps them.

        Args:
            store: whose threads are used.
            kept: what they lead to.
            kind: the last part of their address before the id, such as checks.
            title: names a thing, in any text.
        """
        self._store, self.kind = store, kind
        self._kept: KeptUnderLinks[T] = kept
        self._title: Callable[[T], str] = title

    async def keep(self, request: gr.Request, content: T) -> str:
        """Keep something under a link, and show the link."""
        owner = owner_of(request)
        if owner is None:
            return failed_html(texts.LINK_NO_COOKIE)
        try:
            kept = await self._store.run(self._kept.keep, owner, content)
        except StoreError as error:
            _LOG.error("a link can't be made: %s", error)
            return failed_html(texts.LINK_FAILED)
        return made_html(f"./{self.kind}/{kept.id}")

    async def listed(self, request: gr.Request) -> str:
        """The reader's links, newest first."""
        owner = owner_of(request)
        if owner is None:
            return ""
        try:
            found = await self._store.run(self._kept.list, owner)
        except StoreError as error:
            _LOG.error("links can't be listed: %s", error)
            return failed_html(texts.LINKS_AWAY)
        rows = "".join(self._row(one) for one in found)
        return f'<h2>{texts.LINKS}</h2><ul class="talks links">{rows}</ul>' if rows else ""

    async def revoke(self, request: gr.Request, event: gr.EventData) -> str:
        """Revoke one; return those that are left."""
        owner = owner_of(request)
        try:
            if owner is not None:
                await self._store.run(self._kept.revoke, owner, read(Revoke, event).id)
        except NotKept:
            pass  # revoked already, on its own page
        except StoreError as error:
            _LOG.error("a link can't be revoked: %s", error)
            return failed_html(texts.REVOKE_FAILED)
        return await self.listed(request)

    def _row(self, one: Linked[T]) -> str:
        title = self._title(one.content)
        named = safe.attribute(texts.REVOKE_NAMED.format(title=title))
        return (
            f'<li><a href="./{self.kind}/{safe.attribute(one.id)}" target="_blank" rel="noopener">'
            f'<span class="title" dir="auto">{safe.text(title)}</span>'
            f'<span class="who">{moment_html(one.created)}</span></a>'
            f'<button type="button" class="quiet" data-revoke="{safe.attribute(one.id)}" '
            f'data-kind="{self.kind}" aria-label="{named}">{texts.REVOKE}</button></li>'
        )


class Sharing:
    """Shares conversations under links."""

    def __init__(self, links: Links[Shared]) -> None:
        self.links = links

    async def share(self, request: gr.Request, event: gr.EventData, turns: tuple[Turn, ...]) -> str:
        """Share what was answered, or the last answer alone; show the link."""
        try:
            told = read(Share, event)
        except RequestError as error:
            return failed_html(str(error))
        answered = [turn for turn in in_force(turns) if turn.answer is not None]
        if told.what == "answer":
            answered = [replace(turn, also="") for turn in answered[-1:]]
        if not answered:
            return failed_html(texts.NOTHING_TO_SHARE)
        exchanges = (exchange_of(turn) for turn in answered)
        # How it was asked for, with the turns before it, is nobody else's.
        bare = tuple(replace(e, answer=replace(e.answer, question=None)) for e in exchanges)
        return await self.links.keep(request, Shared(bare))


def links_place(links: Links[T], wired: Mapping[str, Any]) -> gr.HTML:
    """Lay out where links are listed, each with a button that revokes it."""
    place = gr.HTML("", elem_id=f"links-{links.kind}", apply_default_css=False)
    signal(f"revoke-{links.kind}").submit(spoken(links.revoke), None, place, **wired)
    return place


def made_html(address: str) -> str:
    """Show a link that was just made."""
    link = safe.attribute(address)
    return (
        f'<p role="status" class="made">{texts.LINK_MADE} '
        f'<a href="{link}" target="_blank" rel="noopener">{texts.LINK_OPEN}</a> '
        f'<button type="button" class="quiet" data-copy-link="{link}">{texts.LINK_COPY}</button>'
        "</p>"
    )


def shared_page(linked: Linked[Shared], title: Callable[[str], str]) -> tuple[str, str]:
    """Make the title and the HTML of a shared conversation; `title` names a persona."""
    exchanges = linked.content.exchanges
    turns = [turn_of(one, title(one.answer.persona)) for one in exchanges]
    prints = dict.fromkeys(one.answer.index_fingerprint for one in exchanges)
    shown = ", ".join(f"<code>{safe.text(one)}</code>" for one in prints if one)
    moment = linked.created.strftime("%Y-%m-%d %H:%M UTC")
    return (
        turns[0].question,
        f'<p class="from">{texts.SHARED_ON} <time>{moment}</time> {texts.SHARED_FROM} {shown}. '
        f"{texts.SHARED_FROZEN}</p>{conversation_html(turns)}",
    )
