"""The page on a server: mounted closed, with a policy that keeps the browser on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ui.conversation import Answering
from app.ui.page import build
from app.ui.places import Places

__all__ = ["POLICY", "mount_page"]

_HERE = Path(__file__).resolve().parent
_STYLES = ("style.css", "shelf.css", "drawer.css")
_SCRIPTS = ("page.js", "shelf.js")

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


class _Guarded:
    """Adds the policy to the page; other paths and kinds of answer pass untouched."""

    def __init__(self, app: ASGIApp, embed_origins: Sequence[str] = ()) -> None:
        self._app = app
        self._embedded = bool(embed_origins)
        framing = " ".join(embed_origins) or "'none'"
        self._policy = f"{POLICY}; frame-ancestors {framing}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in ("", "/"):
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
                if not self._embedded:
                    headers["X-Frame-Options"] = "DENY"
            await send(message)

        await self._app(scope, receive, guarded)


def mount_page(
    app: FastAPI,
    pipeline: Answering,
    *,
    cache: Path | None = None,
    embed_origins: Sequence[str] = (),
) -> FastAPI:
    """Serve the page at `/`, after the routes that the application already has."""
    styles = "".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    scripts = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build(pipeline, Places(cache / "maps" if cache else None)),
        path="/",
        theme=theme(),
        head=f"<style>{styles}</style><script>{scripts}</script>",
        favicon_path=str(_HERE / "favicon.png"),
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
    )
    mounted.add_middleware(_Guarded, embed_origins=embed_origins)
    return mounted


def theme() -> gr.themes.Base:
    """The theme's bones, with the system's own fonts; style.css does the rest."""
    sans = ("-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif")
    mono = ("ui-monospace", "SF Mono", "Cascadia Mono", "Liberation Mono", "monospace")
    return gr.themes.Base(
        font=[gr.themes.Font(name) for name in sans],
        font_mono=[gr.themes.Font(name) for name in mono],
    )
