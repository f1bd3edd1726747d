"""Where on the map each passage lies: found once for an index, then kept beside it."""

from __future__ import annotations

import io
import logging
import threading
from pathlib import Path

import numpy as np

from app.ui.conversation import BrowsedIndex
from index.encoders import Vectors
from index.files import put
from index.projection import plane

__all__ = ["MOST", "Places", "means"]

_LOG = logging.getLogger(__name__)
# Points that are placed by likeness: twice as many take four times as long.
MOST = 1000
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_SPREAD = 0.004  # of the map's width, from a topic's middle to its first dot


class Places:
    """Finds an index's places, for all readers once; the file that keeps them may be deleted."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder that keeps places from one start to the next; None keeps none."""
        self._folder = folder
        self._finding = threading.Lock()
        self._known: tuple[str, Vectors] | None = None

    def of(self, index: BrowsedIndex) -> Vectors | None:
        """The passages' places, each coordinate from 0 to 1; None where topics are too many.

        Of many passages, topics are placed by likeness and a topic's passages around its middle.
        Takes seconds the first time. Shape: (passages, 2).
        """
        if len({passage.topic for passage in index.passages}) > MOST:
            return None
        with self._finding:
            if self._known is None or self._known[0] != index.fingerprint:
                self._known = index.fingerprint, self._read(index)
            return self._known[1]

    def _read(self, index: BrowsedIndex) -> Vectors:
        path = self._folder / f"{index.fingerprint}.npy" if self._folder else None
        if path is not None and path.exists():
            try:
                kept = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:
                _LOG.warning("%s can't be read and is made anew: %s", path, error)
            else:
                if kept.shape == (len(index.passages), 2) and np.isfinite(kept).all():
                    return np.asarray(kept, np.float32)
        found = plane(means(index)) if len(index.passages) <= MOST else _by_topic(index)
        if path is not None:
            _keep(path, found)
        return found


def _by_topic(index: BrowsedIndex) -> Vectors:
    """Place topics by likeness, and each one's passages in a spiral around it (Vogel 1979)."""
    topics = list(dict.fromkeys(passage.topic for passage in index.passages))
    owners = np.array([topics.index(passage.topic) for passage in index.passages])
    vectors = means(index)
    middles = plane(np.stack([vectors[owners == n].mean(axis=0) for n in range(len(topics))]))
    order = np.array([np.count_nonzero(owners[:row] == n) for row, n in enumerate(owners)])
    radius, angle = _SPREAD * np.sqrt(order + 0.5), _GOLDEN_ANGLE * order
    around = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    places: Vectors = np.clip(middles[owners] + around, 0, 1).astype(np.float32)
    return places


def means(index: BrowsedIndex) -> Vectors:
    """A passage's vector is the mean of its texts'. Shape: (passages, dimension)."""
    sums = np.zeros((len(index.passages), index.vectors.d), np.float32)
    counts = np.bincount(index.owners, minlength=len(index.passages))
    for row, owner in enumerate(index.owners):
        sums[owner] += index.vectors.reconstruct(row)
    return sums / np.maximum(counts, 1).astype(np.float32)[:, None]


def _keep(path: Path, places: Vectors) -> None:
    """Keep them for the next start, which they save work; a folder may be read-only."""
    packed = io.BytesIO()
    np.save(packed, places, allow_pickle=False)
    try:
        put(path, packed.getvalue())
    except OSError as error:
        _LOG.warning("the map's places are not kept: %s", error)
