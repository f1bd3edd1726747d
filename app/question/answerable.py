"""Is the evidence enough to answer?

Two small logistic models over what retrieval saw: how close the best passages are, how much of
what the question names they hold, how well each of its tokens is met, and whether the judge, which
reads question and passage together, finds that one answers the other. Over the shipped knowledge
base the question's own meaning counts as well (`app.question.field_sense`). The weights are JSON,
made from training questions by `python -m scripts.train_gate`, those for documents by
`python -m scripts.train_document_gate`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from app.question.features import DEPTH, measure
from app.record.evidence import Idf
from index.judge import load_pair_judge
from index.store import LoadedIndex
from index.types import PassageKind, SearchHits

__all__ = [
    "DEPTH",
    "READ_FEATURES",
    "SENSE",
    "UNNAMED",
    "WEIGHTS",
    "Gate",
    "Gates",
    "Head",
    "Sense",
    "domain_features",
    "features",
]

READ_FEATURES = ("read_best", "read_first")
SENSE = "sense"
_READ = 3
Sense = Callable[[str], float]
# Texts a passage, from which on an index counts as having other ways of asking.
_PHRASED = 4
_MOSTLY_UNKNOWN = 0.5
_KNOWN_PHRASE = 0.65
# As like one another as two questions are that differ in no word that matters (cosine).
_SAME_QUESTION = 0.8
UNNAMED = 0.4  # what is left of confidence where no passage speaks of what the question names
WEIGHTS = Path(__file__).with_name("gate.json")


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
    shares more words with the evidence than a question in a reader's own words does. `field`
    stands for `domain` where the sense of the question was measured.
    """

    domain: Head
    answer: Head
    threshold: float
    field: Head | None = None

    def of_field(self, found: Mapping[str, float]) -> float:
        """Estimate the chance that a question is about what is known at all, 0 to 1."""
        return (self.field if self.field and SENSE in found else self.domain)(found)

    def confidence(
        self, found: Mapping[str, float], subject: Mapping[str, float] | None = None
    ) -> float:
        """Estimate the chance that the evidence holds an answer, 0 to 1.

        The heads' product, much less where half of its words stand nowhere and it is like nothing
        that is known to be asked; enough where it is asked in just the words that are known.

        Args:
            found: the features of the question and its evidence.
            subject: those that the question's subject is judged by, if others.
        """
        heads = self.of_field(found if subject is None else subject) * self.answer(found)
        strange = found["unknown_words"] >= _MOSTLY_UNKNOWN and found["dense_top"] < _KNOWN_PHRASE
        known = self.threshold if found["dense_top"] >= _SAME_QUESTION else 0.0
        return max(known, heads * (UNNAMED if strange else 1))

    def answerable(self, confidence: float) -> bool:
        """Tell whether the confidence is at or above the operating point."""
        return confidence >= self.threshold


@dataclass(frozen=True, slots=True)
class Gates:
    """A gate for indexes with token vectors, and one for those without, in two tunings each.

    Where few passages come with other ways of asking for them, questions find less and all
    confidences are lower: such an index has an operating point of its own. Whether a part of a
    document answers is judged by fewer features, which hold for documents on any subject.
    """

    tokens: Gate
    plain: Gate
    bare_tokens: Gate
    bare_plain: Gate
    documents: Gate

    @classmethod
    @cache
    def shipped(cls) -> Gates:
        """Read the weights that come with Citewise."""
        raw = json.loads(WEIGHTS.read_text(encoding="utf-8"))
        documents = raw.pop("documents")
        gates = {
            f"{tuning}{kind}": Gate(
                Head(**own["domain"]), Head(**own["answer"]), threshold, Head(**own["field"])
            )
            for kind, own in raw.items()
            for tuning, threshold in (("", own["threshold"]), ("bare_", own["bare_threshold"]))
        }
        domain = gates["tokens"].domain
        gates["documents"] = Gate(domain, Head(**documents["answer"]), documents["threshold"])
        return cls(**gates)

    def judging(self, found: SearchHits, index: LoadedIndex) -> Gate:
        """Choose the gate for what a search of an index gave."""
        best = found.hits[0].passage.kind if found.hits else None
        if best is PassageKind.SECTION and found.token_weights:
            return self.documents
        if len(index.texts) < _PHRASED * len(index.passages):
            return self.bare_tokens if found.token_weights else self.bare_plain
        return self.tokens if found.token_weights else self.plain


def features(
    question: str, found: SearchHits, idf: Idf, sense: Sense | None = None
) -> dict[str, float]:
    """Measure what the gate judges by; see `app.question.features.measure`.

    What is asked in nearly the words that a passage is known to be asked for is not read.

    Args:
        question: as it was searched for.
        found: what was found for it.
        idf: how much a word tells.
        sense: tells how much of a text's meaning speaks for the field; None where nothing can.
    """
    measured = domain_features(question, found, idf, sense)
    if not found.hits:
        return {**measured, **dict.fromkeys(READ_FEATURES, 0.0)}
    if measured["dense_top"] >= _SAME_QUESTION:
        return {**measured, **dict.fromkeys(READ_FEATURES, 1.0)}
    passages = [(hit.passage.heading, hit.passage.text) for hit in found.hits[:_READ]]
    chances = 1 / (1 + np.exp(-load_pair_judge().answers(question, passages)))
    return {**measured, "read_best": float(chances.max()), "read_first": float(chances[0])}


def domain_features(
    question: str, found: SearchHits, idf: Idf, sense: Sense | None = None
) -> dict[str, float]:
    """Measure what tells whether a question is of the field at all: all but the judge's reading."""
    measured = measure(question, found.hits[:DEPTH], idf, found.token_weights)
    return measured if sense is None else {**measured, SENSE: sense(question)}
