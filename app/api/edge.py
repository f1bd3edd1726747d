"""The outermost layer: what holds for every request, whichever route it is for.

A plain ASGI application around the router, so that nothing stands between a client that goes
away and the work done for it. For the endpoint's own paths it checks the route, the key, the
content type and the body's size before a handler runs, watches the connection while it runs,
and turns whatever is raised into an error body. Other paths (the chat page) only get a key
check, a request id, two headers and a line in the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.accounts import ACCOUNT, Account, Accounts
from app.api.drain import Drain, shutting_down
from app.api.errors import ApiError, api_error
from app.api.gatekeeper import PROBES, Gatekeeper
from app.api.keys import ApiKey
from app.api.routes_table import RouteTable
from app.api.telemetry import Telemetry
from app.record.errors import RequestError

__all__ = ["Edge"]

_log = logging.getLogger("citewise.api")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODY_SECONDS = 30.0
_UPLOAD_SECONDS = 300.0
_UPLOADS_AT_ONCE = 2  # each is held in memory
_AROUND_UPLOAD = 65_536  # bytes of a form beside its files
_UPLOADS = "/v1/documents"
_CHANGED = frozenset({_UPLOADS, "/v1/documents/{name}"})
_EVERYWHERE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_ON_JSON = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NOT_KEPT = (b"cache-control", b"no-store")
_AS_IT_COMES = (b"x-accel-buffering", b"no")  # nginx would hold a stream back


class _Gone(Exception):
    """The client closed the connection."""


@dataclass(slots=True)
class _Exchange:
    """One request on its way through."""

    scope: Scope
    send_on: Send
    id: str
    own: bool
    begun: float
    status: int = 0
    ended: bool = False
    account: Account | None = None
    queue: Callable[[], int] | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(list(message.get("headers", [])))}
        elif message["type"] == "http.response.body":
            self.ended = not message.get("more_body", False)
            if self.scope["method"] == "HEAD":
                message = {**message, "body": b""}
        await self.send_on(message)

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        more = [(b"x-request-id", self.id.encode()), *_EVERYWHERE]
        if dict(headers).get(b"content-type", b"").startswith(b"text/event-stream"):
            more.append(_AS_IT_COMES)
        if self.own:
            more += [*_ON_JSON, _NOT_KEPT]
        if self.queue is not None:
            more.append((b"x-citewise-queue", str(self.queue()).encode()))
        if self.account is not None:
            more += self.account.headers()
        if left_out := self.scope.get("citewise.left_out"):
            more.append((b"x-citewise-left-out", left_out.encode()))
        return headers + [(name, value) for name, value in more if name not in present]

    async def fail(self, error: ApiError) -> None:
        """Answer with an error."""
        fields, body = error.fields, error.body()
        self.note(error=fields.code, param=fields.param)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name, value) for name, value in error.headers),
        ]
        if fields.retry_after is not None:
            headers.append((b"retry-after", str(fields.retry_after).encode()))
        await self.send(
            {"type": "http.response.start", "status": fields.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": body})

    def note(self, **fields: Any) -> None:  # noqa: ANN401 - whatever is logged
        self.scope["citewise.log"].update(fields)


class Edge:
    """Wraps the application; see the module."""

    def __init__(
        self,
        app: ASGIApp,
        routes: RouteTable,
        gatekeeper: Gatekeeper,
        accounts: Accounts,
        drain: Drain,
        telemetry: Telemetry,
        queue: Callable[[], int],
        check_room: Callable[[str], None],
        max_body_bytes: int,
        upload_bytes: int = 0,
    ) -> None:
        self._app, self._routes, self._gatekeeper = app, routes, gatekeeper
        self._accounts, self._drain, self._telemetry = accounts, drain, telemetry
        self._queue, self._check_room, self._max_body = queue, check_room, max_body_bytes
        self._max_upload = upload_bytes + _AROUND_UPLOAD
        self._uploading = asyncio.Semaphore(_UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await self._gatekeeper.websocket(self._app, scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
        scope["path"] = self._routes.without_slash(scope["path"])
        own = self._routes.owns(scope["path"])
        scope["citewise.log"], scope["citewise.drain"] = {}, self._drain
        exchange = _Exchange(scope, send, request_id, own, time.perf_counter())
        route = self._routes.template(scope["path"])
        counted = own and scope["path"] not in PROBES
        with (
            self._telemetry.request(scope["method"], route, headers),
            self._drain.passing() if counted else nullcontext(),
        ):
            await self._answer(exchange, route, headers, receive)

    async def _answer(
        self, exchange: _Exchange, route: str, headers: Headers, receive: Receive
    ) -> None:
        scope, outcome = exchange.scope, "ok"
        try:
            key = self._gatekeeper.admit(scope, headers, own=exchange.own)
            if self._drain.begun and scope["method"] == "POST":
                raise shutting_down()
            if exchange.own:
                exchange.account = self._accounts.of(key) if key else None
                if route in _CHANGED and scope["method"] in ("POST", "DELETE"):
                    self._check_change(scope, headers, key)
                uploads = route == _UPLOADS and scope["method"] == "POST"
                async with self._uploading if uploads else nullcontext():
                    await self._serve_own(exchange, headers, receive, uploads=uploads)
            else:
                await self._app(scope, receive, exchange.send)
        except _Gone:
            outcome = "gone"
        except asyncio.CancelledError:
            outcome = "stopped"
            raise
        except Exception as error:
            outcome = "failed"
            if exchange.status:
                raise  # too late for a status: the broken body tells the client
            await self._explain(exchange, error)
        finally:
            self._telemetry.finished(route, _line(exchange, outcome))

    async def _explain(self, exchange: _Exchange, error: Exception) -> None:
        shown = api_error(error)
        if shown.status >= 500 and not isinstance(error, ApiError | RequestError):
            fields = {"request_id": exchange.id, "code": shown.fields.code}
            _log.error("a request failed", exc_info=error, extra={"fields": fields})
        await exchange.fail(shown)

    def _check_change(self, scope: Scope, headers: Headers, key: ApiKey | None) -> None:
        self._routes.check(scope["method"], scope["path"])
        if why := self._gatekeeper.may_change(scope, headers, key):
            raise ApiError(403, why, type="permission_error", code="may_not_write")

    async def _serve_own(
        self, exchange: _Exchange, headers: Headers, receive: Receive, *, uploads: bool
    ) -> None:
        scope = exchange.scope
        self._routes.check(scope["method"], scope["path"])
        body = b""
        if scope["method"] == "POST":
            exchange.queue = self._queue
            _check_content(headers, "multipart/form-data" if uploads else "application/json")
            if exchange.account is not None:
                exchange.account.admit()
                ACCOUNT.set(exchange.account)
            most = self._max_upload if uploads else self._max_body
            seconds = _UPLOAD_SECONDS if uploads else _BODY_SECONDS
            body = await self._body(headers, receive, most, seconds)
            self._check_room(scope["path"])
        await _while_connected(self._app, exchange, body, receive, self._drain)

    async def _body(self, headers: Headers, receive: Receive, most: int, seconds: float) -> bytes:
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > most:
            raise self._too_large(most)
        parts, size = [], 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > most:
                        raise self._too_large(most)
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise ApiError(
                408, f"the body did not come within {seconds:.0f} s", code="request_timeout"
            ) from None

    def _too_large(self, most: int) -> ApiError:
        setting = "upload_bytes" if most == self._max_upload else "max_body_bytes"
        return ApiError(
            413,
            f"the body is larger than {most} bytes: send less, or raise {setting}",
            code="request_too_large",
            headers=((b"connection", b"close"),),
        )


def _check_content(headers: Headers, expected: str) -> None:
    """Only JSON, which a page of another origin can't send without asking first; and uploads."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind.startswith("application/") and kind.endswith("+json")
    if kind != expected and not (is_json and expected == "application/json"):
        raise ApiError(
            415,
            f"got content-type {kind[:80]!r}, expected {expected}",
            code="unsupported_media_type",
        )
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise ApiError(
            415,
            f"got content-encoding {encoding[:80]!r}, expected none: send the body as it is",
            code="unsupported_media_type",
        )


