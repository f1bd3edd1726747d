"""The tab where a text is checked, and the pages under which results are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final, Protocol

import gradio as gr
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from app.record.checked import Checked
from app.record.errors import CitewiseError, NotKept
from app.store import KeptCheck, Store
from app.ui import safe, texts
from app.ui import texts_checking as words
from app.ui.checked_html import checked_html
from app.ui.readers import owner_behind, owner_of

__all__ = ["checking_tab", "kept_pages"]

_FOLDER = Path(__file__).resolve().parent
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}


class Checking(Protocol):
    """What the tab asks of the pipeline."""

    async def check(self, text: str) -> Checked:
        """Tell of each sentence whether the sources bear it out."""


def checking_tab(pipeline: Checking, store: Store | None, wired: Mapping[str, Any]) -> None:
    """Lay the tab out and wire it.

    Args:
        pipeline: what checks.
        store: what keeps results under links; None keeps none.
        wired: how the page wires its events.
    """

    async def check(text: str) -> tuple[str, Checked | None, Any]:
        try:
            checked = await pipeline.check(text)
        except CitewiseError as error:
            return _trouble(str(error)), None, gr.update(visible=False)
        return checked_html(checked), checked, gr.update(visible=store is not None)

    async def keep(checked: Checked | None, request: gr.Request) -> str:
        if store is None or checked is None:
            return _trouble(words.NOTHING_YET)
        owner = owner_of(request)
        if owner is None:
            return _trouble(words.NO_COOKIE)
        try:
            kept = await store.run(store.checks.keep, owner, checked)
        except CitewiseError as error:
            return _trouble(str(error))
        link = f'<a href="./checks/{kept.id}" target="_blank" rel="noopener">{words.OPEN_LINK}</a>'
        return f'<p role="status">{words.KEPT}: {link}.</p>'

    with gr.Tab(words.TAB, id="check"), gr.Column(elem_id="check-view"):
        _place("check-lead", f'<p class="lead">{words.LEAD}</p>')
        box = gr.Textbox(
            label=words.LABEL, placeholder=words.PLACEHOLDER, lines=4, max_lines=16,
            container=False, show_label=False, elem_id="check-box",
        )  # fmt: skip
        with gr.Row(elem_id="check-tools"):
            button = gr.Button(words.CHECK, variant="primary", elem_id="check-send")
            link = gr.Button(words.KEEP, visible=False, elem_id="check-keep")
        kept = _place("check-kept")
        shown, held = _place("check-result"), gr.State(None)
    for trigger in (button.click, box.submit):
        trigger(_waiting, None, [shown, kept], queue=False, **wired).then(
            check, box, [shown, held, link], **wired
        )
    link.click(keep, held, kept, **wired)


def _place(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=name, apply_default_css=False)


def _waiting() -> tuple[str, str]:
    return f'<p class="faint" role="status">{words.CHECKING}</p>', ""


def _trouble(told: str) -> str:
    return f'<p class="check-trouble" role="alert">{safe.text(told)}</p>'


def kept_pages(store: Store) -> list[BaseRoute]:
    """The pages of kept results: whoever has a link reads it, its owner may revoke it there."""

    async def show(request: Request) -> HTMLResponse:
        try:
            kept = await store.run(store.checks.find, request.path_params["id"])
        except NotKept:
            return await _page(f"<p>{words.GONE}</p>", 404)
        own = owner_behind(request) == kept.owner
        return await _page(checked_html(kept.checked) + (_revoke_form(kept) if own else ""))

    async def revoke(request: Request) -> HTMLResponse:
        owner = owner_behind(request)
        try:
            if owner is None:
                raise NotKept(words.GONE)
            await store.run(store.checks.revoke, owner, request.path_params["id"])
        except NotKept:
            return await _page(f"<p>{words.GONE}</p>", 404)
        return await _page(f"<p>{words.REVOKED}</p>")

    return [
        Route("/checks/{id}", show, methods=["GET"]),
        Route("/checks/{id}", revoke, methods=["POST"]),
    ]


def _revoke_form(kept: KeptCheck) -> str:
    # A browser's own form: it works without a script, and other sites' forms bring no cookie.
    return f'<form method="post" action="{escape(kept.id)}"><button>{words.REVOKE}</button></form>'


async def _page(body: str, status: int = 200) -> HTMLResponse:
    style = await asyncio.to_thread(_style)
    return HTMLResponse(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words.PAGE_TITLE} · {texts.TITLE}</title><style>{style}</style></head>"
        f'<body><main><p class="from">{texts.TITLE}</p><h1>{words.PAGE_TITLE}</h1>{body}</main>'
        "</body></html>\n",
        status,
        _HEADERS,
    )


def _style() -> str:
    names = ("exports/web_page.css", "checking.css")
    return "".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
