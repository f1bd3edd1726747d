"""Parsers of binary formats in a process of their own, with limits of time and memory.

A file that crashes its parser, or keeps it busy for ever, costs that file: the process is ended
and the next file gets a new one. `python -m index.sources.isolated` is that process: a line of
JSON names a file, a line of JSON answers.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from index.errors import KnowledgeBaseError
from index.sources.blocks import Block, BlockKind, Parsed
from index.types import Link

__all__ = ["Isolated"]

_ROOT = Path(__file__).resolve().parent.parent.parent
_SECONDS = 120.0
_BYTES = 3 * 1024**3


@dataclass
class Isolated:
    """Parses files in another process, which is started with the first and ended by `close`.

    Args:
        seconds: how long one file may take.
        memory: how many bytes of address space the process may have.
    """

    seconds: float = _SECONDS
    memory: int = _BYTES
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def parse(self, kind: str, path: Path) -> Parsed:
        """The document at a path.

        Args:
            kind: the name of its format: `PDF`, `DOCX`, `PPTX`, `ODT`, `EPUB`, `XLSX` or `LATEX`.
            path: the file.

        Raises:
            KnowledgeBaseError: it can't be read, takes too long or brings its parser down.
        """
        process = self._process or self._started()
        pipe_in, pipe_out = process.stdin, process.stdout
        if pipe_in is None or pipe_out is None:
            raise AssertionError("the process was started with pipes")
        try:
            pipe_in.write(orjson.dumps([kind, str(path.resolve())]) + b"\n")
            pipe_in.flush()
            answer = self._answer(pipe_out)
        except BrokenPipeError:
            answer = b""
        if not answer.endswith(b"\n"):
            slow = process.poll() is None
            self.close()
            what = f"took longer than {self.seconds:.0f} s" if slow else "brought its parser down"
            raise KnowledgeBaseError(
                f"{path}: expected a file that can be parsed, found one that {what}"
            )
        found = orjson.loads(answer)
        if "error" in found:
            raise KnowledgeBaseError(found["error"])
        return _parsed(found)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "index.sources.isolated", str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
        )
        return self._process

    def _answer(self, pipe: IO[bytes]) -> bytes:
        """What the process answers; without a line break at its end where it does not."""
        import time

        until = time.monotonic() + self.seconds
        answer = b""
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(pipe.fileno(), 1 << 20) if ready else b""
            if not piece:
                break
            answer += piece
        return answer


def _parsed(found: dict[str, Any]) -> Parsed:
    blocks = tuple(
        Block(BlockKind[kind], text, level, anchor, page, tuple(Link(*link) for link in links))
        for kind, text, level, anchor, page, links in found["blocks"]
    )
    return Parsed(blocks, found["title"], found["url"])


def _as_json(parsed: Parsed) -> bytes:
    blocks = [
        (b.kind.name, b.text, b.level, b.anchor, b.page, [(k.label, k.url) for k in b.links])
        for b in parsed.blocks
    ]
    return orjson.dumps({"blocks": blocks, "title": parsed.title, "url": parsed.url})


def _parsers() -> dict[str, Callable[[Path], Parsed]]:
    from index.sources import latex, office, pdf, spreadsheet
    from index.sources.bounded_files import read_text

    return {
        "PDF": pdf.parse_pdf,
        "DOCX": office.parse_docx,
        "PPTX": office.parse_pptx,
        "ODT": office.parse_odt,
        "EPUB": office.parse_epub,
        "XLSX": spreadsheet.parse_xlsx,
        "LATEX": lambda path: latex.parse_latex(read_text(path)),
    }


def _answer_to(kind: str, path: Path) -> bytes:
    try:
        return _as_json(_parsers()[kind](path))
    except KnowledgeBaseError as error:
        return orjson.dumps({"error": str(error)})
    except (Exception, RecursionError) as error:  # noqa: BLE001 - whatever a parser stumbles over
        said = f"{path}: not readable: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return orjson.dumps({"error": said.encode("utf-8", "replace").decode()})


def _serve(memory: int) -> None:
    """Answer the files named on standard input, until it ends."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # What a parser prints must not stand between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        kind, path = orjson.loads(line)
        answers.write(_answer_to(kind, Path(path)) + b"\n")
        answers.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
