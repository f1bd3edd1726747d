"""A writer of questions for tests: what it writes follows from the passage alone."""

from __future__ import annotations

import argparse
import os
import signal
import time
import zlib
from collections.abc import Mapping

from index.types import Passage


class FixedWriter:
    """Writes the passage's own heading, variations of it and things to be dropped."""

    concurrency = 3

    def __init__(self, *, dies_after: int | None = None, how: str = "kill") -> None:
        self.asked: list[str] = []
        self._dies_after, self._how = dies_after, how

    @property
    def identity(self) -> Mapping[str, str]:
        return {"model": "fixed"}

    async def questions(self, passage: Passage, count: int) -> str:
        if self._dies_after is not None and len(self.asked) == self._dies_after:
            if self._how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
        self.asked.append(passage.id)
        return "\n".join(
            [
                passage.heading,
                f"1. Tell me, {passage.heading}",
                f'- "so {passage.text[:60].strip()} or what?"',
                "",
                "According to the text, what is it?",
                "This is a statement and no question.",
                f"who won football match {zlib.crc32(passage.id.encode())}?",
                "Is it?",
                "x" * 500,
            ]
        )

    async def close(self) -> None:
        pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dies-after", type=int)
    parser.add_argument("--how", default="kill")


def open_writer(options: argparse.Namespace) -> FixedWriter:
    return FixedWriter(dies_after=options.dies_after, how=options.how)
