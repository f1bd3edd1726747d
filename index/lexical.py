"""BM25 over passages, for the names and numbers that a dense encoder blurs.

Robertson and Zaragoza (2009), with Lucene's inverse document frequency, k1 = 1.5 and b = 0.75.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from index.digests import as_array, digest_of, digests_in
from index.files import put_array
from index.text.tokens import content_words

__all__ = ["Bm25"]

_K1, _B = 1.5, 0.75
_Numbers = NDArray[np.int32]


class Bm25:
    """A lexical index; its rows are the passages' positions.

    The postings of word w are the entries from `starts[w]` up to `starts[w + 1]` of `rows`, the
    documents that hold it, and of `counts`, how often. `digests[i]` tells document i from others.
    """

    def __init__(
        self,
        words: Sequence[str],
        starts: NDArray[np.int64],
        rows: _Numbers,
        counts: _Numbers,
        digests: Sequence[bytes],
    ) -> None:
        self._words, self._digests = words, digests
        self._starts, self._rows, self._counts = starts, rows, counts
        self._number = {word: number for number, word in enumerate(words)}
        lengths = np.bincount(rows, counts, minlength=len(digests))
        mean = lengths.mean() if lengths.any() else 1.0
        self._norms = (_K1 * (1 - _B + _B * lengths / mean)).astype(np.float32)

    @classmethod
    def build(cls, documents: Iterable[str], before: Bm25 | None = None) -> Bm25:
        """Index one document a passage; those that `before` holds are not cut into words again."""
        known = {} if before is None else before._by_document()
        vocabulary = {} if before is None else dict(before._number)
        digests: list[bytes] = []
        words, rows, counts = array("i"), array("i"), array("i")
        for row, document in enumerate(documents):
            digest = digest_of(document)
            digests.append(digest)
            if digest in known:
                own_words, own_counts = known[digest]
                words.frombytes(own_words.tobytes())
                counts.frombytes(own_counts.tobytes())
                rows.extend([row] * len(own_words))
                continue
            for word, count in Counter(content_words(document)).items():
                words.append(vocabulary.setdefault(word, len(vocabulary)))
                rows.append(row)
                counts.append(count)
        found = (np.frombuffer(numbers, np.int32) for numbers in (words, rows, counts))
        return cls._sorted(list(vocabulary), digests, *found)

    @classmethod
    def _sorted(
        cls,
        vocabulary: list[str],
        digests: Sequence[bytes],
        words: _Numbers,
        rows: _Numbers,
        counts: _Numbers,
    ) -> Bm25:
        """Put postings in the order of their words, and of documents within a word.

        Words are in the order of the alphabet, and those that no document holds are left out: the
        same documents give the same index, whatever was there before.
        """
        held = np.flatnonzero(np.bincount(words, minlength=len(vocabulary)))
        kept = sorted((vocabulary[number], number) for number in held.tolist())
        place = np.zeros(len(vocabulary), np.int64)
        place[[number for _, number in kept]] = np.arange(len(kept))
        found = place[words]
        order = np.argsort(found * max(len(digests), 1) + rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(found, minlength=len(kept)))])
        names = [word for word, _ in kept]
        return cls(names, starts.astype(np.int64), rows[order], counts[order], digests)

    def _by_document(self) -> dict[bytes, tuple[_Numbers, _Numbers]]:
        """Return each document's words, by their numbers, and how often each stands in it."""
        order = np.argsort(self._rows, kind="stable")
        numbers = np.arange(len(self._words), dtype=np.int32)
        words = np.repeat(numbers, np.diff(self._starts))[order]
        counts = self._counts[order]
        ends = np.cumsum(np.bincount(self._rows, minlength=len(self._digests))).tolist()
        return {
            digest: (words[start:end], counts[start:end])
            for digest, start, end in zip(self._digests, [0, *ends], ends, strict=False)
        }

    @classmethod
    def load(cls, folder: Path) -> Bm25:
        """Open what `save` wrote.

        Raises:
            ValueError: the files don't belong together.
        """
        words = orjson.loads((folder / "words.json").read_bytes())
        starts, rows, counts, digests = (
            np.load(folder / f"{name}.npy", allow_pickle=False)
            for name in ("starts", "rows", "counts", "digests")
        )
        if not (len(starts) == len(words) + 1 and len(rows) == len(counts) == starts[-1]):
            raise ValueError(
                f"{folder}: {len(words)} words, {len(starts)} starts, {len(rows)} rows and "
                f"{len(counts)} counts don't belong together"
            )
        return cls(words, starts, rows, counts, digests_in(digests))

    def save(self, folder: Path) -> None:
        """Write the index as NumPy arrays and JSON."""
        folder.mkdir()
        (folder / "words.json").write_bytes(orjson.dumps(self._words))
        put_array(folder / "starts.npy", self._starts)
        put_array(folder / "rows.npy", self._rows)
        put_array(folder / "counts.npy", self._counts)
        put_array(folder / "digests.npy", as_array(self._digests))

    def __len__(self) -> int:
        """Count the documents."""
        return len(self._digests)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Score every passage; 0 where no word is shared. Shape: (passages,)."""
        scores = np.zeros(len(self), np.float32)
        for word, times in Counter(content_words(query)).items():
            own = self._postings(word)
            rows, counts = self._rows[own], self._counts[own].astype(np.float32)
            weight = np.float32(
                times * math.log1p((len(self) - len(rows) + 0.5) / (len(rows) + 0.5))
            )
            scores[rows] += weight * counts / (counts + self._norms[rows])
        return scores

    def idf(self, token: str) -> float:
        """Return the inverse document frequency of a token: ln(1 + n/df), higher for rarer ones.

        A token that no passage holds counts as rarer than any that one does: as if half of one
        held it.
        """
        own = self._postings(token)
        return math.log1p(len(self) / (own.stop - own.start or 0.5))

    def _postings(self, word: str) -> slice:
        number = self._number.get(word)
        if number is None:
            return slice(0, 0)
        return slice(int(self._starts[number]), int(self._starts[number + 1]))
