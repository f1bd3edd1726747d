"""One model on several servers: the least busy is asked, one that fails is left out for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.chat_models import ChatModel, Decoding, ModelEvent
from app.record.errors import ContextOverflow, ModelBusy, ModelError, ModelUnavailable, ReplicaLost
from app.record.types import Message

__all__ = ["ReplicatedModel"]

_log = logging.getLogger("citewise.model")


@dataclass(slots=True, eq=False)
class _Replica:
    """A server, how many answers it writes, when it was asked last, and what waits for it."""

    model: ChatModel
    running: int = 0
    asked: int = 0
    healing: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        return self.healing is None


class ReplicatedModel:
    """Several servers of one model as one chat model.

    An answer that has not begun goes to another server when its own fails; one that has begun
    ends with `ReplicaLost`. A server that failed is asked for its models every `probe_seconds`
    and gets questions again once it lists them.
    """

    small = False
    writes_json = True

    def __init__(self, models: Sequence[ChatModel], *, probe_seconds: float = 1.0) -> None:
        """Take the servers' models; nothing is sent yet."""
        self._replicas = [_Replica(model) for model in models]
        self._probe_seconds, self._questions = probe_seconds, 0

    @property
    def name(self) -> str:
        """The model's name, as a server that answers calls it."""
        return self._in_use()[0].model.name

    @property
    def context_tokens(self) -> int:
        """The least of the servers' limits: any of them may be asked."""
        return min(replica.model.context_tokens for replica in self._in_use())

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn now."""
        return sum(replica.model.waiting for replica in self._replicas)

    @property
    def healthy(self) -> int:
        """How many of the servers are asked now."""
        return sum(replica.healthy for replica in self._replicas)

    async def ready(self) -> bool:
        """Ask each server that is not left out; one that answers is enough."""

        async def answers(replica: _Replica) -> bool:
            if not replica.healthy:
                return False
            ready = await replica.model.ready()
            if not ready:
                self._leave_out(replica, "it is not ready")
            return ready

        return any(await asyncio.gather(*map(answers, self._replicas)))

    async def load(self) -> None:
        """Find out what the servers serve; one that answers is enough.

        Raises:
            ModelUnavailable: none answers, or they serve different models.
        """
        healthy = [replica for replica in self._replicas if replica.healthy]
        loads = [replica.model.load() for replica in healthy]
        failed: ModelUnavailable | None = None
        for replica, error in zip(
            healthy, await asyncio.gather(*loads, return_exceptions=True), strict=True
        ):
            if isinstance(error, ModelUnavailable):
                self._leave_out(replica, error)
                failed = error
            elif error is not None:
                raise error
        if failed is not None and not self.healthy:
            raise failed
        names = sorted({replica.model.name for replica in self._replicas if replica.healthy})
        if len(names) > 1:
            raise ModelUnavailable(
                f"the servers of model_url serve different models: {', '.join(names)}; name one "
                "that all of them serve with --model"
            )

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count a prompt's tokens on any server."""
        await self.load()
        tried: list[_Replica] = []
        while True:
            replica = self._next(tried)
            try:
                return await replica.model.count_tokens(messages)
            except ModelUnavailable as error:
                self._failed(replica, error, tried)

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Relay an answer from the least busy server, or the next one if that fails before it."""
        await self.load()
        tried: list[_Replica] = []
        while True:
            replica = self._next(tried)
            begun = False
            replica.running += 1
            try:
                async with aclosing(replica.model.stream(messages, decoding)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except ContextOverflow:
                raise
            except ModelError as error:
                if begun:
                    self._leave_out(replica, error)
                    if self.healthy:
                        raise ReplicaLost(str(error)) from error
                    raise
                if not isinstance(error, ModelUnavailable | ModelBusy):
                    raise
                self._failed(replica, error, tried)
            finally:
                replica.running -= 1

    async def close(self) -> None:
        """Stop asking after servers and close the connections."""
        healing = [replica.healing for replica in self._replicas if replica.healing]
        for task in healing:
            task.cancel()
        await asyncio.gather(*healing, return_exceptions=True)
        await asyncio.gather(*(replica.model.close() for replica in self._replicas))

    def _in_use(self) -> list[_Replica]:
        return [replica for replica in self._replicas if replica.healthy] or self._replicas

    def _next(self, tried: Sequence[_Replica]) -> _Replica:
        """The server for a question: healthy, with the fewest answers, then the longest idle."""
        left = [replica for replica in self._replicas if replica not in tried]
        replica = min(left, key=lambda each: (not each.healthy, each.running, each.asked))
        self._questions += 1
        replica.asked = self._questions
        return replica

    def _failed(self, replica: _Replica, error: ModelError, tried: list[_Replica]) -> None:
        """Note a failure before the first token; raise it where no other server is left."""
        if isinstance(error, ModelUnavailable):
            self._leave_out(replica, error)
        tried.append(replica)
        if len(tried) == len(self._replicas):
            raise error

    def _leave_out(self, replica: _Replica, why: object) -> None:
        if replica.healthy:
            _log.warning("a model server is left out until it is well again: %s", why)
            replica.healing = asyncio.create_task(self._heal(replica))

    async def _heal(self, replica: _Replica) -> None:
        while True:
            await asyncio.sleep(self._probe_seconds)
            if await replica.model.ready():
                break
        _log.info("a model server is well again: %s", replica.model.name)
        replica.healing = None
