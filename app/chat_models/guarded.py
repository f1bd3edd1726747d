"""A chat model with deadlines, one retry before the first token, and a circuit breaker."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field

from app.chat_models import ChatModel, Decoding, Finished, ModelEvent, Piece
from app.chat_models.breaker import Breaker, BreakerState
from app.chat_models.waiting_line import Line
from app.record.errors import (
    ContextOverflow,
    ModelBusy,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
)
from app.record.hooks import ModelCall, Observers
from app.record.types import Message, Usage

__all__ = ["GuardedModel", "Patience"]

_log = logging.getLogger("citewise.model")
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a model may take and how often it may fail.

    `first_token` and `total` are seconds from asking on, a server's own queue included; where
    the model answers one at a time, from a call's turn on. The retry comes after a random time
    between the two of `pause`, or a model's Retry-After if that is at most `longest_wait`.
    """

    first_token: float = 120.0
    total: float = 600.0
    pause: tuple[float, float] = (0.1, 0.5)
    longest_wait: float = 2.0


@dataclass(slots=True)
class _Call:
    """A call in the making."""

    begun: float = field(default_factory=time.perf_counter)
    first_token: float | None = None
    tokens: int = 0
    usage: Usage | None = None
    finish_reason: str | None = None
    outcome: str = "stopped"
    retried: bool = False
    cached: int = 0

    def saw(self, event: ModelEvent) -> None:
        if isinstance(event, Piece):
            self.tokens += event.tokens
            if self.first_token is None:
                self.first_token = time.perf_counter() - self.begun
        else:
            self.usage, self.finish_reason, self.outcome = event.usage, event.reason, "ok"
            self.cached = event.cached


