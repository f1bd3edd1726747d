"""Exchanges, checked and shared texts as JSON documents, and texts that every database takes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.record.checked import Checked
from app.record.errors import StoreError
from app.store.records import Exchange, Shared

__all__ = ["clean", "decode", "encode", "fold"]

T = TypeVar("T", Exchange, Checked, Shared)

_ADAPTERS: Mapping[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Exchange, Checked, Shared)
}


def encode(record: Exchange | Checked | Shared) -> str:
    """Write a record as JSON; `decode` gives back an equal one.

    Lone surrogates, which are no text, become question marks.
    """
    plain = json.dumps(record, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return _text(plain)


def decode(kind: type[T], document: str) -> T:
    """Read a record of a kind; fields that its version didn't have take their defaults.

    Raises:
        StoreError: it isn't one.
    """
    try:
        found: T = _ADAPTERS[kind].validate_json(document)
    except ValidationError as error:
        raise StoreError(
            f"a stored {kind.__name__} is damaged: {error.error_count()} fields are not what was "
            "expected; restore the database from a backup, or delete it"
        ) from error
    return found


def clean(text: str) -> str:
    """Replace what PostgreSQL takes in no text: NUL and lone surrogates."""
    return _text(text).replace("\0", "\ufffd")


def fold(text: str) -> str:
    """The form in which texts are searched: upper and lower case, full and half width alike."""
    return unicodedata.normalize("NFKC", clean(text)).casefold()


def _plain(value: object) -> dict[str, Any] | str:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"got a {type(value).__name__}, expected what JSON has")


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
