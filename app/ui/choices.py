"""What a reader chose beside the question, as the page's script tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.record.types import Question, Sampling
from app.ui.conversation import Turn, history_of
from app.ui.takes import main_line

__all__ = ["RESEARCH", "Choices"]

RESEARCH = "+research"


class Choices(BaseModel):
    """A persona, its doctrine, sampling, passages, and the sources to ask within.

    What is None is the persona's own; no sources are all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: Annotated[str, Field(max_length=200)]
    research: bool = False
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = None
    passages: Annotated[int, Field(ge=1, le=100)] | None = None
    sources: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=32)] = ()

    @property
    def name(self) -> str:
        """The persona with its doctrine, as questions name it."""
        return f"{self.persona}{RESEARCH}" if self.research else self.persona

    def question(self, text: str, before: Sequence[Turn], persona: str) -> Question:
        """Ask a text of a persona, after some turns."""
        sampling = Sampling(self.temperature, self.top_p, self.max_tokens)
        history = history_of(main_line(before))
        return Question(
            text, history, persona, sampling, passages=self.passages, sources=self.sources
        )
