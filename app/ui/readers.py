"""Who reads: a random id in the browser's cookie, or the key that the reader came with."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

import gradio as gr
from starlette.requests import Request, cookie_parser
from starlette.types import Scope

__all__ = ["COOKIE", "cookie_for", "owner_behind", "owner_of", "session_of"]

COOKIE: Final = "citewise_reader"
_ID = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits
_SECONDS: Final = 400 * 24 * 3600  # the longest that browsers keep one


def cookie_for(scope: Scope, root_path: str = "") -> str | None:
    """The Set-Cookie header for who opens the page; None where the browser has a reader's id.

    No script can read the id, and other sites' pages can't send it along; nor is it sent to what
    else a proxy serves beside `root_path`.
    """
    headers = dict(scope["headers"])
    if _id_in(cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))) is not None:
        return None
    made = f"{COOKIE}={secrets.token_urlsafe(32)}; Path={root_path}/; Max-Age={_SECONDS}"
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{made}; HttpOnly; SameSite=Lax{secure}"


def owner_of(request: gr.Request) -> str | None:
    """Whose a conversation is: the key's where keys are set, else the browser's.

    None where the browser sends no id back, so that nothing could be found again. The id itself
    is kept nowhere: who reads the database or an export can't pass for the reader.
    """
    return None if request.request is None else owner_behind(request.request)


def owner_behind(inner: Request) -> str | None:
    """As `owner_of`, of a request that is none of Gradio's."""
    key = inner.scope.get("citewise.key")
    if key:
        return f"key:{key}"
    found = _id_in(inner.cookies)
    return f"reader:{hashlib.sha256(found.encode()).hexdigest()[:40]}" if found else None


def session_of(request: gr.Request) -> str:
    """The id of a page that is open."""
    return str(request.session_hash)


def _id_in(cookies: dict[str, str]) -> str | None:
    given = cookies.get(COOKIE, "")
    return given if _ID.fullmatch(given) else None
