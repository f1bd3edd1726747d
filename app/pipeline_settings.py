"""How the pipeline makes answers: its settings, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app import gate
from app.chat_models import Decoding
from app.drafting import Policy
from app.personas import Persona
from app.types import Question
from index import rerankers

__all__ = ["PipelineSettings", "decoding_for"]


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How answers are made.

    `rewrite` says who makes a follow-up stand alone: `auto` is the model unless it is small.
    `passages` is how many are given as evidence; `rerank_depth` is how many a reranker reads;
    `question_characters` bounds a question; `least_supported` is how many supported sentences a
    draft needs to stand on its own.
    """

    answer_mode: Literal["auto", "draft", "compose"] = "auto"
    unsupported: Policy = "drop"
    rewrite: Literal["auto", "model", "rules"] = "auto"
    rewrite_seconds: float = 5.0
    rerank_depth: int = rerankers.DEPTH
    passages: int = 6
    answer_tokens: int = 400
    question_characters: int = 8000
    least_supported: int = 2
    gate: gate.Gate | None = None


def decoding_for(question: Question, persona: Persona, settings: PipelineSettings) -> Decoding:
    """Choose how the model picks tokens: as the request says, then the persona, then defaults."""
    asked = question.sampling

    def first(*choices: float | int | None) -> float:
        return float(next(choice for choice in choices if choice is not None))

    return Decoding(
        temperature=first(asked.temperature, persona.temperature, 0.3),
        top_p=first(asked.top_p, persona.top_p, 0.9),
        max_tokens=int(first(asked.max_tokens, persona.max_tokens, settings.answer_tokens)),
        seed=asked.seed,
        stop=asked.stop,
    )
