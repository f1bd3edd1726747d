"""Who may ask: everyone where no keys are configured, else who presents one of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.binding import is_loopback
from app.api.errors import ApiError
from app.api.keys import ApiKey, KeyRing

__all__ = ["PROBES", "Gatekeeper"]

PROBES = frozenset({"/healthz", "/readyz"})  # probes have no keys


class Gatekeeper:
    """Checks keys, on every path but the probes'.

    Programs send `Authorization: Bearer KEY`. The chat page is behind the same keys: a browser
    asks for a name and a password, and the password is the key.
    """

    def __init__(
        self,
        keys: KeyRing | None,
        also_open: Collection[str] = (),
        *,
        uploads: Literal["auto", "open", "off"] = "off",
        origins: Collection[str] = (),
    ) -> None:
        """Take the keys.

        Args:
            keys: those that are let in; None lets everyone in.
            also_open: paths that need no key, beside the probes.
            uploads: who may change documents, as the setting says.
            origins: of pages beside the server's own that may do so from a browser.
        """
        self._keys = keys
        self._open = PROBES | frozenset(also_open)
        self._uploads, self._origins = uploads, frozenset(origins)

    def admit(self, scope: Scope, headers: Headers, *, own: bool) -> ApiKey | None:
        """Let a request pass and note its key's name, for what is its own and for the log.

        Returns:
            Its key; None where none is needed.

        Raises:
            ApiError: 401, it has no key or a wrong one.
        """
        if self._keys is None or scope["path"] in self._open:
            return None
        secret = _presented(headers.get("authorization", ""))
        key = self._keys.find(secret) if secret else None
        if key is None:
            got = "a key that is not known" if secret else "no key"
            raise ApiError(
                401,
                f"got {got}, expected the header Authorization: Bearer KEY; "
                "a key is made with: python -m app keys add NAME",
                code="invalid_api_key",
                headers=((b"www-authenticate", b"Bearer" if own else b'Basic realm="Citewise"'),),
            )
        scope["citewise.key"] = key.name
        scope.setdefault("citewise.log", {})["key"] = key.name
        return key

    def may_change(self, scope: Scope, headers: Headers, key: ApiKey | None) -> str:
        """Why a request may not add or delete documents; empty where it may.

        A browser sends a form to any server, with the password that it keeps for it, so a page of
        another origin is told by what the browser says of it; and where no key is asked for, by
        the name under which it reached this machine.
        """
        if not self._from_own_page(headers):
            return "a page of another origin asked: expected the server's own page, or a program"
        if self._uploads == "off":
            return "uploads are off: the setting uploads says who may add and delete documents"
        if self._uploads == "open":
            return ""
        if self._keys is not None:
            if key is not None and key.write:
                return ""
            return (
                "this key may not write: expected one made with: "
                "python -m app keys add NAME --write"
            )
        client = scope.get("client")
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if client and is_loopback(client[0]) and is_loopback(host):
            return ""
        return (
            "no keys are set, so that only this machine may add and delete documents: set "
            "api_keys_file, or uploads = open where a proxy in front decides who may ask"
        )

    def _from_own_page(self, headers: Headers) -> bool:
        origin = headers.get("origin", "")
        if origin in self._origins:
            return True
        site = headers.get("sec-fetch-site", "")
        if site:
            return site in ("same-origin", "none")
        return not origin or urlsplit(origin).netloc == headers.get("host", "")

    async def websocket(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a websocket on, or close it where it has no key."""
        try:
            self.admit(scope, Headers(scope=scope), own=False)
        except ApiError:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "no key"})
            return
        await app(scope, receive, send)


def _presented(authorization: str) -> str | None:
    scheme, _, rest = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip() or None
        case "basic":
            try:
                decoded = base64.b64decode(rest, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None  # no password can be read from it: as if none was sent
            return decoded.partition(":")[2] or None
    return None
