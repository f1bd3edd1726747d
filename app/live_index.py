"""The index that serves now: a rebuilt one is picked up without a dropped request."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from index import store
from index.encoders import Encoder
from index.errors import IndexUnusable
from index.retrieve import HybridRetriever
from index.store import LoadedIndex

__all__ = ["LiveIndex"]

_log = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS = 1.0


class LiveIndex:
    """Holds a retriever over the current index of a directory and follows its `current` link."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        """Open the index.

        Raises:
            IndexUnusable: there is none, or it can't be used.
        """
        self._folder, self._encoder = folder, encoder
        self._retriever = HybridRetriever(store.load(folder, encoder.info), encoder)
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._refused: str | None = None

    @property
    def index(self) -> LoadedIndex:
        """The index as it is now."""
        return self._retriever.index

    def retriever(self) -> HybridRetriever:
        """Return the retriever over the newest usable index; callers keep it for one answer."""
        if time.monotonic() - self._looked >= _LOOK_EVERY_SECONDS and self._lock.acquire(False):
            try:
                self._looked = time.monotonic()
                self._follow()
            finally:
                self._lock.release()
        return self._retriever

    def _follow(self) -> None:
        name = store.current_fingerprint(self._folder)
        if name in (None, self.index.fingerprint, self._refused):
            return
        try:
            fresh = store.load(self._folder, self._encoder.info)
        except IndexUnusable as error:
            self._refused = name
            _log.error("the new index is not used, the old one still serves: %s", error)
            return
        self._retriever = HybridRetriever(fresh, self._encoder)
        _log.info("index %s serves from now on", fresh.fingerprint)
