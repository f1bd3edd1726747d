"""`POST /v1/calculate` and `GET /v1/calculations`: formulas without a model or an index."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.schemas import CalculationReply
from app.api.serving import Json, note, parsed
from app.api.wire import CalculateRequest
from index.calculations import calculate
from index.calculations.describe import listed

__all__ = ["serve_calculate", "serve_calculations"]


async def serve_calculate(request: Request) -> Response:
    """Run a calculation and give its result with the sum."""
    asked = await parsed(request, CalculateRequest)
    note(request, calculation=asked.name[:80])
    found = await asyncio.to_thread(calculate, asked.name, asked.inputs)
    return Json(CalculationReply(object="calculation", **found.as_dict()).as_dict())


async def serve_calculations() -> Response:
    """List what can be calculated, with every input."""
    known: dict[str, Any] = await asyncio.to_thread(listed)
    return Json(known)
