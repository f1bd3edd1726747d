"""The commands run in this process: what they print and end with, without a start of Python each.

A few tests start them as processes all the same: where encodings, pipes or imports are at stake.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from dataclasses import dataclass
from unittest import mock

__all__ = ["Shown", "command"]


@dataclass(frozen=True)
class Shown:
    """What a command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def command(*words: str, stdin: str | bytes = b"", **environment: str) -> Shown:
    """Run `python -m WORDS…` with a standard input and more environment variables."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (given, b"", b"")]
    package, *arguments = words
    main = importlib.import_module(f"{package}.__main__").main
    with (
        mock.patch.object(sys, "stdin", streams[0]),
        mock.patch.object(sys, "stdout", streams[1]),
        mock.patch.object(sys, "stderr", streams[2]),
        mock.patch.dict(os.environ, environment),
    ):
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = stop.code
    printed = []
    for stream in streams[1:]:
        stream.seek(0)
        printed.append(stream.read())
    assert isinstance(status, int)
    return Shown(status, *printed)
