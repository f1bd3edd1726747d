"""The page on a server: mounted closed, with a policy that keeps the browser on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.store import Store
from app.ui.assets import KeptByBrowsers, asset_routes
from app.ui.checking import checked_page
from app.ui.conversation import Answering
from app.ui.introduced import PREVIEW, Introduced
from app.ui.kept_pages import kept_pages
from app.ui.known import Knowing
from app.ui.layout import Layout
from app.ui.library import library_page
from app.ui.links_given import shared_page
from app.ui.page import build
from app.ui.persistence import Keeper
from app.ui.places import Places
from app.ui.readers import cookie_for
from app.ui.screen import Screen
from app.ui.speaking import InLanguage
from app.ui.viewer import viewer_pages

__all__ = ["POLICY", "mount_page"]

_FILES = Path(__file__).resolve().parent

# Gradio tells the page the server's absolute address, put together from headers that a proxy may
# change or omit. As a relative one it is right under any name, path and scheme.
_HERE: Final = "."

# Gradio compiles its HTML templates in the browser, hence the two "unsafe" words; what keeps
# foreign text from running is that it is escaped. The policy keeps requests on this server.
POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


class _FoundWhereOpened:
    """Has Gradio tell the page to ask wherever a browser opened it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = (b"x-forwarded-host", b"x-gradio-server")
            headers = [pair for pair in scope["headers"] if pair[0] not in told]
            scope = {**scope, "headers": [*headers, (b"x-gradio-server", _HERE.encode())]}
        await self._app(scope, receive, send)


class _Guarded:
    """Adds the policy and the reader's id to the page; other paths pass untouched."""

    def __init__(
        self, app: ASGIApp, embed_origins: Sequence[str] = (), root_path: str = ""
    ) -> None:
        self._app, self._root_path = app, root_path
        self._embedded = bool(embed_origins)
        framing = " ".join(embed_origins) or "'none'"
        self._policy = f"{POLICY}; frame-ancestors {framing}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ("", "/"):
            await self._app(scope, receive, send)
            return

        cookie = cookie_for(scope, self._root_path)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
                if not self._embedded:
                    headers["X-Frame-Options"] = "DENY"
                if cookie is not None:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, guarded)


def mount_page(
    app: FastAPI,
    pipeline: Answering,
    store: Store | None = None,
    *,
    keep: bool = True,
    share: bool = False,
    cache: Path | None = None,
    index: Path | None = None,
    embed_origins: Sequence[str] = (),
    root_path: str = "",
) -> FastAPI:
    """Serve the page at `/`, after the routes that the application already has."""
    app.add_api_route(f"/{PREVIEW.name}", _preview, include_in_schema=False)
    layout = Layout()
    app.router.routes.extend([library_page(), *asset_routes(), *viewer_pages(pipeline, index)])
    keeper, places = Keeper(store, keeps=keep), Places(cache / "maps" if cache else None)
    if store is not None:
        app.router.routes.extend(kept_pages("/checks", store, store.checks, checked_page))
        if share:
            titled = partial(shared_page, title=Screen(pipeline).title)
            app.router.routes.extend(kept_pages("/shared", store, store.shares, titled))
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build(pipeline, store, keeper, places, share=share, layout=layout),
        path="/",
        root_path=_HERE,
        theme=theme(),
        favicon_path=str(_FILES / "favicon.png"),
        allowed_paths=[],
        blocked_paths=[],
        show_error=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        max_file_size=0,
        app_kwargs={
            "middleware": [
                Middleware(_FoundWhereOpened),
                Middleware(KeptByBrowsers),
                Middleware(GZipMiddleware, compresslevel=5),
                Middleware(
                    Introduced,
                    layout=layout,
                    tagline=Knowing(pipeline).tagline,
                    root_path=root_path,
                ),
            ]
        },
    )
    mounted.add_middleware(_Guarded, embed_origins=embed_origins, root_path=root_path)
    mounted.add_middleware(InLanguage)
    _tend(mounted, keeper)
    return mounted


async def _preview() -> FileResponse:
    """The picture that a link's preview shows."""
    return FileResponse(PREVIEW)


def _tend(app: FastAPI, keeper: Keeper) -> None:
    """At the server's end, wait for what is being written."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[object]:
        async with inner(app) as state:
            yield state
            await keeper.close()

    app.router.lifespan_context = lifespan  # type: ignore[assignment]


def theme() -> gr.themes.Base:
    """The theme's bones, with the system's own fonts; style.css does the rest."""
    sans = ("-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif")
    mono = ("ui-monospace", "SF Mono", "Cascadia Mono", "Liberation Mono", "monospace")
    return gr.themes.Base(
        font=[gr.themes.Font(name) for name in sans],
        font_mono=[gr.themes.Font(name) for name in mono],
    )
