"""Late interaction: how well each token of a query is met by some token of a passage.

Khattab and Zaharia (2020), ColBERT: S(q, p) = Σ_i w_i · max_j q_i · p_j over the tokens' contextual
vectors, all of length 1. Here w_i is the token's share of the query's inverse document frequency,
so that S lies in -1 to 1 and telling tokens count for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index import files
from index.digests import as_array, digests_in, name_of
from index.encoders import Encoder, TokenEncoder, TokenVectors
from index.errors import WeightsError

__all__ = [
    "UP_TO", "CodedTokens", "LateChoice", "LateIndex", "TokenSegment", "choose", "saved_segments",
]  # fmt: skip

LateChoice = Literal["auto", "on", "off"]
# The passages up to which `auto` keeps their tokens: about 40 kB each, so 2 GB.
UP_TO = 50_000

_FILES = ("digests.npy", "starts.npy", "ids.npy", "scales.npy", "codes.npy")
_HOME, _PLACES = "tokens", "places.npy"


@dataclass(frozen=True, slots=True)
class CodedTokens:
    """A passage's token vectors in 8 bits: row i stands for `scales[i]` · `codes[i]`.

    Shapes: `ids` and `scales` (tokens,), `codes` (tokens, dimension).
    """

    ids: NDArray[np.int32]
    scales: NDArray[np.float32]
    codes: NDArray[np.int8]

    @classmethod
    def of(cls, tokens: TokenVectors) -> CodedTokens:
        """Round each vector to whole multiples of a scale of its own."""
        scales = np.maximum(np.abs(tokens.vectors).max(axis=1), 1e-12) / 127
        codes = np.round(tokens.vectors / scales[:, np.newaxis]).astype(np.int8)
        return cls(tokens.ids, scales.astype(np.float32), codes)


@dataclass(frozen=True, slots=True, eq=False)
class TokenSegment:
    """The token vectors of some passages, one passage after the other; never changed once written.

    `digests[i]` tells which text row i is of; its tokens are those from `starts[i]` up to
    `starts[i + 1]`. `folder` is where it lies, and `sha256` what is known of its files there.
    """

    digests: Sequence[bytes]
    starts: NDArray[np.int64]
    tokens: CodedTokens
    folder: Path | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, digests: Sequence[bytes], passages: Sequence[CodedTokens]) -> TokenSegment:
        """Put passages' tokens together."""
        return cls(
            digests,
            np.cumsum([0, *(len(passage.ids) for passage in passages)], dtype=np.int64),
            CodedTokens(
                np.concatenate([passage.ids for passage in passages]),
                np.concatenate([passage.scales for passage in passages]),
                np.concatenate([passage.codes for passage in passages]),
            ),
        )

    def __len__(self) -> int:
        """Count the passages."""
        return len(self.starts) - 1

    @property
    def name(self) -> str:
        """What its folder is called: the same texts in the same order have the same name."""
        return name_of(self.digests)

    def passage(self, row: int) -> CodedTokens:
        """Return one passage's tokens."""
        own, tokens = slice(self.starts[row], self.starts[row + 1]), self.tokens
        return CodedTokens(tokens.ids[own], tokens.scales[own], tokens.codes[own])

    def save(self, folder: Path) -> None:
        """Put its files into an empty folder. What lies in another is linked, not written again.

        Raises:
            OSError: it can't be written.
        """
        tokens = self.tokens
        arrays: tuple[NDArray[Any], ...] = (
            as_array(self.digests), self.starts, tokens.ids, tokens.scales, tokens.codes
        )  # fmt: skip
        for name, array in zip(_FILES, arrays, strict=True):
            there = self.folder / name if self.folder is not None else None
            if there is not None and there.exists():
                files.same(there, folder / name)
            else:
                files.put_array(folder / name, array)

    @classmethod
    def load(
        cls,
        folder: Path,
        sha256: Mapping[str, str] | None = None,
        digests: Sequence[bytes] | None = None,
    ) -> TokenSegment:
        """Open what `save` wrote; the vectors stay on the disk until they are read.

        Args:
            folder: where it lies.
            sha256: what is known of its files, by their names.
            digests: those of its texts, where it was written without them.

        Raises:
            ValueError: the arrays don't belong together.
        """
        if digests is None:
            digests = digests_in(np.load(folder / _FILES[0], allow_pickle=False))
        starts, ids, scales = (np.load(folder / name, allow_pickle=False) for name in _FILES[1:4])
        codes = np.load(folder / _FILES[4], mmap_mode="r", allow_pickle=False).view(np.ndarray)
        if len(starts) != len(digests) + 1:
            raise ValueError(f"tokens: {len(starts)} starts, expected {len(digests) + 1}")
        if not len(ids) == len(scales) == len(codes) == starts[-1]:
            raise ValueError(
                f"tokens: {len(ids)} ids, {len(scales)} scales, {len(codes)} vectors, "
                f"expected {starts[-1]} of each"
            )
        return cls(digests, starts, CodedTokens(ids, scales, codes), folder, sha256 or {})


