"""The chat model as a writer of questions: what `index expand` asks by default."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing

import prompts
from app.chat_models import ChatModel, Decoding, Piece
from app.config.flags import add_settings, chosen
from app.config.settings import ModelSettings, load_settings
from app.record.errors import ModelBusy, ModelUnavailable
from app.record.sanitize import strip_invisible
from app.record.types import Message
from app.service import open_model
from index.types import Passage

__all__ = ["ChatQuestionWriter", "add_arguments", "open_writer"]

_TEMPERATURE, _TOP_P = 0.7, 0.95
_TOKENS_A_QUESTION = 40
_LONGEST_PASSAGE = 3000
_ATTEMPTS = 5
_WAIT_SECONDS = 2.0


class ChatQuestionWriter:
    """Asks a chat model, by prompts/expand.md; the same passage gets the same seed."""

    def __init__(self, model: ChatModel, concurrency: int) -> None:
        """Name the model; it is loaded by its first use."""
        self._model = model
        self.concurrency = concurrency

    @property
    def identity(self) -> Mapping[str, str]:
        """The model, the prompt and the sampling."""
        prompt = hashlib.sha256(prompts.text("expand.md").encode()).hexdigest()[:12]
        return {"model": self._model.name, "prompt": prompt, "sampling": f"{_TEMPERATURE} {_TOP_P}"}

    async def questions(self, passage: Passage, count: int) -> str:
        """Write about `count` questions that the passage answers, one a line.

        Raises:
            ModelError: the model failed, or stayed busy through several attempts.
        """
        text = f"{passage.title}: {passage.heading}\n{passage.text}"[:_LONGEST_PASSAGE]
        asked = prompts.fill("expand.md", passage=strip_invisible(text), count=str(count)).strip()
        seed = int(hashlib.sha256(passage.id.encode()).hexdigest()[:8], 16)
        decoding = Decoding(_TEMPERATURE, _TOP_P, count * _TOKENS_A_QUESTION, seed % 2**31)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._ask(asked, decoding)
            except (ModelBusy, ModelUnavailable) as error:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(getattr(error, "retry_after", _WAIT_SECONDS * attempt))
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Release the model."""
        await self._model.close()

    async def _ask(self, asked: str, decoding: Decoding) -> str:
        events = self._model.stream([Message("user", asked)], decoding)
        async with aclosing(events):
            return "".join([e.text async for e in events if isinstance(e, Piece)])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose the model; settings and variables count as everywhere."""
    add_settings(parser, ModelSettings)
    parser.add_argument("--concurrent", type=int, help="passages asked about at once (8 by URL)")


def open_writer(options: argparse.Namespace) -> ChatQuestionWriter:
    """Open the configured model.

    Raises:
        SettingsError: a setting is wrong.
        ModelUnavailable: the server can't be reached.
    """
    model = open_model(load_settings(**chosen(options)))
    if not model.small:
        asyncio.run(_discover(model))
    return ChatQuestionWriter(model, max(1, options.concurrent or (1 if model.small else 8)))


async def _discover(model: ChatModel) -> None:
    """Learn the served model's name, which is part of the writer's identity."""
    try:
        await model.load()
    finally:
        await model.close()
