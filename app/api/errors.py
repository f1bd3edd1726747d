"""Errors as the wire has them: `{"error": {message, type, param, code}}` and a status.

What a client did wrong is explained to it; what failed on this side is named but not
described, so that no path, address or internal state leaves the server. The log has the rest.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from app.record.errors import (
    CitewiseError,
    ContextOverflow,
    ModelBusy,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RequestError,
    RetrievalTimeout,
    StoreError,
)
from index.calculations import CalculationError
from index.errors import IndexUnusable

__all__ = ["MAX_RETRY_AFTER", "ApiError", "api_error", "not_found", "param_of", "refused"]

MAX_RETRY_AFTER = 120
_MAX_MESSAGE = 500
_MAX_PARAM = 120
_PATH = re.compile(r"(?<![\w/:.])~?(?:/[\w.@+-]+){2,}/?|\b[A-Za-z]:\\\S+")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_FIELDS = {
    "text": "messages",
    "question": "messages",
    "history": "messages",
    "form": "response_format",
}


@dataclass(frozen=True, slots=True)
class _Fields:
    status: int
    type: str
    param: str | None
    code: str | None
    retry_after: int | None


class ApiError(CitewiseError):
    """An answer that is an error. `retry_after` is in seconds, at most `MAX_RETRY_AFTER`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the wire's name
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        wait = None if retry_after is None else min(max(1, math.ceil(retry_after)), MAX_RETRY_AFTER)
        self.fields = _Fields(status, type, param and param[:_MAX_PARAM], code, wait)
        self.headers = headers
        self.message = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}…"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.fields.status

    def payload(self) -> dict[str, Any]:
        """The body, JSON-ready."""
        fields = self.fields
        return {
            "error": {
                "message": self.message,
                "type": fields.type,
                "param": fields.param,
                "code": fields.code,
            }
        }

    def body(self) -> bytes:
        """The body, as JSON."""
        return orjson.dumps(self.payload())


def refused(message: str, param: str | None, code: str | None = "invalid_value") -> ApiError:
    """A request that can't be honoured, with the field that is to blame."""
    return ApiError(400, message, param=param, code=code)


def not_found(model: str, known: Sequence[str]) -> ApiError:
    """A model's name that nobody has."""
    return ApiError(
        404,
        f"got the model {model[:80]!r}, expected one of: {', '.join(known)}; "
        "GET /v1/models lists them",
        param="model",
        code="model_not_found",
    )


def api_error(error: BaseException) -> ApiError:
    """What the wire says of an error raised anywhere below."""
    match error:
        case ApiError():
            return error
        case RequestError(field="model"):
            return ApiError(404, _scrubbed(error), param="model", code="model_not_found")
        case RequestError(field=field):
            return refused(_scrubbed(error), _FIELDS.get(field, field) if field else None)
        case CalculationError(field=field):
            return refused(
                _scrubbed(error), field if field in (None, "name") else f"inputs.{field}"
            )
        case ContextOverflow():
            return refused(
                "the conversation is longer than the model's context: send fewer or shorter "
                "messages, or a smaller max_completion_tokens",
                "messages",
                "context_length_exceeded",
            )
        case ValidationError():
            return _invalid(error)
    return _failed(error)


# What fails on this side: by class, the first that fits; status, code, message, Retry-After.
_FAILURES: tuple[tuple[type[BaseException], int, str, str, float | None], ...] = (
    (
        ModelTimeout,
        503,
        "model_timeout",
        "the language model took too long; try again after Retry-After",
        5,
    ),
    (
        RetrievalTimeout,
        503,
        "retrieval_timeout",
        "the search took too long; try again after Retry-After",
        5,
    ),
    (
        ModelUnavailable,
        503,
        "model_unavailable",
        "the language model can't be reached or is still loading; try again, and ask /readyz "
        "which part is missing",
        5,
    ),
    (
        IndexUnusable,
        503,
        "index_unusable",
        "the index can't be used; the server's log says why under this x-request-id",
        30,
    ),
    (
        StoreError,
        503,
        "store_unavailable",
        "the database can't be used now; the server's log says why under this x-request-id",
        5,
    ),
    (
        ModelError,
        500,
        "model_error",
        "the language model failed; the server's log says why under this x-request-id",
        None,
    ),
    (
        BaseException,
        500,
        "internal_error",
        "something failed on the server; its log says what under this x-request-id",
        None,
    ),
)


def _failed(error: BaseException) -> ApiError:
    """What failed on this side: which part, and whether to try again, but no details."""
    if isinstance(error, ModelBusy):
        return ApiError(
            429,
            "the language model takes no more requests now; try again after Retry-After",
            type="rate_limit_error",
            code="model_busy",
            retry_after=error.retry_after,
        )
    status, code, message, wait = next(
        failure[1:] for failure in _FAILURES if isinstance(error, failure[0])
    )
    if isinstance(error, ModelUnavailable):
        wait = error.retry_after
    return ApiError(status, message, type="server_error", code=code, retry_after=wait)


def param_of(loc: Sequence[int | str]) -> str | None:
    """A place in the body as OpenAI writes it: `messages[0].content`.

    Names that begin with "~" are branches of a union, which a client knows nothing of.
    """
    parts: list[str] = []
    for part in loc:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif not part.startswith("~"):
            parts.append(f".{part}" if parts else part)
    return "".join(parts) or None


def _invalid(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False, include_context=True)[0]
    param = param_of(first["loc"])
    expected = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return refused(f"{param} is missing: expected a value", param, "missing_required_parameter")
    more = error.error_count() - 1
    also = f" ({more} more)" if more else ""
    return refused(f"{param or 'body'}: got {_shown(first['input'])}: {expected}{also}", param)


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    """A value as an error shows it: its kind, and no more than its beginning."""
    if isinstance(value, dict):
        kind = value.get("type")
        return f"an object of type {kind[:40]!r}" if isinstance(kind, str) else "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"{value[:40]!r}… ({len(value)} characters)"
    return json.dumps(value)[:40]


def _scrubbed(error: Exception) -> str:
    return _PATH.sub("(a path)", _URL.sub("(an address)", str(error)))
