"""What an answer's stages took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["Clock"]


@dataclass(slots=True)
class Clock:
    """Milliseconds a stage, and since the start."""

    started: float = field(default_factory=time.perf_counter)
    timings: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str) -> None:
        """Note when a stage was reached first."""
        self.timings.setdefault(stage, (time.perf_counter() - self.started) * 1e3)
