"""How much of a question stands in what a passage is asked for.

A passage's own text speaks of many things that it does not answer; its question, its label and the
other ways in which it is asked for say what it does. So the question's words are looked for there
by themselves, beside the search in all the words of a passage (fields of their own, as in BM25F,
Robertson et al. 2004).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.store import LoadedIndex
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = ["AskedWords"]

_UNASKED = frozenset({PassageKind.DESCRIPTION, PassageKind.SNIPPET, PassageKind.CAVEAT})
_WAYS = 2  # a passage's own text, and its question


class AskedWords:
    """The stems under which each passage is asked for, read when they are first needed.

    Beside passages that are asked for in several ways, a document's part or a bare question counts
    by all that it says; what nobody asks for by itself, such as a topic's description, has none.
    Where no passage is asked for in several ways, none has any: a heading alone tells too little.
    """

    def __init__(self, index: LoadedIndex) -> None:
        self._index = index
        self._texts = np.argsort(index.owners, kind="stable")
        self._starts = np.searchsorted(index.owners[self._texts], np.arange(len(index.passages)))
        self._words: dict[int, frozenset[str]] = {}
        self._tells = bool(np.any(np.bincount(index.owners) > _WAYS))

    def shares(self, query: str, rows: Sequence[int]) -> NDArray[np.float32]:
        """Return the share of a query's words, by how telling they are. Shape: (len(rows),)."""
        weights = {word: self._index.lexical.idf(word) for word in content_words(query)}
        total = sum(weights.values())
        if not (total and self._tells):
            return np.zeros(len(rows), np.float32)
        met = [sum(weights[word] for word in weights.keys() & self._of(row)) for row in rows]
        return np.array(met, np.float32) / np.float32(total)

    def _of(self, row: int) -> frozenset[str]:
        found = self._words.get(row)
        if found is None:
            unasked = self._index.passages[row].kind in _UNASKED
            words = () if unasked else map(content_words, self._asking(row))
            found = self._words[row] = frozenset().union(*words)
        return found

    def _asking(self, row: int) -> list[str]:
        """The texts that ask for a passage: its first is all that it says."""
        own = self._texts[self._starts[row] : self._end(row)]
        asking = own[1:] if len(own) > _WAYS else own
        return [self._index.texts[text].text for text in asking]

    def _end(self, row: int) -> int:
        return int(self._starts[row + 1]) if row + 1 < len(self._starts) else len(self._texts)
