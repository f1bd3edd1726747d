"""How the pipeline makes answers: its settings, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app import gate
from app.drafting import Policy
from index import rerankers

__all__ = ["PipelineSettings"]


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
