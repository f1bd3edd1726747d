"""The page's own style and script, named by what is in them, so that browsers may keep them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["KeptByBrowsers", "asset_routes", "script", "style"]

_FOLDER = Path(__file__).resolve().parent
_STYLES: Final = (
    "style.css", "browse.css", "details.css", "conversation.css", "planner.css", "checking.css",
)  # fmt: skip
_SCRIPTS: Final = (
    "page.js", "browse.js", "conversation.js", "composer.js", "evidence.js", "planner.js",
)  # fmt: skip
_KEPT: Final = "public, max-age=31536000, immutable"


def style() -> str:
    """The style's element for the page's head."""
    return f'<link rel="stylesheet" href="{_named(_STYLES)}">'


def script() -> str:
    """The script's element for the page's head; it runs before anything is shown."""
    return f'<script src="{_named(_SCRIPTS)}"></script>'


def asset_routes() -> list[Route]:
    """Where both are served from, compressed."""
    return [_route(_STYLES, "text/css"), _route(_SCRIPTS, "text/javascript")]


def _route(files: Sequence[str], kind: str) -> Route:
    whole = _joined(files)
    packed = gzip.compress(whole)
    headers = {"cache-control": _KEPT, "vary": "Accept-Encoding"}

    async def served(request: Request) -> Response:
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(whole, media_type=kind, headers=headers)
        return Response(packed, media_type=kind, headers={**headers, "content-encoding": "gzip"})

    return Route(f"/{_named(files)}", served, methods=["GET"])


class KeptByBrowsers:
    """Tells browsers to keep Gradio's files, whose names change with what is in them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith("/assets/"):
            await self._app(scope, receive, send)
            return

        async def kept(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message)["cache-control"] = _KEPT
            await send(message)

        await self._app(scope, receive, kept)


@cache
def _joined(files: Sequence[str]) -> bytes:
    return b"\n".join((_FOLDER / name).read_bytes() for name in files)


def _named(files: Sequence[str]) -> str:
    """Such as citewise-0123456789abcdef.css."""
    digest = hashlib.sha256(_joined(files)).hexdigest()[:16]
    return f"citewise-{digest}{Path(files[0]).suffix}"
