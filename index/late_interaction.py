"""Late interaction: how well each token of a query is met by some token of a passage.

Khattab and Zaharia (2020), ColBERT: S(q, p) = Σ_i w_i · max_j q_i · p_j over the tokens' contextual
vectors, all of length 1. Here w_i is the token's share of the query's inverse document frequency,
so that S lies in -1 to 1 and telling tokens count for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.encoders import Encoder, TokenEncoder, TokenVectors
from index.errors import WeightsError

__all__ = ["FILES", "UP_TO", "CodedTokens", "LateChoice", "LateIndex", "choose"]

LateChoice = Literal["auto", "on", "off"]
# The passages up to which `auto` keeps their tokens: about 40 kB each, so 2 GB.
UP_TO = 50_000

FILES = ("tokens/starts.npy", "tokens/ids.npy", "tokens/scales.npy", "tokens/codes.npy")


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


class LateIndex:
    """The token vectors of all passages, one after the other.

    The tokens of passage i are the rows from `starts[i]` up to `starts[i + 1]` of `tokens`.
    """

    def __init__(self, starts: NDArray[np.int64], tokens: CodedTokens) -> None:
        self._starts, self._ends, self._tokens = starts[:-1], starts[1:], tokens
        self._rarest = float(np.log1p(2 * len(self)))

    @cached_property
    def _weights(self) -> dict[int, float]:
        """How telling each token is, found when it is first asked for: a build never does."""
        starts = np.concatenate([self._starts, self._ends[-1:]])
        return _inverse_document_frequencies(self._tokens.ids, starts)

    def __len__(self) -> int:
        """Count the passages."""
        return len(self._starts)

    @property
    def tokens(self) -> int:
        """Count the tokens of all passages."""
        return int((self._ends - self._starts).sum())

    @classmethod
    def build(cls, passages: Sequence[CodedTokens]) -> LateIndex:
        """Put the passages' tokens together."""
        return cls(
            np.cumsum([0, *(len(passage.ids) for passage in passages)]),
            CodedTokens(
                np.concatenate([passage.ids for passage in passages]),
                np.concatenate([passage.scales for passage in passages]),
                np.concatenate([passage.codes for passage in passages]),
            ),
        )

    def passage(self, row: int) -> CodedTokens:
        """Return one passage's tokens."""
        own, tokens = slice(self._starts[row], self._ends[row]), self._tokens
        return CodedTokens(tokens.ids[own], tokens.scales[own], tokens.codes[own])

    def only(self, rows: NDArray[np.int64]) -> LateIndex:
        """Return the token vectors of some passages; how telling a token is stays that of all."""
        self._weights  # noqa: B018 - found for all, and taken along
        part = copy(self)
        part._starts, part._ends = self._starts[rows], self._ends[rows]
        return part

    def save(self, folder: Path) -> None:
        """Write the arrays of all passages as `FILES`."""
        (folder / FILES[0]).parent.mkdir()
        tokens = self._tokens
        starts = np.concatenate([[0], self._ends]).astype(np.int64)
        arrays: tuple[NDArray[Any], ...] = (starts, tokens.ids, tokens.scales, tokens.codes)
        for name, array in zip(FILES, arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> LateIndex:
        """Open what `save` wrote; the vectors stay on the disk until they are read.

        Raises:
            ValueError: the arrays don't belong together.
        """
        starts, ids, scales = (np.load(folder / name, allow_pickle=False) for name in FILES[:3])
        codes = np.load(folder / FILES[3], mmap_mode="r", allow_pickle=False)
        if not len(ids) == len(scales) == len(codes) == starts[-1]:
            raise ValueError(
                f"tokens: {len(ids)} ids, {len(scales)} scales, {len(codes)} vectors, "
                f"expected {starts[-1]} of each"
            )
        return cls(starts, CodedTokens(ids, scales, codes))

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
        lengths = self._ends[rows] - self._starts[rows]
        firsts = np.cumsum(lengths) - lengths
        tokens = np.arange(lengths.sum()) + np.repeat(self._starts[rows] - firsts, lengths)
        similarity = self._tokens.codes[tokens].astype(np.float32) @ query.vectors.T
        similarity *= self._tokens.scales[tokens, np.newaxis]
        return np.asarray(np.maximum.reduceat(similarity, firsts, axis=0), np.float32)


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


def _inverse_document_frequencies(
    ids: NDArray[np.int32], starts: NDArray[np.int64]
) -> dict[int, float]:
    """Return ln(1 + n / (df + ½)) of each token that some passage holds."""
    count = len(starts) - 1
    owners = np.repeat(np.arange(count), np.diff(starts))
    pairs = np.sort(ids.astype(np.int64) * max(count, 1) + owners)
    firsts = np.concatenate([pairs[:1], pairs[1:][np.diff(pairs) > 0]])
    frequencies = np.bincount(firsts // max(count, 1))
    tokens = np.flatnonzero(frequencies)
    found = frequencies[tokens]
    weights = np.log1p(count / (found + 0.5))
    return dict(zip(tokens.tolist(), weights.tolist(), strict=True))
