"""What the command lines share: one clear line for an error, progress, and JSON for programs."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from index.errors import CitewiseError

__all__ = [
    "Parser",
    "Progress",
    "escape_unprintable",
    "print_json",
    "progress_bar",
    "run",
    "say",
    "text",
]

Progress = Callable[[int, int], None]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line on standard error, with status 2."""

    def error(self, message: str) -> Any:  # noqa: ANN401 - never returns
        """Say what is wrong with the arguments and how to see what is right."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def escape_unprintable() -> None:
    """Have characters that the terminal's encoding lacks shown by their numbers."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(name: str, command: Callable[[], int]) -> int:
    """Run a command and turn what goes wrong on purpose into one line and a status.

    Status 2 is bad input or a missing part, 130 an interruption by the user.
    """
    try:
        return command()
    except CitewiseError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone, which is its right (`| head`).
        sys.stderr.close()
        return 0
    except OSError as error:
        # A full disk, a folder that is read-only, no temporary folder: the machine's, not ours.
        where = f": {error.filename}" if error.filename else ""
        print(f"{name}: the system refused: {error.strerror or error}{where}", file=sys.stderr)
        return 2


def text(given: str) -> str:
    """Pass an argument that is text; bytes that are no UTF-8 reach Python as half characters.

    Raises:
        ArgumentTypeError: it has such bytes.
    """
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(
            f"got bytes that are no UTF-8 ({given[:60]!a}), expected text"
        ) from error
    return given


def say(text: str) -> None:
    """Tell the person something that is no result."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: object) -> None:
    """Print one line of JSON on standard output, as UTF-8, or as ASCII where that isn't UTF-8."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not utf8)
    print(text.encode("utf-8", "backslashreplace").decode() if utf8 else text, flush=True)


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """Show how far long work has come, on standard error; plain lines where it is no terminal."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str) -> Progress:
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth > told:
            told = tenth
            say(f"{what}: {done}/{total}")

    return tell
