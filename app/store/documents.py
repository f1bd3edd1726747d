"""Exchanges as JSON documents, and texts that every database takes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.record.errors import StoreError
from app.store.records import Exchange

__all__ = ["clean", "decode", "encode", "fold"]

_EXCHANGE = TypeAdapter(Exchange)


def encode(exchange: Exchange) -> str:
    """Write an exchange as JSON; `decode` gives back an equal one.

    Lone surrogates, which are no text, become question marks.
    """
    plain = json.dumps(exchange, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return _text(plain)


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


def _plain(value: object) -> dict[str, Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"got a {type(value).__name__}, expected what JSON has")


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
