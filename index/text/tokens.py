"""Words as they are compared: lower-case stems and numbers.

Stems are Porter's second (Snowball, English); the same text always gives the same tokens.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

__all__ = ["STOP_WORDS", "UNSEEN", "content_words", "stem", "tokenize"]

UNSEEN = "\0"
"""A token that no text holds: its inverse document frequency is the highest there can be."""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)+|\w+")
_STEMMER = Stemmer.Stemmer("english")
STOP_WORDS = frozenset(
    "a about all an and any are as at be been being but by can could did do does doing done for "
    "from get gets getting give given go got had has have having he her here hers him his how i "
    "if in into is isn it its itself just let ll made make makes many may me might more most much "
    "must my no not of off on one only or other our out over own per please quite rather really "
    "re s same say says she should so some still such t tell than that the their them then there "
    "these they thing things this those to too u up us use used using ve very was way ways we "
    "were what when where which while who whom whose why will with would you your".split()
)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the stem of a lower-case word."""
    return str(_STEMMER.stemWord(word))


def tokenize(text: str) -> list[str]:
    """Cut a text into lower-case stems and numbers; 50,257 and 50257 are one token."""
    folded = unicodedata.normalize("NFKC", text).lower()
    words = (word.replace(",", "") for word in _TOKEN.findall(folded))
    return [stem(word) for word in words]


def content_words(text: str) -> list[str]:
    """Return the tokens of a text that carry meaning: stop words left out, then stemmed."""
    return list(_content_words(text))


@lru_cache(maxsize=8192)
def _content_words(text: str) -> tuple[str, ...]:
    """Kept, since verification reads the same evidence for every sentence of an answer."""
    folded = unicodedata.normalize("NFKC", text).lower()
    words = (word.replace(",", "") for word in _TOKEN.findall(folded))
    return tuple(stem(word) for word in words if word not in STOP_WORDS)
