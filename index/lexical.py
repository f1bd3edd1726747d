"""BM25 over passages, for the names and numbers that a dense encoder blurs.

Robertson and Zaragoza (2009), in bm25s' Lucene variant with its k1 = 1.5 and b = 0.75.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

__all__ = ["Bm25", "content_words", "tokenize"]

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
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


def tokenize(text: str) -> list[str]:
    """Cut a text into lower-case stems and numbers; 50,257 and 50257 are one token."""
    folded = unicodedata.normalize("NFKC", text).lower()
    words = (word.replace(",", "") for word in _TOKEN.findall(folded))
    return [_stem(word) for word in words]


def content_words(text: str) -> list[str]:
    """Return the tokens of a text that carry meaning: stop words left out, then stemmed."""
    return list(_content_words(text))


@lru_cache(maxsize=8192)
def _content_words(text: str) -> tuple[str, ...]:
    """Kept, since verification reads the same evidence for every sentence of an answer."""
    folded = unicodedata.normalize("NFKC", text).lower()
    words = (word.replace(",", "") for word in _TOKEN.findall(folded))
    return tuple(_stem(word) for word in words if word not in STOP_WORDS)


class Bm25:
    """A lexical index; its rows are the passages' positions."""

    def __init__(self, index: bm25s.BM25, size: int) -> None:
        self._index, self._size = index, size

    @classmethod
    def build(cls, documents: Sequence[str]) -> Bm25:
        """Index one document a passage."""
        index = bm25s.BM25(method="lucene")
        # bm25s needs one token at least, even where every document is empty.
        tokens = [content_words(document) or ["\0"] for document in documents] or [["\0"]]
        index.index(tokens, show_progress=False)
        return cls(index, len(documents))

    @classmethod
    def load(cls, folder: Path, size: int) -> Bm25:
        """Open what `save` wrote."""
        return cls(bm25s.BM25.load(str(folder), mmap=False), size)

    def save(self, folder: Path) -> None:
        """Write the index as NumPy arrays and JSON."""
        self._index.save(str(folder), show_progress=False)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Score every passage; 0 where no word is shared. Shape: (passages,)."""
        known = [token for token in content_words(query) if token in self._index.vocab_dict]
        if not known or not self._size:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._index.get_scores(known), np.float32)[: self._size]

    def weight(self, token: str) -> float:
        """Return how much a token tells: its inverse document frequency, ln(1 + n/df).

        A token that no passage holds counts as the rarest there can be.
        """
        column = self._index.vocab_dict.get(token)
        found = 0
        if column is not None:
            pointers = self._index.scores["indptr"]
            found = int(pointers[column + 1] - pointers[column])
        return math.log1p(self._size / max(found, 1))
