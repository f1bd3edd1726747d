"""Logs as JSON, one line a record, and the one line that a request leaves.

No line holds what was asked, answered or found: ids, counts and times only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

__all__ = ["ACCESS", "JsonFormatter", "log_request", "log_to"]

ACCESS = logging.getLogger("citewise.access")


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, logger, event, its fields, its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            line |= fields
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def log_to(stream: TextIO = sys.stderr, level: int = logging.INFO) -> logging.Handler:
    """Send Citewise's own logs to a stream as JSON lines; return the handler.

    Called by whoever runs the server, once; nothing is configured by importing.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger("citewise")
    root.addHandler(handler)
    root.setLevel(level)
    root.propagate = False
    return handler


def log_request(fields: Mapping[str, Any]) -> None:
    """Leave a request's one line."""
    ACCESS.info("request", extra={"fields": fields})
