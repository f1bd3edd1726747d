"""How the pipeline makes answers: its settings, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.answer.draft import Policy
from app.chat_models import Decoding
from app.config.personas import Persona
from app.question import answerable as gate
from app.record.errors import RequestError
from app.record.types import Question
from index import rerankers

__all__ = ["PipelineSettings", "decoding_for"]


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How answers are made.

    `rewrite` says who makes a follow-up stand alone: `auto` is the model unless it is small.
    `passages` is how many are given as evidence; `rerank_depth` is how many a reranker reads;
    `question_characters` bounds a question; `least_supported` is how many supported sentences a
    draft needs to stand on its own; `retrieve_seconds` is how long the search may take;
    `best_of` is how many drafts are written of an answer, one of which is shown.
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
    retrieve_seconds: float = 10.0
    best_of: int = 1
    gate: gate.Gate | None = None

    def check(self, question: Question) -> None:
        """Pass a question that can be read.

        Raises:
            RequestError: it is empty or too long.
        """
        self.check_length(question.text, "question")

    def check_length(self, text: str, field: str) -> None:
        """Pass a text that can be read.

        Raises:
            RequestError: it is empty or too long.
        """
        length = len(text.strip())
        if length == 0:
            raise RequestError(f"the {field} is empty; expected some text", field=field)
        if length > self.question_characters:
            raise RequestError(
                f"the {field} has {length} characters, at most {self.question_characters} are "
                "read; shorten it",
                field=field,
            )


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
        form=question.form,
        n=settings.best_of if question.form is None else 1,
    )