class GuardedModel:
    """Any chat model, guarded; what it is called and how it counts stay the model's own."""

    def __init__(
        self,
        model: ChatModel,
        breaker: Breaker,
        patience: Patience | None = None,
        observers: Observers | None = None,
        provider: str = "openai",
        jitter: Callable[[float, float], float] = random.uniform,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        """Put a guard before a model.

        Args:
            model: what writes.
            breaker: when it is left alone.
            patience: how long it may take.
            observers: who is told of each call.
            provider: what kind of engine the model runs on.
            jitter: draws a time between two, in seconds.
            one_at_a_time: whether calls wait for each other; none of them ages meanwhile.
        """
        self.inner, self._breaker = model, breaker
        self._patience, self._observers = patience or Patience(), observers or Observers()
        self._provider, self._jitter = provider, jitter
        self._line = Line() if one_at_a_time else None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.inner.name

    @property
    def context_tokens(self) -> int:
        """The model's limit."""
        return self.inner.context_tokens

    @property
    def small(self) -> bool:
        """Whether the model is too small to follow long instructions."""
        return self.inner.small

    @property
    def writes_json(self) -> bool:
        """Whether the model can be held to a form."""
        return self.inner.writes_json

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn now."""
        return self.inner.waiting + (self._line.waiting if self._line else 0)

    @property
    def breaker(self) -> BreakerState:
        """Whether calls go through."""
        return self._breaker.state

    async def ready(self) -> bool:
        """Tell whether a question would be answered now; never while the breaker is open."""
        return self._breaker.state != "open" and await self.inner.ready()

    async def load(self) -> None:
        """Make the model ready."""
        await self.inner.load()

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count a prompt's tokens; while the breaker is open the model is not asked.

        Raises:
            ModelUnavailable: the breaker is open.
            ModelTimeout: it took longer than a first token may.
        """
        self._refuse_if_open()
        try:
            async with asyncio.timeout(self._patience.first_token):
                return await self._counted(messages)
        except TimeoutError as error:
            raise self._late("count a prompt's tokens", self._patience.first_token) from error

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Write an answer.

        Raises:
            ModelTimeout: the first token or the last did not come in time.
            ModelUnavailable: the breaker is open, or the model failed before its first token
                and once more when it was asked again.
        """
        async with self._line.turn() if self._line else nullcontext():
            call = _Call()
            try:
                async with aclosing(self._tried(messages, decoding, call)) as events:
                    async for event in events:
                        call.saw(event)
                        yield event
            except Exception as error:
                call.outcome = type(error).__name__
                raise
            finally:
                self._tell(call, messages, decoding)

    async def close(self) -> None:
        """Release what the model holds."""
        await self.inner.close()

    async def _counted(self, messages: Sequence[Message]) -> int:
        try:
            return await self.inner.count_tokens(messages)
        except ModelUnavailable as error:
            self._breaker.failed()
            if self._breaker.state == "open":
                raise
            await asyncio.sleep(self._pause(error))
        try:
            return await self.inner.count_tokens(messages)
        except ModelUnavailable:
            self._breaker.failed()
            raise

    async def _tried(
        self, messages: Sequence[Message], decoding: Decoding, call: _Call
    ) -> AsyncGenerator[ModelEvent, None]:
        """The model's events; once more from the beginning where it failed before the first."""
        while True:
            try:
                async with aclosing(self._once(messages, decoding, call)) as events:
                    async for event in events:
                        yield event
                return
            except (ModelUnavailable, ModelBusy) as error:
                late = isinstance(error, ModelTimeout)
                pause = self._pause(error)
                if call.tokens or call.retried or late or pause > self._patience.longest_wait:
                    raise
                _log.warning("the model is asked once more in %.1f s: %s", pause, error)
                call.retried = True
                await asyncio.sleep(pause)

    async def _once(
        self, messages: Sequence[Message], decoding: Decoding, call: _Call
    ) -> AsyncGenerator[ModelEvent, None]:
        attempt = self._breaker.enter()
        if attempt is None:
            raise self._refusal()
        try:
            async with aclosing(self.inner.stream(messages, decoding)) as events:
                while True:
                    event = await self._next(events, call)
                    attempt.began()
                    yield event
                    if isinstance(event, Finished):
                        attempt.succeeded()
                        return
        except (ModelBusy, ContextOverflow):
            raise
        except ModelError:
            attempt.failed()
            raise
        finally:
            attempt.given_up()

    async def _next(self, events: AsyncGenerator[ModelEvent, None], call: _Call) -> ModelEvent:
        """The next event, within what is left of the time for the first token or the whole."""
        patience, spent = self._patience, time.perf_counter() - call.begun
        first = call.first_token is None
        most = min(patience.first_token, patience.total) if first else patience.total
        try:
            async with asyncio.timeout(max(0.0, most - spent)):
                return await anext(events)
        except StopAsyncIteration:
            raise ModelError(
                f"{self.name} ended its text without saying that it had finished"
            ) from None
        except TimeoutError as error:
            what = "begin its answer" if first else "end its answer"
            raise self._late(what, most) from error

    def _late(self, what: str, seconds: float) -> ModelTimeout:
        return ModelTimeout(
            f"{self.name} did not {what} within {seconds:g} s (settings model_first_token_seconds "
            "and model_total_seconds)"
        )

    def _pause(self, error: ModelError) -> float:
        asked = error.retry_after if isinstance(error, ModelBusy) else 0.0
        return asked + self._jitter(*self._patience.pause)

    def _refuse_if_open(self) -> None:
        if self._breaker.state == "open":
            raise self._refusal()

    def _refusal(self) -> ModelUnavailable:
        wait = max(1.0, self._breaker.wait_seconds)
        return ModelUnavailable(
            f"{self.name} failed again and again and is left alone for {wait:.0f} s more",
            retry_after=wait,
        )

    def _tell(self, call: _Call, messages: Sequence[Message], decoding: Decoding) -> None:
        usage = call.usage
        if usage is None:
            characters = sum(len(message.content) for message in messages)
            read = call.tokens or call.outcome == "stopped"
            prompt = characters // _CHARACTERS_PER_TOKEN if read else 0
            usage = Usage(prompt, call.tokens)
        self._observers.model_called(
            ModelCall(
                model=self.name,
                provider=self._provider,
                seconds=time.perf_counter() - call.begun,
                first_token=call.first_token,
                usage=usage,
                outcome=call.outcome,
                finish_reason=call.finish_reason,
                retried=call.retried,
                cached=call.cached,
                request={
                    "temperature": decoding.temperature,
                    "top_p": decoding.top_p,
                    "max_tokens": decoding.max_tokens,
                },
            )
        )
