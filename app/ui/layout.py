"""What stands on the page before anyone has asked: put together once, sent in each language."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

import gradio as gr
from gradio.blocks import Block

from app.ui import safe
from app.ui.speaking import ENGLISH, language

__all__ = ["Layout"]

P = TypeVar("P", bound=Block)

_CONFIG: Final = re.compile(r"(?<=window\.gradio_config = )\{.*?\}(?=;</script>)", re.DOTALL)
_DOCUMENTS: Final = 16  # kept in other languages: one for each way in which the page is reached


class Layout:
    """Remembers which parts hold texts, and how these are made."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[str, Callable[[], str]]] = {}
        self._named: dict[str, Callable[[], str]] = {}
        self._translated = lru_cache(_DOCUMENTS)(self._translate)

    def html(self, name: str, made: Callable[[], str]) -> gr.HTML:
        """A place for HTML that is safe, and made anew in each language."""
        part = gr.HTML(made(), elem_id=name, apply_default_css=False)
        self._named[name] = made
        return self.holds(part, value=made)

    def tab(self, name: str, label: Callable[[], str]) -> gr.Tab:
        """A tab whose label is made anew in each language."""
        return self.holds(gr.Tab(label(), id=name), label=label)

    def holds(self, part: P, **texts_of: Callable[[], str]) -> P:
        """Remember that some of a part's properties are texts; return the part."""
        self._parts[part._id] = texts_of
        return part

    def said(self, name: str) -> str:
        """The HTML of a place, in the language that is being spoken."""
        return self._named[name]()

    def spoken(self, document: str) -> str:
        """The page's document in the language that is being spoken."""
        return document if language() == ENGLISH else self._translated(document, language())

    def _translate(self, document: str, name: str) -> str:
        found = _CONFIG.search(document)
        if found is None:
            return document
        config = json.loads(found[0])
        for part in config["components"]:
            for text, made in self._parts.get(part["id"], {}).items():
                part["props"][text] = made()
        parts = safe.script_json(config)
        document = f"{document[: found.start()]}{parts}{document[found.end() :]}"
        return document.replace('lang="en"', f'lang="{name}"', 1)
