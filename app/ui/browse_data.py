"""What the browse tab shows, made once for an index and sent once to a reader."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr

from app.ui.atlas import atlas_html
from app.ui.browse import browse_html
from app.ui.conversation import Answering, BrowsedIndex
from app.ui.places import Places
from app.ui.speaking import language

__all__ = ["Browsing"]


class Browsing:
    """The browse tab's answers to its readers, one instance for all of them."""

    def __init__(self, pipeline: Answering, places: Places) -> None:
        self._pipeline, self._places = pipeline, places
        self._made: dict[str, tuple[str, str]] = {}

    async def shelf(self, seen: str) -> tuple[Any, Any]:
        """The shelf, unless the reader has this index's already; `seen` names what it has."""
        index = self._pipeline.index
        if seen == index.fingerprint:
            return gr.skip(), gr.skip()
        return await asyncio.to_thread(self._shelf, index), index.fingerprint

    async def atlas(self, seen: str) -> tuple[Any, Any]:
        """The map; finding the places takes seconds, once for an index."""
        index = self._pipeline.index
        if seen == index.fingerprint:
            return gr.skip(), gr.skip()
        return await asyncio.to_thread(self._atlas, index), index.fingerprint

    def _shelf(self, index: BrowsedIndex) -> str:
        return self._kept("shelf", index.fingerprint) or self._keep(
            "shelf", index.fingerprint, browse_html(index)
        )

    def _atlas(self, index: BrowsedIndex) -> str:
        return self._kept("atlas", index.fingerprint) or self._keep(
            "atlas", index.fingerprint, atlas_html(index, self._places.of(index))
        )

    def _kept(self, name: str, fingerprint: str) -> str | None:
        made = self._made.get(f"{name} {language()}")
        return made[1] if made and made[0] == fingerprint else None

    def _keep(self, name: str, fingerprint: str, html: str) -> str:
        self._made[f"{name} {language()}"] = fingerprint, html
        return html