async def _while_connected(
    app: ASGIApp, exchange: _Exchange, body: bytes, receive: Receive, drain: Drain
) -> None:
    """Run the application with a body already read; cancel it when the client goes away.

    Raises:
        _Gone: the client went away first.
        ApiError: 503, the server shut down before the answer began.
    """
    left = asyncio.ensure_future(_disconnect(receive))
    told = False

    async def replay() -> Message:
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.shield(left)
        return {"type": "http.disconnect"}

    scope = exchange.scope
    if scope["method"] == "HEAD":  # a GET whose body is kept back
        scope = {**scope, "method": "GET"}
    work = asyncio.ensure_future(_run(app, scope, replay, exchange.send))
    cut = False

    def stop() -> bool:
        nonlocal cut
        cut = exchange.status == 0  # an answer that has begun ends with a frame that says so
        return cut and work.cancel()

    try:
        with drain.on_cut(stop):
            await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            if cut and work.cancelled():
                raise shutting_down()
            work.result()
            return
    finally:
        for task in (work, left):
            task.cancel()
        await asyncio.wait({work, left})
    raise _Gone


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(exchange: _Exchange, outcome: str) -> dict[str, Any]:
    scope = exchange.scope
    return {
        "request_id": exchange.id,
        "method": scope["method"],
        "path": scope["path"][:200] if exchange.own else "(page)",
        "status": exchange.status or None,
        "outcome": outcome,
        "ms": round((time.perf_counter() - exchange.begun) * 1e3, 2),
        **scope["citewise.log"],
    }
