"""Pages of what is kept under links, without a script: whoever has a link reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from app.record.checked import Checked
from app.record.errors import NotKept
from app.store import Linked, Shared, Store
from app.store.linked import KeptUnderLinks
from app.ui import safe, texts
from app.ui.readers import owner_behind
from app.ui.speaking import language

__all__ = ["kept_pages"]

T = TypeVar("T", Checked, Shared)

_FOLDER = Path(__file__).resolve().parent
_STYLES = ("exports/web_page.css", "checking.css")
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


def kept_pages(
    path: str,
    store: Store,
    kept: KeptUnderLinks[T],
    shown: Callable[[Linked[T]], tuple[str, str]],
) -> list[BaseRoute]:
    """Make the pages of one kind of thing, which its owner may revoke there.

    Args:
        path: where they are, such as /checks.
        store: whose threads are used.
        kept: what is kept.
        shown: makes a thing's title, which is any text, and its HTML.
    """

    async def show(request: Request) -> HTMLResponse:
        try:
            found = await store.run(kept.find, request.path_params["id"])
        except NotKept:
            return await _page(texts.LINK_TITLE, f"<p>{texts.LINK_GONE}</p>", 404)
        title, body = await asyncio.to_thread(shown, found)
        own = owner_behind(request) == found.owner
        return await _page(title, f"{body}{_revoke_form(found.id) if own else ''}")

    async def revoke(request: Request) -> HTMLResponse:
        owner = owner_behind(request)
        try:
            if owner is None:
                raise NotKept(texts.LINK_GONE)
            await store.run(kept.revoke, owner, request.path_params["id"])
        except NotKept:
            return await _page(texts.LINK_TITLE, f"<p>{texts.LINK_GONE}</p>", 404)
        return await _page(texts.LINK_TITLE, f"<p>{texts.LINK_REVOKED}</p>")

    return [
        Route(f"{path}/{{id}}", show, methods=["GET"]),
        Route(f"{path}/{{id}}", revoke, methods=["POST"]),
    ]


def _revoke_form(id: str) -> str:  # noqa: A002 - the field's name
    # A browser's own form: it works without a script, and other sites' forms bring no cookie.
    return f'<form method="post" action="{escape(id)}"><button>{texts.LINK_REVOKE}</button></form>'


async def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    style = await asyncio.to_thread(_style)
    return HTMLResponse(
        f'<!doctype html>\n<html lang="{language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe.attribute(title)} · {texts.TITLE}</title><style>{style}</style></head>"
        f'<body><main><p class="from">{texts.TITLE}</p>{body}</main></body></html>\n',
        status,
        _HEADERS,
    )


def _style() -> str:
    return "".join((_FOLDER / name).read_text(encoding="utf-8") for name in _STYLES)
