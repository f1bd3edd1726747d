"""Bytes and text from disk, bounded and checked before any parser sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from index.errors import KnowledgeBaseError

__all__ = ["MAX_BYTES", "About", "Document", "read_bytes", "read_text"]

# Parsers hold a multiple of a file in memory; 32 MiB of text is 25 times the shipped corpus.
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a file from elsewhere, and goes before what it says of itself.

    `title` is the work's, `url` where it was found, `label` how it is cited, with its `year`.
    What is not known is empty or None.
    """

    title: str = ""
    url: str = ""
    label: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it is cited: its path from the folder that was read, and its address, if any.

    `source` is the name of the knowledge base that it is read into.
    """

    path: str
    url: str = ""
    source: str = ""
    about: About = field(default_factory=About)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of bounded size.

    Raises:
        KnowledgeBaseError: the file can't be opened or is larger than `MAX_BYTES`.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise KnowledgeBaseError(
                f"{path}: expected a file of at most {MAX_BYTES:,} bytes, found {size:,}; split it"
            )
        return path.read_bytes()
    except OSError as error:
        raise KnowledgeBaseError(f"{path}: expected a readable file, found: {error}") from error


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises:
        KnowledgeBaseError: the file is unreadable, too large, not UTF-8, or holds NUL bytes.
    """
    data = read_bytes(path)
    nul = data.find(b"\0")
    if nul >= 0:
        raise KnowledgeBaseError(
            f"{path}: expected UTF-8 text, found a NUL byte at offset {nul} "
            "(a binary or UTF-16 file?); convert it to UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KnowledgeBaseError(
            f"{path}: expected UTF-8 text, found byte 0x{data[error.start]:02x} "
            f"at offset {error.start}; convert it to UTF-8"
        ) from error