class LateIndex:
    """The token vectors of all passages.

    Those of passage i are in row `places[i, 1]` of segment `places[i, 0]`.
    """

    def __init__(self, segments: Sequence[TokenSegment], places: NDArray[np.int32]) -> None:
        self.segments = tuple(segments)
        self._places = places
        self._rarest = float(np.log1p(2 * len(self)))

    @cached_property
    def _weights(self) -> dict[int, float]:
        """How telling each token is, found when it is first asked for: a build never does."""
        return _inverse_document_frequencies([self.passage(row).ids for row in range(len(self))])

    def __len__(self) -> int:
        """Count the passages."""
        return len(self._places)

    @property
    def tokens(self) -> int:
        """Count the tokens of all passages."""
        lengths = [np.diff(segment.starts) for segment in self.segments]
        return sum(int(lengths[segment][row]) for segment, row in self._places.tolist())

    def passage(self, row: int) -> CodedTokens:
        """Return one passage's tokens."""
        segment, place = self._places[row]
        return self.segments[int(segment)].passage(int(place))

    def only(self, rows: NDArray[np.int64]) -> LateIndex:
        """Return the token vectors of some passages; how telling a token is stays that of all."""
        self._weights  # noqa: B018 - found for all, and taken along
        part = copy(self)
        part._places = self._places[rows]
        return part

    def save(self, folder: Path) -> dict[str, str]:
        """Put segments and places below `folder`.

        Returns:
            The sha256 of the files for which it is known, by their paths from `folder`.

        Raises:
            OSError: they can't be written.
        """
        home = folder / _HOME
        home.mkdir()
        order = sorted(range(len(self.segments)), key=lambda number: self.segments[number].name)
        places = self._places.copy()
        places[:, 0] = np.argsort(order)[places[:, 0]]
        files.put_array(home / _PLACES, places)
        known: dict[str, str] = {}
        for segment in self.segments:
            (home / segment.name).mkdir()
            segment.save(home / segment.name)
            known |= {
                f"{_HOME}/{segment.name}/{name}": sha256 for name, sha256 in segment.sha256.items()
            }
        return known

    @classmethod
    def load(cls, folder: Path) -> LateIndex:
        """Open what `save` wrote; the vectors stay on the disk until they are read.

        Raises:
            ValueError: the arrays don't belong together.
        """
        places = np.load(folder / _HOME / _PLACES, allow_pickle=False)
        return cls(saved_segments(folder), places)

    def weights(self, query: TokenVectors) -> NDArray[np.float32]:
        """Return each token's share of the query's inverse document frequency. (tokens,)."""
        found = [self._weights.get(token, self._rarest) for token in query.ids.tolist()]
        return np.asarray(found, np.float32) / np.float32(sum(found))

    def met(self, query: TokenVectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how well passages meet each of the query's tokens. Shape: (len(rows), tokens).

        The weighted sum over the tokens, `met @ weights`, is the late interaction score.
        """
        if not len(rows):
            return np.zeros((0, len(query.ids)), np.float32)
        passages = [self.passage(row) for row in rows.tolist()]
        firsts = np.cumsum([0, *(len(passage.ids) for passage in passages[:-1])])
        codes = np.concatenate([passage.codes for passage in passages])
        similarity = codes.astype(np.float32) @ query.vectors.T
        similarity *= np.concatenate([passage.scales for passage in passages])[:, np.newaxis]
        return np.asarray(np.maximum.reduceat(similarity, firsts, axis=0), np.float32)


def saved_segments(folder: Path, sha256: Mapping[str, str] | None = None) -> list[TokenSegment]:
    """Open the segments that a `LateIndex` saved, in the order that its places mean.

    Args:
        folder: the index.
        sha256: what is known of its files, by their paths from there.

    Raises:
        ValueError: the arrays don't belong together.
    """
    known = sha256 or {}
    return [
        TokenSegment.load(
            path,
            {
                name: known[key]
                for name in _FILES
                if (key := f"{_HOME}/{path.name}/{name}") in known
            },
        )
        for path in sorted((folder / _HOME).iterdir())
        if path.is_dir()
    ]


def choose(choice: LateChoice, passages: int, encoder: Encoder) -> TokenEncoder | None:
    """Turn the setting into the encoder of the passages' tokens, or None to keep none.

    Raises:
        WeightsError: tokens are asked for and the encoder gives none.
    """
    gives = encoder if isinstance(encoder, TokenEncoder) else None
    if choice == "on" and gives is None:
        raise WeightsError(
            f"encoder {encoder.info.name} gives no token vectors: expected one that does, such as "
            "citewise-dpr, for --late-interaction on; leave it to auto or turn it off"
        )
    return gives if choice == "on" or (choice == "auto" and passages <= UP_TO) else None


def _inverse_document_frequencies(passages: Sequence[NDArray[np.int32]]) -> dict[int, float]:
    """Return ln(1 + n / (df + ½)) of each token that some passage holds."""
    count = len(passages)
    owners = np.repeat(np.arange(count), [len(ids) for ids in passages])
    ids = np.concatenate(passages) if count else np.zeros(0, np.int32)
    pairs = np.sort(ids.astype(np.int64) * max(count, 1) + owners)
    firsts = np.concatenate([pairs[:1], pairs[1:][np.diff(pairs) > 0]])
    frequencies = np.bincount(firsts // max(count, 1))
    tokens = np.flatnonzero(frequencies)
    found = frequencies[tokens]
    weights = np.log1p(count / (found + 0.5))
    return dict(zip(tokens.tolist(), weights.tolist(), strict=True))
