"""What SQL statements bring back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult, Result

__all__ = ["deleted"]


def deleted(result: Result[Any]) -> int:
    """How many rows a DELETE took."""
    assert isinstance(result, CursorResult)
    return result.rowcount
