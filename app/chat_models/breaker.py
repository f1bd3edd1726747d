"""A circuit breaker (Nygard, Release It!, 2007): what keeps failing is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

__all__ = ["Attempt", "Breaker", "BreakerState"]

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Opens after so many failures in a row; then one trial decides whether it closes again."""

    def __init__(
        self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Close it.

        Args:
            failures: in a row, after which it opens.
            seconds: how long it stays open before a trial.
            clock: seconds that only grow.
        """
        self._most, self._seconds, self._clock = failures, seconds, clock
        self._failures = 0
        self._opened: float | None = None
        self._trial: Attempt | None = None

    @property
    def state(self) -> BreakerState:
        """Closed lets all attempts through, open none, half open one."""
        if self._opened is None:
            return "closed"
        return "open" if self.wait_seconds > 0 else "half_open"

    @property
    def wait_seconds(self) -> float:
        """How long it stays open; 0 where it isn't."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self._seconds - self._clock())

    def enter(self) -> Attempt | None:
        """Begin an attempt; None where it is not allowed to."""
        match self.state:
            case "closed":
                return Attempt(self)
            case "half_open" if self._trial is None:
                self._trial = Attempt(self)
                return self._trial
        return None

    def failed(self) -> None:
        """Count a failure; while it is open, what began before adds nothing."""
        if self.state == "open":
            return
        self._failures += 1
        if self._failures >= self._most:
            self._opened, self._trial = self._clock(), None

    def _closed(self, failures: int) -> None:
        self._failures, self._opened, self._trial = failures, None, None

    def _began(self, attempt: Attempt) -> None:
        if attempt is self._trial:
            # One more failure in mid-stream opens it again at once.
            self._closed(self._most - 1)

    def _ended(self, attempt: Attempt, *, well: bool) -> None:
        if well and (attempt is self._trial or self._opened is None):
            self._closed(0)
        elif attempt is self._trial:
            self._trial = None


class Attempt:
    """One call that the breaker let through; ended by `succeeded`, `failed` or `given_up`."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker, self._over = breaker, False

    def began(self) -> None:
        """It gives signs of life: a breaker that tried with it closes."""
        self._breaker._began(self)

    def succeeded(self) -> None:
        """It did what it should."""
        if not self._over:
            self._breaker._ended(self, well=True)
        self._over = True

    def failed(self) -> None:
        """It failed."""
        if not self._over:
            self._breaker.failed()
        self._over = True

    def given_up(self) -> None:
        """It ended without telling anything: its caller left, or it was refused."""
        if not self._over:
            self._breaker._ended(self, well=False)
        self._over = True
