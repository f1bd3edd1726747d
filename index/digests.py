"""Texts told apart by 16 bytes, so that what a text became is found again without keeping it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_array", "digest_of", "digests_in", "name_of"]

_BYTES = 16


def digest_of(text: str) -> bytes:
    """Return the digest of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


def name_of(digests: Sequence[bytes]) -> str:
    """Name what is made of some texts, in this order. 16 hexadecimal digits."""
    return hashlib.blake2b(b"".join(digests), digest_size=8).hexdigest()


def as_array(digests: Sequence[bytes]) -> NDArray[np.uint8]:
    """Lay digests out to be saved. Shape: (len(digests), 16)."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _BYTES)


def digests_in(array: NDArray[np.uint8]) -> list[bytes]:
    """Read what `as_array` laid out.

    Raises:
        ValueError: it is no array of digests.
    """
    if array.dtype != np.uint8 or array.ndim != 2 or array.shape[1] != _BYTES:
        raise ValueError(f"digests: {array.dtype} of shape {array.shape}, expected uint8 (n, 16)")
    whole = array.tobytes()
    return [whole[start : start + _BYTES] for start in range(0, len(whole), _BYTES)]
