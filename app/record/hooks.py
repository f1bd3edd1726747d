"""Who is told what the pipeline and the model did: metrics, traces, and whoever counts tokens.

The pipeline and the models know this protocol alone; what is made of it is the edge's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.record.types import Answer, Usage

__all__ = ["ModelCall", "Observer", "Observers"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One use of a model, retry included, however it ended.

    `seconds` runs to the last token, `first_token` to the first (None where none came);
    `outcome` is ok, stopped (nobody wanted more of it) or the error's class; `usage` is an
    estimate where the model did not come to say it; `cached` are the prompt's tokens that its
    server says it had read before.
    """

    model: str
    provider: str
    seconds: float
    first_token: float | None
    usage: Usage
    outcome: str
    finish_reason: str | None = None
    retried: bool = False
    cached: int = 0
    request: Mapping[str, Any] = field(default_factory=dict)


class Observer(Protocol):
    """Anything that wants to know. It must be quick, and may be called from any thread."""

    def stage(self, name: str, seconds: float, details: Mapping[str, Any]) -> None:
        """A stage of an answer has just ended."""

    def model_called(self, call: ModelCall) -> None:
        """A model has just ended its text, or broke, or was stopped."""

    def answered(self, answer: Answer) -> None:
        """An answer is complete."""


class Observers:
    """Tells any number of observers."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell one more from now on."""
        self._observers.append(observer)

    def stage(self, name: str, seconds: float, details: Mapping[str, Any] | None = None) -> None:
        """A stage of an answer has just ended."""
        for observer in self._observers:
            observer.stage(name, seconds, details or {})

    def model_called(self, call: ModelCall) -> None:
        """A model has just ended its text, or broke, or was stopped."""
        for observer in self._observers:
            observer.model_called(call)

    def answered(self, answer: Answer) -> None:
        """An answer is complete."""
        for observer in self._observers:
            observer.answered(answer)
