"""The index that serves now: a rebuilt one is picked up without a dropped request."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from index import files, store
from index.encoders import Encoder
from index.errors import IndexUnusable
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.vectors import VectorOpener
from index.vectors.faiss_store import open_faiss

__all__ = ["LiveIndex"]

_log = logging.getLogger("citewise.index")
_LOOK_EVERY_SECONDS = 1.0
_MOST_PARTS = 16  # of the index, that are asked within


class LiveIndex:
    """Holds a retriever over the current index of a directory and follows its `current` link.

    A request looks at the link at most once in `look_every` seconds; a new index is opened in a
    thread of its own, while requests go on with the one that is there.
    """

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        *,
        open_vectors: VectorOpener = open_faiss,
        look_every: float = _LOOK_EVERY_SECONDS,
    ) -> None:
        """Open the index.

        Raises:
            IndexUnusable: there is none, or it can't be used.
        """
        self._folder, self._encoder, self._open_vectors = folder, encoder, open_vectors
        # Read before the index is: one that becomes current in between is seen as a change.
        self._seen = store.current_state(folder)
        self._retriever = self._open()
        self._look_every = look_every
        self._looking, self._dividing = threading.Lock(), threading.Lock()
        self._parts: dict[tuple[str, ...], HybridRetriever] = {}
        self._parts_of: HybridRetriever | None = None
        self._names: tuple[str, ...] = ()
        self._looked = time.monotonic()

    @property
    def index(self) -> LoadedIndex:
        """The index as it is now."""
        return self._retriever.index

    @property
    def renewing(self) -> bool:
        """Whether another index is being built in its place."""
        return files.changing(self._folder)

    def health(self) -> dict[str, bool]:
        """Tell whether there is something to find, and whether the encoder encodes."""
        encoder = self.retriever().encoder
        encoded = encoder.encode_queries(["ready"])
        return {
            "index": len(self.index.passages) > 0,
            "encoder": encoded.shape == (1, encoder.info.dimension),
        }

    def retriever(self) -> HybridRetriever:
        """Return the retriever over the newest usable index; callers keep it for one answer."""
        if time.monotonic() - self._looked >= self._look_every:
            self._look()
        return self._retriever

    def within(self, sources: tuple[str, ...]) -> HybridRetriever:
        """Return a retriever over some sources' passages alone, kept until the index changes.

        Raises:
            KnowledgeBaseError: there is no source of one of the names.
        """
        from index.within import only

        whole = self.retriever()
        with self._dividing:
            self._divide(whole)
            if sources not in self._parts:
                if len(self._parts) >= _MOST_PARTS:
                    self._parts.clear()
                part = only(whole.index, self._names, sources)
                self._parts[sources] = HybridRetriever(part, whole.encoder, whole.settings)
            return self._parts[sources]

    def sources(self) -> tuple[str, ...]:
        """Return the names that `within` takes, sorted."""
        whole = self.retriever()
        with self._dividing:
            self._divide(whole)
            return tuple(sorted({name for name in self._names if name}))

    def _divide(self, whole: HybridRetriever) -> None:
        """Tell of each passage which source it is from, once for an index."""
        from index.within import source_names

        if self._parts_of is not whole:
            self._parts, self._parts_of = {}, whole
            self._names = source_names(self._folder, whole.index)

    def _look(self) -> None:
        """Start to open the current index if it is another than before, unless that is going on."""
        if not self._looking.acquire(blocking=False):
            return
        following = False
        try:
            self._looked = time.monotonic()
            state = self._state()
            if state not in (None, self._seen):
                threading.Thread(target=self._follow, name="follow-index", daemon=True).start()
                self._seen, following = state, True
        except RuntimeError as error:  # no thread to be had: the next look tries again
            _log.warning("the new index is not opened yet: %s", error)
        finally:
            if not following:
                self._looking.release()

    def _state(self) -> tuple[str, int, int] | None:
        try:
            return store.current_state(self._folder)
        except IndexUnusable as error:
            _log.error("the index can't be followed, the old one still serves: %s", error)
            return None

    def _follow(self) -> None:
        try:
            self._retriever = self._open()
            _log.info("index %s serves from now on", self.index.fingerprint)
        except IndexUnusable as error:
            _log.error("the new index is not used, the old one still serves: %s", error)
        finally:
            self._looking.release()

    def _open(self) -> HybridRetriever:
        index = store.load(self._folder, self._encoder.info, open_vectors=self._open_vectors)
        return HybridRetriever(index, self._encoder)
