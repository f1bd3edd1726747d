"""What was encoded for an index that is still being made, so that a build that ends goes on there.

Encoding is nearly all of a build's time. What it gives is put beside the index, some texts at a
time, so that memory holds little of it, and deleted once the index is written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import orjson

from index import files
from index.digests import as_array, digests_in, name_of
from index.encoders import EncoderInfo, Vectors
from index.late_interaction import TokenSegment
from index.store import unwritable

__all__ = ["Unfinished"]

_HOME, _VECTORS, _TOKENS = "unfinished", "vectors", "tokens"
_Part = TypeVar("_Part")


class Unfinished:
    """What one encoder gave for texts whose index is not written yet."""

    def __init__(self, folder: Path, encoder: EncoderInfo) -> None:
        """Take the index directory; nothing is made before something is put."""
        made_by = hashlib.sha256(orjson.dumps(encoder.as_dict())).hexdigest()
        self._folder, self._home = folder, folder / _HOME / made_by[:16]

    def put_vectors(self, digests: Sequence[bytes], vectors: Vectors) -> None:
        """Keep the vectors of texts, all of them or nothing. Shape: vectors (len(digests), d).

        Raises:
            IndexUnusable: they can't be written.
        """

        def write(folder: Path) -> None:
            files.put_array(folder / "digests.npy", as_array(digests))
            files.put_array(folder / "vectors.npy", vectors)

        self._put(self._home / _VECTORS / name_of(digests), write)

    def put_tokens(self, segment: TokenSegment) -> TokenSegment:
        """Keep a segment, all of it or nothing, and return it as it lies on the disk.

        Raises:
            IndexUnusable: it can't be written.
        """
        place = self._home / _TOKENS / segment.name
        self._put(place, segment.save)
        with self._refused():
            return TokenSegment.load(place)

    def _put(self, place: Path, write: Callable[[Path], None]) -> None:
        with self._refused():
            if place.exists():
                return
            place.parent.mkdir(parents=True, exist_ok=True)
            with files.beside(place.parent) as fresh:
                write(fresh)
                files.sync_tree(fresh)
                os.replace(fresh, place)

    @contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritable(self._folder, error) from error

    def vectors(self) -> Iterator[tuple[list[bytes], Vectors]]:
        """Yield texts' digests with their vectors. Shape: vectors (len(digests), d)."""
        yield from self._readable(_VECTORS, _vectors_in)

    def segments(self) -> Iterator[TokenSegment]:
        """Yield the segments."""
        yield from self._readable(_TOKENS, TokenSegment.load)

    def _readable(self, kind: str, read: Callable[[Path], _Part]) -> Iterator[_Part]:
        """Read the parts of a kind; one that is damaged is removed, to be encoded again."""
        with self._refused():
            places = sorted((self._home / kind).glob("[0-9a-f]*"))
        for place in places:
            with self._refused():
                try:
                    part = read(place)
                except (FileNotFoundError, EOFError, ValueError):
                    shutil.rmtree(place)
                    continue
            yield part

    def clear(self) -> None:
        """Delete what was kept, whichever encoder it is of; what can't be deleted harms nobody."""
        with suppress(OSError):
            shutil.rmtree(self._home.parent)


def _vectors_in(place: Path) -> tuple[list[bytes], Vectors]:
    digests = digests_in(np.load(place / "digests.npy", allow_pickle=False))
    vectors = np.load(place / "vectors.npy", allow_pickle=False)
    if len(digests) != len(vectors):
        raise ValueError(f"{place}: {len(vectors)} vectors, expected {len(digests)}")
    return digests, vectors
