"""What the page's document holds before Gradio runs: our looks, a first sight, a link's preview.

Gradio's own document introduces Gradio; here it is given our title, description and picture, our
style and script, what is seen until the page is put together, and what is said without scripts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ui import assets, safe, texts
from app.ui.layout import Layout
from app.ui.speaking import language

__all__ = ["PREVIEW", "Introduced"]

PREVIEW: Final = Path(__file__).resolve().parent / "preview.png"

_FOREIGN = re.compile(
    r'\s*<(?:meta\s+(?:property="og:|name="twitter:)|link\s+rel="manifest")[^>]*>'
)


class Introduced:
    """Puts our introduction into the page's document; everything else passes untouched."""

    def __init__(
        self, app: ASGIApp, layout: Layout, tagline: Callable[[], str], root_path: str = ""
    ) -> None:
        self._app, self._root_path = app, root_path
        self._layout, self._tagline = layout, tagline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] not in ("", "/") or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        address = f"{scope['scheme']}://{host}{self._root_path}/" if host else ""
        begun: list[Message] = []
        body = bytearray()

        async def introduced(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            headers = MutableHeaders(scope=begun[0])
            made = bytes(body)
            if headers.get("content-type", "").startswith("text/html"):
                made = self._document(made.decode(), address).encode()
                headers.add_vary_header("Accept-Language, Cookie")
                headers["content-length"] = str(len(made))
            await send(begun[0])
            await send({"type": "http.response.body", "body": made})

        await self._app(scope, receive, introduced)

    def _document(self, document: str, address: str) -> str:
        """Put our introduction in the place of what the document says of itself."""
        document = _FOREIGN.sub("", self._layout.spoken(document))
        document = document.replace("<head>", f"<head>{_script()}", 1)
        about = html.escape(self._tagline())
        document = document.replace("</head>", f"{_head(address, about)}{assets.style()}</head>", 1)
        body = f"{self._first_sight()}{_without_scripts(about)}"
        return re.sub(r"<body[^>]*>", lambda found: f"{found[0]}{body}", document, count=1)

    def _first_sight(self) -> str:
        """What is seen until Gradio has put the page together, in the same places."""
        masthead, hero = self._layout.said("masthead"), self._layout.said("hero")
        return (
            f'<div id="first" aria-hidden="true"><div class="masthead">{masthead}</div>'
            f'<div class="hero">{hero}</div></div>'
        )


def _script() -> str:
    """The page's script, and what it says in the language that is being spoken."""
    words = safe.script_json(dict(texts.script_words()))
    said = f'window.citewiseLanguage = "{language()}"; window.citewiseWords = {words};'
    return f"<script>{said}</script>{assets.script()}"


def _head(address: str, about: str) -> str:
    title = html.escape(texts.TITLE)
    described = {
        "og:type": "website",
        "og:title": title,
        "og:description": about,
    }
    if address:
        described["og:url"] = html.escape(address)
        described["og:image"] = html.escape(f"{address}{PREVIEW.name}")
        described["og:image:alt"] = html.escape(texts.PREVIEW_ALT)
    metas = "".join(
        f'<meta property="{name}" content="{said}">' for name, said in described.items()
    )
    return (
        f'<meta name="description" content="{about}">{metas}'
        '<meta name="twitter:card" content="summary_large_image">'
    )


def _without_scripts(about: str) -> str:
    return (
        "<noscript><style>gradio-app, #first { display: none !important; }</style>"
        '<main style="max-width:40rem;margin:3rem auto;padding:0 1rem;font:1rem/1.6 sans-serif">'
        f"<h1>{texts.TITLE}</h1><p>{about}.</p><p>{texts.NO_SCRIPT}</p>"
        f"<pre>{html.escape(texts.NO_SCRIPT_COMMANDS)}</pre></main></noscript>"
    )
