"""Abstention and confidence: does it know when it doesn't know?"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

__all__ = [
    "abstention_precision",
    "abstention_recall",
    "area_under_risk_coverage",
    "auroc",
    "calibration_error",
    "looks_like_abstention",
    "reliability",
    "risk_coverage",
]

_REFUSALS = re.compile(
    r"\b(?:i (?:can(?:no|')t|could not|am (?:not able|unable) to|do(?: not|n't)) "
    r"(?:answer|know|find|say)"
    r"|(?:is|are|was) not (?:covered|mentioned|stated|given|specified|provided|in the (?:sources|"
    r"context|evidence|knowledge base|passages))|no (?:information|answer) (?:is|was|about|on|in)"
    r"|(?:not enough|insufficient|lacks?) (?:information|evidence|context)"
    r"|don't have (?:enough|any|that|the) information|i'm not sure|unanswerable)",
    re.IGNORECASE,
)
_LOOKED_AT = 300


def looks_like_abstention(text: str) -> bool:
    """Guess from its first 300 characters that an answer declines, for targets that don't say.

    A phrase list: it misses unusual refusals, and its use is named in the result.
    """
    opening = text[:_LOOKED_AT].replace("’", "'")
    return not text.strip() or _REFUSALS.search(opening) is not None


def abstention_precision(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Share of abstentions that were right: |abstained ∧ unanswerable| / |abstained|.

    None where it never abstained.
    """
    judged = [not can for said, can in zip(abstained, answerable, strict=True) if said]
    return sum(judged) / len(judged) if judged else None


def abstention_recall(abstained: Sequence[bool], answerable: Sequence[bool]) -> float | None:
    """Share of the unanswerable that it abstained from; None where all can be answered."""
    judged = [said for said, can in zip(abstained, answerable, strict=True) if not can]
    return sum(judged) / len(judged) if judged else None


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """Area under the ROC curve, ties counted half (Mann and Whitney 1947; Fawcett 2006).

    P(score of a positive > score of a negative) + ½ P(equal). None where one class is empty.
    """
    value = np.asarray(scores, np.float64)
    yes = np.asarray(positive, bool)
    if not yes.any() or yes.all():
        return None
    _, inverse, counts = np.unique(value, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = ranks[yes].sum() - yes.sum() * (yes.sum() + 1) / 2
    return float(above / (yes.sum() * (~yes).sum()))


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float]]:
    """Return (coverage, risk) for each number of questions answered, the most confident first.

    coverage_i = i / n, risk_i = share of wrong answers among the first i. El-Yaniv and Wiener
    (2010). Equal confidences are taken in the order given.
    """
    order = np.argsort(-np.asarray(confidence, np.float64), kind="stable")
    wrong = np.cumsum(~np.asarray(right, bool)[order]) if len(order) else np.zeros(0)
    n = len(order)
    return [((i + 1) / n, float(wrong[i] / (i + 1))) for i in range(n)]


def area_under_risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> float | None:
    """AURC, the mean risk over all coverages (Geifman and El-Yaniv 2017); lower is better."""
    curve = risk_coverage(confidence, right)
    return sum(risk for _, risk in curve) / len(curve) if curve else None


def reliability(
    confidence: Sequence[float], right: Sequence[bool], bins: int = 10
) -> list[tuple[float, float, int]]:
    """Return (mean confidence, share right, count) of each bin of equal width that is not empty.

    Niculescu-Mizil and Caruana (2005).
    """
    found: list[tuple[float, float, int]] = []
    value, yes = np.asarray(confidence, np.float64), np.asarray(right, bool)
    bin_of = np.minimum((value * bins).astype(int), bins - 1)
    for number in range(bins):
        chosen = bin_of == number
        if chosen.any():
            found.append(
                (float(value[chosen].mean()), float(yes[chosen].mean()), int(chosen.sum()))
            )
    return found


def calibration_error(
    confidence: Sequence[float], right: Sequence[bool], bins: int = 10
) -> float | None:
    """ECE = Σ_b (n_b / n) |accuracy_b - confidence_b| (Naeini et al. 2015; Guo et al. 2017)."""
    if not confidence:
        return None
    return sum(
        count / len(confidence) * abs(share - mean)
        for mean, share, count in reliability(confidence, right, bins)
    )
