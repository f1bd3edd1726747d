"""What a reader chose beside the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.record.types import Question, Sampling
from app.ui.conversation import Turn, history_of
from app.ui.takes import main_line

__all__ = ["RESEARCH", "Choices"]

RESEARCH = "+research"


@dataclass(frozen=True, slots=True)
class Choices:
    """A persona, its doctrine, and sampling and passages, which count where `own`."""

    persona: str
    research: bool
    own: bool = False
    temperature: float = 0.0
    top_p: float = 1.0
    length: float = 0
    passages: float = 0

    @property
    def name(self) -> str:
        """The persona with its doctrine, as questions name it."""
        return f"{self.persona}{RESEARCH}" if self.research else self.persona

    def question(self, text: str, before: Sequence[Turn], persona: str) -> Question:
        """Ask a text of a persona, after some turns."""
        own = Sampling(self.temperature, self.top_p, int(self.length))
        return Question(
            text,
            history_of(main_line(before)),
            persona,
            own if self.own else Sampling(),
            passages=int(self.passages) if self.own else None,
        )
