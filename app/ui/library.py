"""The page on which documents are dropped, seen being read, and deleted: `/library`.

A page of its own, without Gradio: its script speaks to `/v1/documents` as any program does, so
that who may add and delete is decided in one place.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from app.ui import safe, texts
from app.ui.speaking import language
from index.errata import SHIPPED_NAME

__all__ = ["LIBRARY", "library_page"]

LIBRARY: Final = "library"
_FOLDER = Path(__file__).resolve().parent
_STYLE: Final = """
#drop { display: block; border: 2px dashed var(--line); border-radius: 8px; padding: 2rem 1rem; text-align: center; }
#drop.over, #drop:focus-within { border-color: var(--ink); }
#said { min-height: 1.6em; color: var(--muted); }
#documents { list-style: none; padding: 0; }
#documents > li { border-top: 1px solid var(--line); padding: 0.6rem 0; display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; align-items: baseline; }
#documents .state { color: var(--muted); flex: 1 1 12rem; }
#documents details { flex-basis: 100%; order: 9; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 6px; padding: 0.2rem 0.7rem; min-height: 2rem; cursor: pointer; }
"""  # noqa: E501


def library_page() -> Route:
    """Make the page's route."""

    async def show(request: Request) -> HTMLResponse:
        del request
        html, headers = _made(language())
        return HTMLResponse(html, headers=headers)

    return Route(f"/{LIBRARY}", show, methods=["GET"])


@cache
def _made(spoken: str) -> tuple[str, dict[str, str]]:
    """The page and its headers; the policy names its one script by its hash."""
    script = (_FOLDER / "library.js").read_text(encoding="utf-8")
    style = (_FOLDER / "viewer.css").read_text(encoding="utf-8") + _STYLE
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    named = {SHIPPED_NAME: texts.SHIPPED_SOURCE}
    words = safe.script_json({**texts.LIBRARY_SCRIPT, "names": named})
    html = (
        f'<!doctype html>\n<html lang="{spoken}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{texts.LIBRARY} · {texts.TITLE}</title><style>{style}</style></head><body><main>"
        f'<p class="from"><a href="./">{texts.TITLE}</a></p><h1>{texts.LIBRARY}</h1>'
        f"<p>{texts.LIBRARY_WHAT}</p>"
        f'<label id="drop" for="files">{texts.LIBRARY_DROP}<br><br>'
        '<input id="files" type="file" multiple></label>'
        f'<p id="said" role="status"></p><ul id="documents" aria-label="{texts.LIBRARY}"></ul>'
        f"<noscript><p>{safe.text(texts.LIBRARY_WITHOUT_SCRIPT)}</p></noscript></main>"
        f'<script type="application/json" id="words">{words}</script>'
        f"<script>{script}</script></body></html>\n"
    )
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }
    return html, headers
