"""Weights files as views of the file: nothing is copied before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["map_tensors"]

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Map a safetensors file: the length of a JSON header, the header, then the tensors' bytes.

    safetensors' own loader holds every tensor twice while it reads. Writing to a view
    changes no file.

    Raises:
        OSError: the file can't be read.
        ValueError, KeyError: it is no safetensors file, or of a number type not known here.
    """
    data = np.memmap(path, np.uint8, "c")  # OpenVINO takes no read-only array
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8:start].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            flat = data[first:last].view(_TYPES[entry["dtype"]])
            tensors[name] = np.asarray(flat).reshape(entry["shape"])
    return tensors
