"""What was encoded for an index that is still being made, so that a build that ends goes on there.

Encoding is nearly all of a build's time. What it gives is put beside the index, some passages at a
time, and deleted once the index is written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from index import files
from index.encoders import EncoderInfo, Vectors
from index.errors import IndexUnusable
from index.late_interaction import CodedTokens, LateIndex

__all__ = ["Unfinished"]

_HOME = "unfinished"


class Unfinished:
    """What one encoder gave for passages whose index is not written yet."""

    def __init__(self, folder: Path, encoder: EncoderInfo) -> None:
        """Take the index directory; nothing is made before something is put."""
        made_by = hashlib.sha256(orjson.dumps(encoder.as_dict())).hexdigest()
        self._home = folder / _HOME / made_by[:16]

    def put(self, texts: Sequence[str], vectors: Vectors, tokens: Sequence[CodedTokens]) -> None:
        """Keep what texts became, all of it or nothing.

        Raises:
            IndexUnusable: it can't be written.
        """
        name = hashlib.sha256(orjson.dumps(list(texts))).hexdigest()[:16]
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            if (self._home / name).exists():
                return
            with files.beside(self._home) as fresh:
                (fresh / "texts.json").write_bytes(orjson.dumps(list(texts)))
                np.save(fresh / "vectors.npy", vectors, allow_pickle=False)
                LateIndex.build(tokens).save(fresh)
                files.sync_tree(fresh)
                os.replace(fresh, self._home / name)
        except OSError as error:
            raise IndexUnusable(
                f"{self._home} could not be written: {error.strerror or error}; expected a folder "
                "that can be written and has room; mend that and run the same command again"
            ) from error

    def found(self) -> Iterator[tuple[str, Vectors, CodedTokens]]:
        """Yield each text with its vector and its tokens, which stay on the disk until read.

        What can't be read is left out: it is encoded again.
        """
        for part in sorted(self._home.glob("[0-9a-f]*")):
            try:
                texts = orjson.loads((part / "texts.json").read_bytes())
                vectors = np.load(part / "vectors.npy", allow_pickle=False)
                late = LateIndex.load(part)
            except (OSError, ValueError):
                continue
            if len(texts) == len(vectors) == len(late):
                for row, text in enumerate(texts):
                    yield text, vectors[row], late.passage(row)

    def clear(self) -> None:
        """Delete what was kept, whichever encoder it is of."""
        if self._home.parent.exists():
            shutil.rmtree(self._home.parent, ignore_errors=True)
