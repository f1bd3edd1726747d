"""Words of the shipped knowledge base's subject that rules of reading need, kept beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

__all__ = ["WORDS_FILE", "corpus_words"]

WORDS_FILE = Path(__file__).resolve().parent.parent / "corpus" / "words.toml"


@cache
def corpus_words(name: str) -> Sequence[Sequence[str]]:
    """Return the rows of words that the file has under a name."""
    rows = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))[name]
    return tuple(tuple(row) if isinstance(row, list) else (row,) for row in rows)
