"""`app mcp`: the tools for a client that starts this program and speaks to it by its pipes."""

from __future__ import annotations

import argparse
import asyncio
import sys

from mcp.server.stdio import stdio_server

from app.api.logs import chosen_format, log_to
from app.config.flags import chosen
from app.config.settings import load_settings
from app.service import open_pipeline
from app.tools.server import make_tools

__all__ = ["mcp"]


def mcp(options: argparse.Namespace) -> int:
    """Serve until standard input ends; everything but the protocol goes to standard error."""
    settings = load_settings(**chosen(options))
    log_to(form=chosen_format(settings.log_format, sys.stderr))
    pipeline = open_pipeline(settings)

    async def serve() -> None:
        server = make_tools(pipeline)
        try:
            async with stdio_server() as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            await pipeline.model.close()

    asyncio.run(serve())
    return 0
