"""BM25 over passages, for the names and numbers that a dense encoder blurs.

Robertson and Zaragoza (2009), in bm25s' Lucene variant with its k1 = 1.5 and b = 0.75.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray

from index.text.tokens import UNSEEN, content_words

__all__ = ["Bm25"]


class Bm25:
    """A lexical index; its rows are the passages' positions."""

    def __init__(self, index: bm25s.BM25, size: int) -> None:
        self._index, self._size = index, size

    @classmethod
    def build(cls, documents: Sequence[str]) -> Bm25:
        """Index one document a passage."""
        index = bm25s.BM25(method="lucene")
        # bm25s needs one token at least, even where every document is empty.
        tokens = [content_words(document) or [UNSEEN] for document in documents] or [[UNSEEN]]
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

    def idf(self, token: str) -> float:
        """Return the inverse document frequency of a token: ln(1 + n/df), higher for rarer ones.

        A token that no passage holds counts as rarer than any that one does: as if half of one
        held it.
        """
        column = self._index.vocab_dict.get(token)
        found = 0
        if column is not None:
            pointers = self._index.scores["indptr"]
            found = int(pointers[column + 1] - pointers[column])
        return math.log1p(self._size / (found or 0.5))
