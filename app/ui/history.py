"""A reader's conversations: listed, searched, reopened, deleted."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace

import gradio as gr

from app.record.errors import NotKept, RequestError, StoreError
from app.record.sanitize import one_line
from app.store import Store
from app.ui import texts
from app.ui.feedback_form import FeedbackForm
from app.ui.history_list import SHOWN, failed_html, list_html
from app.ui.persistence import SavedState, turn_of
from app.ui.readers import owner_of, session_of
from app.ui.running import Running
from app.ui.screen import Screen, Turns, told_html
from app.ui.signals import Delete, More, Open, Rename, read
from app.ui.view import Updates, View

__all__ = ["History"]

_LOG = logging.getLogger(__name__)


class History:
    """What the page does with kept conversations; without a store it only begins new ones."""

    def __init__(
        self, store: Store | None, screen: Screen, running: Running, feedback: FeedbackForm | None
    ) -> None:
        self._store, self._screen = store, screen
        self._running, self._feedback = running, feedback

    async def open(self, request: gr.Request, event: gr.EventData) -> Updates:
        """Show a kept conversation as it was; without an id, begin again."""
        await self._running.halt(session_of(request))
        told = read(Open, event)
        wanted, owner, empty = told.id, owner_of(request), self._screen.empty(told.chosen)
        try:
            if not wanted:
                return empty.row()
            turns = await self._turns(owner, wanted)
        except NotKept:
            return replace(empty, notice=told_html(texts.TALK_GONE)).row()
        except StoreError as error:
            _LOG.error("a conversation can't be opened: %s", error)
            # Its address stays, for another try.
            return replace(empty, place=None, notice=told_html(texts.TALK_AWAY)).row()
        return self._screen.reopened(wanted, turns, owner or "").row()

    async def listed(self, request: gr.Request, words: str) -> str:
        """The reader's conversations in which all the words stand."""
        return await self._list(request, words, SHOWN)

    async def more(self, request: gr.Request, event: gr.EventData, words: str) -> str:
        """More of them."""
        return await self._list(request, words, read(More, event).shown)

    async def rename(self, request: gr.Request, event: gr.EventData, words: str) -> str:
        """Give one of them another title; an empty one changes nothing."""
        told, owner = read(Rename, event), owner_of(request)
        title = one_line(told.title).strip()
        try:
            if self._store is not None and owner is not None and title:
                with contextlib.suppress(NotKept, RequestError):
                    rename = self._store.conversations.rename
                    await self._store.run(rename, owner, told.id, title)
        except StoreError as error:
            _LOG.error("a conversation can't be renamed: %s", error)
            return failed_html(texts.RENAME_FAILED)
        return await self.listed(request, words)

    async def delete(
        self,
        request: gr.Request,
        event: gr.EventData,
        saved: SavedState,
        words: str,
    ) -> Updates:
        """Delete one conversation or all; what is on the page goes from it too."""
        gone, owner, view = read(Delete, event), owner_of(request), View()
        if gone.all or gone.id == saved.conversation:
            await self._running.halt(session_of(request))
            view = self._screen.empty(gone.chosen)
        try:
            if owner is not None:
                await self._delete(owner, gone)
        except StoreError as error:
            _LOG.error("conversations can't be deleted: %s", error)
            return *View().row(), failed_html(texts.DELETE_FAILED)
        return *view.row(), await self.listed(request, words)

    async def _turns(self, owner: str | None, conversation: str) -> Turns:
        if self._store is None or owner is None:
            raise NotKept(conversation)
        thread = await self._store.run(self._store.conversations.open, owner, conversation)
        title = self._screen.title
        turns = tuple(
            turn_of(one.exchange, title(one.exchange.answer.persona)) for one in thread.turns
        )
        if not turns:
            raise NotKept(conversation)
        if self._feedback is not None:
            try:
                await self._feedback.recall(owner, turns)
            except StoreError as error:  # the answers matter more than the thumbs beside them
                _LOG.error("what was said of a conversation's answers can't be read: %s", error)
        return await self._screen.explained(turns)

    async def _list(self, request: gr.Request, words: str, shown: int) -> str:
        owner = owner_of(request)
        if self._store is None or owner is None:
            return f'<p class="faint">{texts.KEEP_NO_COOKIE}</p>'
        search, words = self._store.conversations.search, words or ""
        try:
            page = await self._store.run(search, owner, words, limit=shown)
        except StoreError as error:
            _LOG.error("the conversations can't be listed: %s", error)
            return failed_html(texts.HISTORY_AWAY)
        return list_html(page, self._screen.title, searched=bool(words.strip()), shown=shown)

    async def _delete(self, owner: str, gone: Delete) -> None:
        assert self._store is not None
        conversations = self._store.conversations
        if gone.all:
            await self._store.run(conversations.delete_all, owner)
            return
        with contextlib.suppress(NotKept):
            await self._store.run(conversations.delete, owner, gone.id)
