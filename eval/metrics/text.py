"""Reading text for scoring: folding, words, sentences, markers. Shared by the other metrics."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["MARKER", "char_ngrams", "content", "fold", "sentences", "strip_markers", "words"]

MARKER = re.compile(r"\s?\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[a-z]+)?")
_DASHES = re.compile("[‐‑‒–—−]")
_QUOTES = {ord("‘"): "'", ord("’"): "'", ord("“"): '"', ord("”"): '"'}
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[A-Z0-9•*-])|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|al|vs|cf|fig|eq|sec|dr|approx|no|vol|ca)|\b[A-Z])\.$", re.IGNORECASE
)
_EMPTY_WORDS = (
    "a an the and or but if of to in on at by for from with as is are was were be been being it "
    "its this that these those there which who whom what when where how why than then so such do "
    "does did has have had can could may might must shall should will would not no nor only also "
    "about into over under out up down their they them he she his her we our you your i my me"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())


def fold(text: str) -> str:
    """Fold compatibility forms, case, dashes and quotes, so that equal texts compare equal."""
    text = _DASHES.sub("-", text.translate(_QUOTES))
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """Cut a text into folded words and numbers, thousands separators removed."""
    return [word.replace(",", "") for word in _WORD.findall(fold(text))]


def content(text: str) -> list[str]:
    """Return the words that carry meaning, inflections trimmed."""
    return [_trim(word) for word in words(text) if word not in _EMPTY]


@lru_cache(maxsize=65536)
def _trim(word: str) -> str:
    """Trim English inflection, lightly (an S-stemmer after Harman 1991, with -ing and -ed)."""
    if word[0].isdigit() or len(word) <= 3:
        return word
    word = word.removesuffix("'s")
    for ending, least, put in (
        ("ies", 5, "y"), ("sses", 6, "ss"), ("ing", 6, ""), ("ied", 5, "y"), ("ed", 5, ""),
        ("ly", 6, ""), ("es", 6, ""), ("s", 4, ""),
    ):  # fmt: skip
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word[: len(word) - len(ending)] + put
            break
    return word.removesuffix("e") if len(word) > 4 else word


def char_ngrams(text: str, n: int = 4) -> frozenset[str]:
    """Return the character n-grams of the folded text, spaces included."""
    folded = " ".join(words(text))
    return frozenset(folded[i : i + n] for i in range(max(1, len(folded) - n + 1)))


def sentences(text: str) -> list[str]:
    """Cut a text into sentences at end marks and line breaks, abbreviations spared."""
    found: list[str] = []
    for piece in _END.split(text):
        piece = piece.strip().lstrip("-*•").strip()
        if not piece:
            continue
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {piece}"
        else:
            found.append(piece)
    return found


def strip_markers(text: str) -> str:
    """Take citation markers out of a text."""
    return re.sub(r"\s+([.,;:!?])", r"\1", MARKER.sub("", text)).strip()
