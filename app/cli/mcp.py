"""`app mcp`: the tools for a client that starts this program and speaks to it by its pipes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from types import TracebackType
from typing import Self

import mcp_types
from anyio import EndOfStream
from mcp.server.stdio import stdio_server
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from app.api.logs import chosen_format, log_to
from app.config.flags import chosen
from app.config.settings import load_settings
from app.service import open_pipeline
from app.tools.server import make_tools, sources_told

__all__ = ["mcp"]


def mcp(options: argparse.Namespace) -> int:
    """Serve until standard input ends; everything but the protocol goes to standard error."""
    settings = load_settings(**chosen(options))
    log_to(form=chosen_format(settings.log_format, sys.stderr))
    pipeline = open_pipeline(settings)

    async def serve() -> None:
        server = make_tools(pipeline, sources=sources_told(pipeline.index.knowledge_base))
        try:
            async with stdio_server() as (incoming, outgoing):
                understood = _Understood(incoming, outgoing)
                await server.run(understood, outgoing, server.create_initialization_options())
        finally:
            await pipeline.model.close()

    asyncio.run(serve())
    return 0


class _Understood:
    """The client's messages; a line that is none is answered with JSON-RPC's error.

    The library passes such a line on as an exception, and its server lets it fall.
    """

    def __init__(
        self,
        incoming: ReadStream[SessionMessage | Exception],
        outgoing: WriteStream[SessionMessage],
    ) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    async def receive(self) -> SessionMessage | Exception:
        """The next message; where there is none any more, what the stream raises."""
        while isinstance(item := await self._incoming.receive(), Exception):
            await self._outgoing.send(SessionMessage(_refusal(item)))
        return item

    async def aclose(self) -> None:
        """Read no more."""
        await self._incoming.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        await self._incoming.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._incoming.__aexit__(kind, error, trace)


def _refusal(error: Exception) -> mcp_types.JSONRPCError:
    """What is wrong with a line: it is no JSON, or no message of JSON-RPC."""
    unread = not isinstance(error, ValidationError) or error.errors()[0]["type"] == "json_invalid"
    code = mcp_types.PARSE_ERROR if unread else mcp_types.INVALID_REQUEST
    said = "the line is no JSON" if unread else "the line is no message of JSON-RPC 2.0"
    return mcp_types.JSONRPCError(
        jsonrpc="2.0", id=None, error=mcp_types.ErrorData(code=code, message=said)
    )
