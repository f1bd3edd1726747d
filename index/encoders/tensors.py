"""Weights files as views of the file: nothing is copied before it is used."""

from __future__ import annotations

import json
import mmap
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MappedTensors", "map_tensors"]

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}


class MappedTensors(dict[str, NDArray[Any]]):
    """A file's tensors by name. An entry may be replaced; the views are not to be written to."""

    def __init__(self, file: mmap.mmap, tensors: dict[str, NDArray[Any]]) -> None:
        """Hold the views of a mapped file."""
        super().__init__(tensors)
        self._file = file

    def give_back(self) -> None:
        """Give the memory of what was read so far back; what is asked for again is read again.

        Only Linux can be told.
        """
        if sys.platform == "linux":
            self._file.madvise(mmap.MADV_DONTNEED)


def map_tensors(path: Path) -> MappedTensors:
    """Map a safetensors file: the length of a JSON header, the header, then the tensors' bytes.

    safetensors' own loader holds every tensor twice while it reads.

    Raises:
        OSError: the file can't be read.
        ValueError, KeyError: it is no safetensors file, or of a number type not known here.
    """
    with path.open("rb") as opened:
        # A private copy in name: OpenVINO takes no read-only array.
        file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    data = np.frombuffer(file, np.uint8)
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8:start].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            flat = data[first:last].view(_TYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return MappedTensors(file, tensors)
