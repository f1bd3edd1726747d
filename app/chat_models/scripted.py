"""A model that says what it is told to: for tests that must decide what the model says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from app.chat_models import Decoding, Finished, ModelEvent, Piece, ToolCall
from app.record.errors import ModelError
from app.record.types import FinishReason, Message, Usage

__all__ = ["ScriptedChatModel"]

Script = Sequence[str] | Callable[[Sequence[Message]], Sequence[str]]


class ScriptedChatModel:
    """Plays the given pieces; records every prompt and every cancellation."""

    context_tokens = 8192
    writes_json = True

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        delay: float = 0,
        fail_after: int | None = None,
        small: bool = False,
        reason: FinishReason = "stop",
        calls: Sequence[ToolCall] = (),
        yes: Callable[[str], float | None] = lambda prompt: None,
    ) -> None:
        """Set the script.

        Args:
            script: the pieces, or what makes them from the prompt.
            name: the name that answers record.
            delay: seconds before each piece.
            fail_after: raise ModelError after that many pieces; None never fails.
            small: what `small` says.
            reason: why it ends.
            calls: the tools that it calls where it is given some; it says nothing then.
            yes: the chance of yes that it tells of a prompt, where that is asked for.
        """
        self.name, self.small = name, small
        self._script, self._delay, self._fail_after = script, delay, fail_after
        self._reason: FinishReason = reason
        self._calls, self._yes = tuple(calls), yes
        self.prompts: list[list[Message]] = []
        self.called_for: list[list[Message]] = []  # prompts with tools
        self.decodings: list[Decoding] = []
        self.cancelled = 0
        self.running = 0
        self.waiting = 0

    async def ready(self) -> bool:
        """Always ready."""
        return True

    async def load(self) -> None:
        """Nothing to load."""

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """One token a word."""
        return sum(len(message.content.split()) for message in messages)

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Play the script."""
        (self.called_for if decoding.tools else self.prompts).append(list(messages))
        if not decoding.tools:
            self.decodings.append(decoding)
        calls = self._calls if decoding.tools else ()
        pieces: Sequence[str] = ()
        if not (decoding.tools or decoding.yes_or_no):
            pieces = self._script(messages) if callable(self._script) else self._script
        self.running += 1
        finished = False
        try:
            for number, piece in enumerate(pieces):
                if self._fail_after is not None and number >= self._fail_after:
                    raise ModelError("the scripted model fails here")
                if self._delay:
                    await asyncio.sleep(self._delay)
                yield Piece(piece)
            finished = True
            words = sum(len(piece.split()) for piece in pieces)
            usage = Usage(await self.count_tokens(messages), words)
            yes = self._yes(messages[-1].content) if decoding.yes_or_no else None
            yield Finished(self._reason, usage, calls=calls, yes=yes)
        finally:
            self.running -= 1
            self.cancelled += not finished

    async def close(self) -> None:
        """Nothing to close."""
