"""Success at k of a retriever over questions, with confidence intervals that respect topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate", "figure", "found_within"]

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95% interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def found_within(ranks: Sequence[int], k: int) -> NDArray[np.float64]:
    """Tell for each question whether a right passage is among the first k. Ranks are from 1."""
    return (np.asarray(ranks) <= k).astype(np.float64)


def figure(values: NDArray[np.float64], topics: Sequence[str], seed: int = 0) -> Estimate:
    """Average over questions; the interval resamples topics, since their questions go together.

    The cluster bootstrap: topics are drawn with replacement, each with all its questions.
    """
    names, of = np.unique(np.asarray(topics), return_inverse=True)
    sums = np.bincount(of, weights=values, minlength=len(names))
    counts = np.bincount(of, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), (_RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(values.mean()), float(low), float(high), len(values))
