"""What isn't ready, in words for readers: the knowledge base, the model, a new index."""

from __future__ import annotations

import time
from typing import Final

from app.ui import texts
from app.ui.conversation import Answering, drafts

__all__ = ["HealthWatch"]

_SOON_S: Final = 2.0
_LATER_S: Final = 15.0
_NEWS_S: Final = 60.0  # how long a new index is told


class HealthWatch:
    """Looks at the pipeline for all readers, and remembers what it saw before."""

    def __init__(self, pipeline: Answering) -> None:
        self._pipeline = pipeline
        self._model_seen = False
        self._seen = ""
        self._news_until = 0.0

    @property
    def fingerprint(self) -> str:
        """The identity of the index that serves now."""
        return self._pipeline.index.fingerprint

    async def told(self) -> tuple[str, float]:
        """What readers should know, empty where all is well; and in how many seconds to look."""
        health = await self._pipeline.health()
        self._model_seen = self._model_seen or health.get("model", True)
        if not health.get("index", True):
            return texts.INDEX_MISSING, _SOON_S
        if drafts(self._pipeline) and not health.get("model", True):
            return (texts.MODEL_GONE if self._model_seen else texts.MODEL_LOADING), _SOON_S
        if self._renewed():
            return texts.INDEX_RENEWED, _LATER_S
        return (texts.INDEX_RENEWING if self._pipeline.renewing else ""), _LATER_S

    def _renewed(self) -> bool:
        now, found = time.monotonic(), self.fingerprint
        if self._seen and found != self._seen:
            self._news_until = now + _NEWS_S
        self._seen = found
        return now < self._news_until
