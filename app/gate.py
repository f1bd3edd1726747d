"""Is the evidence enough to answer?

Two small logistic models over what retrieval saw: how close the best passages are, how much of
what the question names they hold, and how well each of its tokens is met. The weights are JSON,
made from training questions by `python -m scripts.train_gate`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.evidence import Weigh
from app.gate_features import DEPTH, measure
from index.types import SearchResult

__all__ = ["DEPTH", "Gate", "Gates", "Head", "features"]

_WEIGHTS = Path(__file__).with_name("gate.json")


@dataclass(frozen=True, slots=True)
class Head:
    """A logistic model: 1 / (1 + exp(-(bias + Σ weight · feature)))."""

    weights: Mapping[str, float]
    bias: float

    def __call__(self, found: Mapping[str, float]) -> float:
        """Estimate a chance from the features, 0 to 1."""
        logit = self.bias + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@dataclass(frozen=True, slots=True)
class Gate:
    """Two questions, both of which must be answered with yes.

    `domain` estimates that the question is about what the knowledge base knows at all, `answer`
    that what was found holds what is asked. They pull in different directions: a near miss
    shares more words with the evidence than a question in a reader's own words does.
    """

    domain: Head
    answer: Head
    threshold: float

    def confidence(self, found: Mapping[str, float]) -> float:
        """Estimate the chance that the evidence holds an answer, 0 to 1: the heads' product."""
        return self.domain(found) * self.answer(found)

    def answerable(self, confidence: float) -> bool:
        """Tell whether the confidence is at or above the operating point."""
        return confidence >= self.threshold


@dataclass(frozen=True, slots=True)
class Gates:
    """A gate for indexes with token vectors, and one for those without."""

    tokens: Gate
    plain: Gate

    @classmethod
    @cache
    def shipped(cls) -> Gates:
        """Read the weights that come with Citewise."""
        raw = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        gates = {
            kind: Gate(Head(**own["domain"]), Head(**own["answer"]), own["threshold"])
            for kind, own in raw.items()
        }
        return cls(gates["tokens"], gates["plain"])

    def judging(self, found: SearchResult) -> Gate:
        """Choose the gate for what a search gave."""
        return self.tokens if found.token_weights else self.plain


def features(question: str, found: SearchResult, weigh: Weigh) -> dict[str, float]:
    """Measure what the gate judges by; see `app.gate_features.measure`."""
    return measure(question, found.hits[:DEPTH], weigh, found.token_weights)
