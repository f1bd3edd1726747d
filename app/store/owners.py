"""Whose a record is."""

from __future__ import annotations

from app.record.errors import RequestError

__all__ = ["checked"]

_CHARACTERS = 200


def checked(owner: str) -> str:
    """An owner as it is.

    Raises:
        RequestError: it is empty or too long.
    """
    if not 1 <= len(owner) <= _CHARACTERS:
        raise RequestError(
            f"an owner has 1 to {_CHARACTERS} characters, got {len(owner)}", field="owner"
        )
    return owner
