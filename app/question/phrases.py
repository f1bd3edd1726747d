"""How people put what is no question, read from `phrases.toml` as regular expressions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["filler_words", "patterns"]

_FILE = Path(__file__).with_name("phrases.toml")
_INSIDE = frozenset({"inline", "alone"})
_PART = re.compile(r"<<(\w+)>>")


@cache
def patterns(section: str) -> Mapping[str, re.Pattern[str]]:
    """Return a section's patterns by name, each with all alternatives of its list.

    Parts stand in the place of their names; case is ignored. Wishes are looked for inside a
    message, as whole words.
    """
    around = r"(?<![\w'-])(?:{})(?![\w'-])" if section in _INSIDE else "{}"
    return {
        name: re.compile(around.format(_filled("|".join(lines))), re.IGNORECASE)
        for name, lines in _raw()[section].items()
    }


@cache
def filler_words() -> frozenset[str]:
    """Return the words that carry a wish about the last answer and no subject of their own."""
    return frozenset(_raw()["words"]["filler"].split())


@cache
def _raw() -> Mapping[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _filled(pattern: str) -> str:
    while _PART.search(pattern):
        pattern = _PART.sub(lambda found: f"(?:{'|'.join(_raw()['parts'][found[1]])})", pattern)
    return pattern
