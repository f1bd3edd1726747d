"""Is the evidence enough to answer?

Two small logistic models over what retrieval saw: how close the best passage is, how much of the
question's telling words the evidence covers, and whether the two stages agree. Its weights are
JSON, made from development questions by `python -m scripts.train_gate`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.evidence import Weigh
from index.lexical import content_words
from index.types import Hit

__all__ = ["DEPTH", "FEATURES", "Gate", "Head", "features"]

FEATURES = (
    "dense_top",
    "dense_margin",
    "lexical_top",
    "covered_by_best",
    "covered_by_all",
    "unknown_words",
    "same_topic",
    "agreement",
    "dense_gap",
    "asked_missing",
)
_WEIGHTS = Path(__file__).with_name("gate.json")
_READ = 3
DEPTH = 10
# What a question asks a number, a name or a date of: the words right after these.
_ASKED = re.compile(
    r"\b(?:how (?:many|much)|what|which|whose|number of|count of|size of|amount of|rate of)"
    r"\s+((?:[\w-]+\s+){0,2}[\w-]+)",
    re.IGNORECASE,
)


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

    @classmethod
    @cache
    def shipped(cls) -> Gate:
        """Read the weights that come with Citewise."""
        raw = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        return cls(Head(**raw["domain"]), Head(**raw["answer"]), raw["threshold"])

    def confidence(self, found: Mapping[str, float]) -> float:
        """Estimate the chance that the evidence holds an answer, 0 to 1: the heads' product."""
        return self.domain(found) * self.answer(found)

    def answerable(self, confidence: float) -> bool:
        """Tell whether the confidence is at or above the operating point."""
        return confidence >= self.threshold


def _asked_missing(question: str, evidence: frozenset[str]) -> float:
    """Return the share of what is asked for that the evidence does not name, 0 to 1."""
    asked = {word for found in _ASKED.findall(question) for word in content_words(found)}
    return len(asked - evidence) / len(asked) if asked else 0.0


def features(question: str, hits: Sequence[Hit], weigh: Weigh) -> dict[str, float]:
    """Measure what the gate judges by, each in 0 to 1 or nearly so.

    `hits` are the best `DEPTH`. Without hits or telling words there is nothing to go by.
    """
    # A bare number is in some passage or other: it tells nothing about what is asked.
    words = [w for w in dict.fromkeys(content_words(question)) if not w[0].isdigit()]
    if not hits or not words:
        return {**dict.fromkeys(FEATURES, 0.0), "unknown_words": 1.0}
    weights = {word: weigh(word) for word in words}
    total = sum(weights.values()) or 1.0
    texts = [
        frozenset(content_words(f"{h.passage.title} {h.passage.heading} {h.passage.text}"))
        for h in hits
    ]
    covered = [sum(w for word, w in weights.items() if word in text) / total for text in texts]
    union = frozenset().union(*texts[:_READ])
    rarest = weigh("\0")
    unknown = [word for word in words if weights[word] >= rarest]
    dense = sorted((hit.trace["dense"] for hit in hits), reverse=True)
    return {
        "dense_top": dense[0],
        "dense_margin": dense[0] - dense[min(len(dense) - 1, 4)],
        "lexical_top": max(hit.trace["lexical"] for hit in hits) / (total * 2.0),
        "covered_by_best": max(covered[:_READ]),
        "covered_by_all": sum(w for word, w in weights.items() if word in union) / total,
        "unknown_words": len(unknown) / max(1, len(words)),
        "same_topic": sum(h.passage.topic == hits[0].passage.topic for h in hits[:5]) / 5,
        "agreement": 1.0 / max(1.0, min(hit.trace["lexical_rank"] for hit in hits[:1])),
        "dense_gap": dense[0] - dense[min(len(dense) - 1, 1)],
        "asked_missing": _asked_missing(question, union),
    }
