"""Is the evidence enough to answer?

A logistic model over what retrieval saw: how close the best passage is, how much of the
question's telling words the evidence covers, and whether the two stages agree. Its weights are
JSON, made from development questions by `python -m scripts.train_gate`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.evidence import Weigh
from index.lexical import content_words
from index.types import Hit

__all__ = ["FEATURES", "Gate", "features"]

FEATURES = (
    "dense_top",
    "dense_margin",
    "lexical_top",
    "covered_by_best",
    "covered_by_all",
    "unknown_words",
    "same_topic",
    "agreement",
)
_WEIGHTS = Path(__file__).with_name("gate.json")
_READ = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """A logistic model: confidence = 1 / (1 + exp(-(bias + Σ weight · feature)))."""

    weights: Mapping[str, float]
    bias: float
    threshold: float

    @classmethod
    @cache
    def shipped(cls) -> Gate:
        """Read the weights that come with Citewise."""
        raw = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        return cls(raw["weights"], raw["bias"], raw["threshold"])

    def confidence(self, found: Mapping[str, float]) -> float:
        """Estimate the chance that the evidence holds an answer, 0 to 1."""
        logit = self.bias + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))

    def answerable(self, confidence: float) -> bool:
        """Tell whether the confidence is at or above the operating point."""
        return confidence >= self.threshold


def features(question: str, hits: Sequence[Hit], weigh: Weigh) -> dict[str, float]:
    """Measure what the gate judges by, each in 0 to 1 or nearly so; all 0 without hits."""
    if not hits:
        return dict.fromkeys(FEATURES, 0.0)
    words = list(dict.fromkeys(content_words(question)))
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
    }
