"""Exchanges as JSON documents, and texts that every database takes."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict

from pydantic import TypeAdapter, ValidationError

from app.errors import StoreError
from app.store.records import Exchange

__all__ = ["clean", "decode", "encode", "fold"]

_EXCHANGE = TypeAdapter(Exchange)


def encode(exchange: Exchange) -> str:
    """Write an exchange as JSON; `decode` gives back an equal one.

    Lone surrogates, which are no text, become question marks.
    """
    return _text(json.dumps(asdict(exchange), ensure_ascii=False, separators=(",", ":")))


def decode(document: str) -> Exchange:
    """Read an exchange; fields that its version didn't have take their defaults.

    Raises:
        StoreError: it isn't one.
    """
    try:
        return _EXCHANGE.validate_json(document)
    except ValidationError as error:
        raise StoreError(
            f"a stored exchange is damaged: {error.error_count()} fields are not what was "
            "expected; restore the database from a backup, or delete the conversation"
        ) from error


def clean(text: str) -> str:
    """Replace what PostgreSQL takes in no text: NUL and lone surrogates."""
    return _text(text).replace("\0", "\ufffd")


def fold(text: str) -> str:
    """The form in which texts are searched: upper and lower case, full and half width alike."""
    return unicodedata.normalize("NFKC", clean(text)).casefold()


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
