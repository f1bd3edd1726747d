"""What a key may use: requests a minute, tokens a day, and how much at once.

Both limits are buckets that fill evenly: a key may spend a whole minute's requests or a whole
day's tokens at once, and then as they come back. What was spent is kept in memory: a restart
forgets it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextvars import ContextVar

from app.api.admission import Admission
from app.api.errors import ApiError
from app.api.keys import ApiKey
from app.config.settings import Settings
from app.record.hooks import ModelCall
from app.record.types import Answer

__all__ = ["ACCOUNT", "RATE_HEADERS", "Account", "Accounts", "Bucket", "Meter"]

RATE_HEADERS = tuple(
    f"x-ratelimit-{what}-{name}"
    for name in ("requests", "tokens")
    for what in ("limit", "remaining", "reset")
)
Clock = Callable[[], float]


class Bucket:
    """Holds up to `capacity`, and fills from empty to full in `seconds`."""

    def __init__(self, capacity: int, seconds: float, clock: Clock = time.monotonic) -> None:
        self.capacity, self._seconds, self._clock = capacity, seconds, clock
        self._level, self._at = float(capacity), clock()

    @property
    def level(self) -> float:
        """What is in it now; below zero after more was spent than there was."""
        now = self._clock()
        filled = self._level + (now - self._at) * self.capacity / self._seconds
        self._level, self._at = min(float(self.capacity), filled), now
        return self._level

    @property
    def remaining(self) -> int:
        """Whole units that can be spent now."""
        return max(0, math.floor(self.level))

    def spend(self, units: float) -> None:
        """Take out, below zero if need be."""
        self._level = self.level - units

    def seconds_until(self, units: float) -> float:
        """How long until it holds that much."""
        return max(0.0, units - self.level) * self._seconds / self.capacity


class Account:
    """One key's limits, and what is left of them."""

    def __init__(
        self,
        key: ApiKey,
        places: int,
        queue: int,
        clock: Clock = time.monotonic,
        *,
        longest_wait: float = math.inf,
    ) -> None:
        self.key = key
        self.admission = Admission(places, queue, longest_wait, key=key.name)
        self._requests = (
            Bucket(key.requests_per_minute, 60, clock) if key.requests_per_minute else None
        )
        self._tokens = Bucket(key.tokens_per_day, 86_400, clock) if key.tokens_per_day else None

    def admit(self) -> None:
        """Count a request.

        Raises:
            ApiError: 429, the key has no requests or no tokens left for now.
        """
        if self._tokens and self._tokens.level < 1:
            raise self._spent("tokens a day", self._tokens)
        if self._requests:
            if self._requests.level < 1:
                raise self._spent("requests a minute", self._requests)
            self._requests.spend(1)

    def spend(self, tokens: int) -> None:
        """Count tokens, after they were used: nobody knows before how many it will be."""
        if self._tokens:
            self._tokens.spend(tokens)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What is left, as OpenAI tells it."""
        return [
            (f"x-ratelimit-{what}-{name}".encode(), told.encode())
            for name, bucket in (("requests", self._requests), ("tokens", self._tokens))
            if bucket
            for what, told in (
                ("limit", str(bucket.capacity)),
                ("remaining", str(bucket.remaining)),
                ("reset", _duration(bucket.seconds_until(bucket.capacity))),
            )
        ]

    def _spent(self, what: str, bucket: Bucket) -> ApiError:
        wait = bucket.seconds_until(1)
        return ApiError(
            429,
            f"the key {self.key.name!r} may use {bucket.capacity} {what} and has used them; the "
            f"next comes in {_duration(wait)}",
            type="rate_limit_error",
            code="rate_limit_exceeded",
            retry_after=wait,
        )


ACCOUNT: ContextVar[Account | None] = ContextVar("citewise_account", default=None)


class Accounts:
    """Every key's account, for as long as its limits stay the same."""

    def __init__(self, settings: Settings, clock: Clock = time.monotonic) -> None:
        self._places, self._queue = settings.max_concurrent_per_key, settings.max_queued_per_key
        self._longest_wait, self._clock = settings.max_wait_seconds, clock
        self._known: dict[str, Account] = {}

    def of(self, key: ApiKey) -> Account:
        """The account of a key; a new one where the key or its limits are new."""
        known = self._known.get(key.name)
        if known is None or known.key != key:
            known = self._known[key.name] = Account(
                key, self._places, self._queue, self._clock, longest_wait=self._longest_wait
            )
        return known


class Meter:
    """Charges model calls to the key whose request made them; an `Observer`."""

    def stage(self, name: str, seconds: float, details: object) -> None:
        """Stages cost nothing."""

    def model_called(self, call: ModelCall) -> None:
        """Charge a call's tokens, those of a broken or stopped one included."""
        account = ACCOUNT.get()
        if account is not None:
            account.spend(call.usage.prompt_tokens + call.usage.completion_tokens)

    def answered(self, answer: Answer) -> None:
        """The calls behind the answer were charged as they ended."""


def _duration(seconds: float) -> str:
    """As OpenAI writes it: 6m0s, 1h2m3s, 20ms."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1e3)}ms"
    whole = math.ceil(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return (
        (f"{hours}h" if hours else "") + (f"{minutes}m" if whole >= 60 else "") + f"{whole % 60}s"
    )
