"""Where the server listens: this machine, unless keys are set or someone says so; under which path.

A proxy may serve it under a path of its own, and take that path away before it passes a request
on, or leave it; both are understood.
"""

from __future__ import annotations

import ipaddress

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.keys import read_keys
from app.config.settings import Settings
from app.record.errors import SettingsError

__all__ = ["UnderPath", "check_binding", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_binding(settings: Settings) -> None:
    """Refuse to listen beyond this machine without keys, unless told to.

    Raises:
        SettingsError: anyone in reach could ask, or the file of keys can't be used.
    """
    keys = read_keys(settings.api_keys_file) if settings.api_keys_file else ()
    if is_loopback(settings.host) or settings.open_to_all or keys:
        return
    raise SettingsError(
        f"got host {settings.host}, which others can reach, and no API keys: expected 127.0.0.1, "
        "or keys (set api_keys_file and run: python -m app keys add NAME), or "
        "CITEWISE_OPEN_TO_ALL=1 where a proxy in front decides who may ask"
    )


class UnderPath:
    """The application under a path: what comes with it is served as if it came without."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        """Take the application and its path, such as /citewise."""
        self._app, self._root = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] in ("http", "websocket"):
            path: str = scope["path"]
            if path == self._root and scope["type"] == "http":
                # the page's own addresses are relative, and need the slash
                await RedirectResponse(f"{self._root}/", 308)(scope, receive, send)
                return
            if path.startswith(f"{self._root}/"):
                raw = scope.get("raw_path") or path.encode()
                cut = len(self._root)
                scope = {**scope, "path": path[cut:], "raw_path": raw[cut:]}
        await self._app(scope, receive, send)
