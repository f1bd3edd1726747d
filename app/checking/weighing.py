"""Does a passage say a statement, say otherwise, or say nothing of it?

A small multinomial logistic model over how much of the statement the passage's closest sentences
cover, in the same order, how near retrieval finds it, where the two differ, and how far the judge,
which reads both together, finds it supported. It is fitted and
its thresholds are chosen on restatements of the knowledge base, true and false, by
`python -m scripts.train_checker`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from app.checking.differences import Compared, differences
from app.record.evidence import Evidence, Idf
from app.verifying.objections import lean
from app.verifying.supports import LexicalVerifier
from index.text.opposites import CONTRARIES, OPPOSITES
from index.text.tokens import UNSEEN, content_words, tokenize

__all__ = ["CLASSES", "FEATURES", "CheckerWeights", "Class", "Read", "measured", "read"]

Class = Literal["silent", "says", "denies"]
CLASSES: tuple[Class, ...] = ("silent", "says", "denies")
FEATURES = (
    "passage", "span", "rarest_missing", "back", "in_order", "score", "least_met", "figure",
    "figure_alone", "name", "name_alone", "opposite", "negation", "word", "lean", "universal",
    "judge",
)  # fmt: skip
_WEIGHTS = Path(__file__).with_name("weights.json")
_NEAR = 6
_UNIVERSAL = frozenset(
    tokenize(
        "all every each always any whole entire never none no only solely regardless whatever "
        "everywhere must cannot"
    )
)


@dataclass(frozen=True, slots=True)
class CheckerWeights:
    """The model's weights, (classes, features), standardized, and the operating points.

    A statement is supported only from `says_at`, and contradicted only from `denies_at` on.
    """

    weights: Sequence[Sequence[float]]
    bias: Sequence[float]
    mean: Sequence[float]
    scale: Sequence[float]
    says_at: float
    denies_at: float

    @classmethod
    @cache
    def shipped(cls) -> CheckerWeights:
        """Read the weights that come with Citewise."""
        return cls(**json.loads(_WEIGHTS.read_text(encoding="utf-8")))

    def chances(self, found: Mapping[str, float]) -> Mapping[Class, float]:
        """Estimate the chance of each class, 1 in all."""
        row = np.array([found[name] for name in FEATURES])
        scaled = (row - np.array(self.mean)) / np.array(self.scale)
        logits = np.array(self.weights) @ scaled + np.array(self.bias)
        odds = np.exp(logits - logits.max())
        return dict(zip(CLASSES, (odds / odds.sum()).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Read:
    """A passage as a statement was read against it: its closest span, and what differs there."""

    item: Evidence
    start: int
    end: int
    compared: Compared
    says: float
    denies: float


def read(
    statement: str,
    item: Evidence,
    odds: float,
    verifier: LexicalVerifier,
    idf: Idf,
    weights: CheckerWeights,
) -> Read:
    """Read a statement against a passage; `odds` is how far the judge finds it supported there."""
    found, start, end, compared = measured(statement, item, verifier, idf)
    found["judge"] = odds
    chances = weights.chances(found)
    return Read(item, start, end, compared, chances["says"], chances["denies"])


def measured(
    statement: str, item: Evidence, verifier: LexicalVerifier, idf: Idf
) -> tuple[dict[str, float], int, int, Compared]:
    """Measure a statement against a passage: the features, the closest span, the differences.

    What the judge finds is for the caller to add: it reads all passages at once.
    """
    (support,) = verifier.features(statement, (item,))[1]
    start, end = support.start, support.end
    span = item.passage.text[start:end]
    compared = differences(statement, item, start, end)
    ours, theirs = content_words(statement), content_words(span)
    # Figures are compared by their values.
    words = {word for word in ours if not word[0].isdigit()}
    heads = content_words(f"{item.passage.heading} {item.passage.title}")
    known, near = item.words | item.authors, {*theirs, *heads} | item.authors
    found = {
        "passage": _share(words & known, words, idf),
        "span": _share(words & near, words, idf),
        "rarest_missing": max(map(idf, words - known), default=0.0) / idf(UNSEEN),
        "back": _share(set(theirs) & set(ours), set(theirs), idf),
        "in_order": _in_order(ours, theirs) / max(1, len(ours)),
        "score": item.hit.score,
        "least_met": min(item.hit.met, default=0.0),
        "figure": min(compared.of("figure"), _NEAR) / _NEAR,
        "figure_alone": float(compared.of("figure", rivals=False) > 0),
        "name": min(compared.of("name"), _NEAR) / _NEAR,
        "name_alone": float(compared.of("name", rivals=False) > 0),
        "opposite": min(compared.of("opposite"), _NEAR) / _NEAR,
        "negation": float(compared.of("negation") > 0),
        "word": float(compared.of("word") > 0),
        "lean": max(lean(statement, span, row) for row in (*OPPOSITES, *CONTRARIES)),
        "universal": float(
            bool(_UNIVERSAL & set(tokenize(statement)) - set(tokenize(item.context)))
        ),
    }
    return found, start, end, compared


def _share(part: Iterable[str], whole: Iterable[str], idf: Idf) -> float:
    total = sum(idf(word) for word in whole)
    return sum(idf(word) for word in part) / total if total else 0.0


def _in_order(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Return how many words two texts have in common in one order (the longest subsequence)."""
    best = [0] * (len(theirs) + 1)
    for word in ours:
        before = best[:]
        for place, other in enumerate(theirs, start=1):
            same = word == other
            best[place] = before[place - 1] + 1 if same else max(before[place], best[place - 1])
    return best[-1]
