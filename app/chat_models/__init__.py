"""Chat models behind one protocol: prompt in, pieces of text out, streamed and cancellable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.record.types import FinishReason, JsonForm, Message, Usage

__all__ = ["ChatModel", "Decoding", "Finished", "ModelEvent", "Piece", "ToolCall"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """The sampling that a model is asked for, every choice made.

    `temperature` 0 is greedy; `top_p` in (0, 1], 1 keeps the whole distribution (nucleus
    sampling, Holtzman et al. 2020); `max_tokens` counts the answer alone; a `form` holds the
    text to JSON, which only models that say `writes_json` can do; `n` texts are written at once,
    more than one only by a server's model; `tools` are functions that it may call, as OpenAI
    describes them, which only a server's model does; `yes_or_no` wants one word of it, and how
    likely that is yes.
    """

    temperature: float
    top_p: float
    max_tokens: int
    seed: int | None = None
    stop: tuple[str, ...] = ()
    form: JsonForm | None = None
    n: int = 1
    tools: tuple[Mapping[str, Any], ...] = ()
    yes_or_no: bool = False

    @classmethod
    def one_word(cls) -> Decoding:
        """Ask for yes or no, and for the chance of yes."""
        return cls(temperature=0.0, top_p=1.0, max_tokens=1, yes_or_no=True)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model calls; `arguments` is the JSON that it wrote, unchecked."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it comes from the model: a token or several that came together, cut anywhere.

    `choice` says to which of several texts it belongs, from 0.
    """

    text: str
    tokens: int = 1
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The stream's last event; `seed` is what the model drew where none was asked for.

    `cut` tells that the text was broken off, perhaps within a sentence; `calls` are the tools
    that it calls. `yes` is the chance, 0 to 1, that it says yes rather than no, where that was
    asked for; None if its server does not tell, or it was about to say neither. `cached` are the
    tokens of the prompt that its server had read before, where it tells.
    """

    reason: FinishReason
    usage: Usage
    seed: int | None = None
    cut: bool = False
    calls: tuple[ToolCall, ...] = ()
    yes: float | None = None
    cached: int = 0


ModelEvent = Piece | Finished


class ChatModel(Protocol):
    """A language model that chats.

    Closing the generator that `stream` returns stops the model. A model is loaded by its
    first use or by `load`; until then `ready` is False.
    """

    @property
    def name(self) -> str:
        """The model's name, as answers record it."""

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""

    @property
    def small(self) -> bool:
        """Whether the model is too small to follow long instructions."""

    @property
    def writes_json(self) -> bool:
        """Whether the model can be held to a form."""

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn now."""

    async def ready(self) -> bool:
        """Tell whether a question would be answered now rather than after loading."""

    async def load(self) -> None:
        """Make the model ready.

        Raises:
            ModelUnavailable: it can't be reached or its weights are missing.
        """

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count a prompt's tokens with the model's own tokenizer and chat template."""

    def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Write an answer: any number of `Piece`, then one `Finished`.

        Raises:
            ModelUnavailable: it can't be reached.
            ModelBusy: it refuses for now.
            ContextOverflow: the prompt does not fit.
            RequestError: the form can't be honoured.
            ModelError: it failed before or in mid-stream.
        """

    async def close(self) -> None:
        """Release what the model holds."""
