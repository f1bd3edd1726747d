"""Logs, one line a record, as JSON or for people, and the one line that a request leaves.

No line holds what was asked, answered or found, unless the setting `log_questions` asks for
the questions: ids, counts and times only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson

__all__ = [
    "ACCESS",
    "ConsoleFormatter",
    "JsonFormatter",
    "LogFormat",
    "chosen_format",
    "log_request",
    "log_to",
]

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


class ConsoleFormatter(logging.Formatter):
    """A record as a line for people: time, level, event, its fields, its traceback after it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = getattr(record, "fields", None)
        shown = fields if isinstance(fields, Mapping) else {}
        told = " ".join(f"{name}={_shown(value)}" for name, value in shown.items())
        line = f"{at} {record.levelname.lower():<7} {_plain(record.getMessage())} {told}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _shown(value: object) -> str:
    return (
        orjson.dumps(value, default=str).decode() if isinstance(value, str | dict) else str(value)
    )


def _plain(text: str) -> str:
    return text.replace("\n", "\\n")


LogFormat = Literal["json", "console"]


def chosen_format(asked: Literal["auto", "json", "console"], stream: TextIO) -> LogFormat:
    """The form of a log: as it was asked for, else by whether people read the stream."""
    if asked != "auto":
        return asked
    return "console" if stream.isatty() else "json"


def log_to(
    stream: TextIO = sys.stderr, level: int = logging.INFO, form: LogFormat = "json"
) -> logging.Handler:
    """Send Citewise's own logs to a stream; return the handler.

    Called by whoever runs the server, once; nothing is configured by importing.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else ConsoleFormatter())
    root = logging.getLogger("citewise")
    root.addHandler(handler)
    root.setLevel(level)
    root.propagate = False
    return handler


def log_request(fields: Mapping[str, Any]) -> None:
    """Leave a request's one line."""
    ACCESS.info("request", extra={"fields": fields})
