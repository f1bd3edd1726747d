"""The Model Context Protocol's tools on the server, at `/mcp`, by streamable HTTP.

Keys, limits and the body's size are the edge's affair, as for every route of the endpoint. Each
request stands alone: there are no sessions to keep, so any process can answer the next one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api.binding import is_loopback
from app.api.errors import ApiError
from app.api.serving import Serving
from app.config.settings import Settings
from app.tools.server import make_tools, sources_told

__all__ = ["PATH", "ServedTools"]

PATH = "/mcp"
_HERE = ("127.0.0.1", "localhost", "[::1]")


class ServedTools:
    """The tools as an ASGI application, with its route; it works while `running`."""

    def __init__(self, serving: Serving) -> None:
        settings = serving.settings
        self._origins = frozenset(settings.cors_origins)
        self._manager = StreamableHTTPSessionManager(
            make_tools(
                serving.pipeline,
                serving.turn,
                sources=sources_told(serving.knowledge_base),
            ),
            json_response=True,
            stateless=True,
            security_settings=_security(settings),
            max_request_body_size=settings.max_body_bytes,
        )
        self.route = Route(PATH, endpoint=self, methods=["POST"], include_in_schema=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take requests while the block runs."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ApiError: 403, a page of another site sent it.
        """
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        foreign = urlsplit(origin).netloc != headers.get("host", "")
        if origin and foreign and origin not in self._origins:
            raise ApiError(
                403,
                f"got a request from a page of {origin[:80]}, expected none from other sites; "
                "the setting cors_origins names those that may ask",
                code="origin_not_allowed",
            )
        await self._manager.handle_request(scope, receive, send)


def _security(settings: Settings) -> TransportSecuritySettings:
    """On this machine alone, only names of this machine: no other site's name leads here."""
    guarded = is_loopback(settings.host) and not settings.api_keys_file and not settings.open_to_all
    origins = [f"http://{host}{port}" for host in _HERE for port in ("", ":*")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=guarded,
        allowed_hosts=[f"{host}{port}" for host in _HERE for port in ("", ":*")],
        allowed_origins=[*origins, *settings.cors_origins],
    )
