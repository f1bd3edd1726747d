"""Uncertainty and comparison, made for questions that come in topics.

Questions of one topic share passages and mistakes: they are resampled together (a cluster
bootstrap), or intervals would be too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.calculations import measuring

__all__ = [
    "Estimate",
    "Paired",
    "cluster_bootstrap",
    "cluster_bootstrap_of",
    "holm",
    "mcnemar_exact",
    "minimum_detectable",
    "paired",
    "permutation_test",
    "wilson",
]

Method = Literal["wilson", "cluster bootstrap", "none"]
_RESAMPLES = 2000
_EXACT_UP_TO = 14


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` cases of `clusters` topics with its interval at 95% by `method`."""

    mean: float
    low: float
    high: float
    n: int
    clusters: int
    method: Method


@dataclass(frozen=True, slots=True)
class Paired:
    """B minus A over the same cases.

    `p` is exact McNemar's for binary scores, else a paired permutation's; `p_holm` is adjusted
    over all slices compared; `detectable` is the smallest true difference that a comparison of
    this size finds with 80% power at 5%.
    """

    difference: float
    low: float
    high: float
    n: int
    wins: int
    losses: int
    p: float
    detectable: float
    test: str
    p_holm: float = float("nan")


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson 1927; Brown, Cai and DasGupta 2001).

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), p = successes / n; (0, 1) for n = 0.
    """
    if n == 0:
        return 0.0, 1.0
    return measuring.wilson(successes, n, level)


def cluster_bootstrap(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the mean, whole clusters resampled (Field and Welsh 2007).

    Args:
        values: one a case. Shape: (n,).
        clusters: the cluster of each case, such as its topic.
        level: the interval's coverage.
        resamples: how many bootstrap samples.
        seed: makes the interval repeatable.
    """
    sums, counts = _by_cluster(values, clusters)
    if len(sums) < 2:
        return float(min(values)), float(max(values))
    means = _resampled_means(sums, counts, resamples, seed)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _by_cluster(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    order = {cluster: i for i, cluster in enumerate(dict.fromkeys(clusters))}
    rows = [order[cluster] for cluster in clusters]
    sums = np.bincount(rows, weights=np.asarray(values, np.float64), minlength=len(order))
    counts = np.bincount(rows, minlength=len(order)).astype(np.float64)
    return sums.astype(np.float64), counts


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], resamples: int, seed: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    size = len(sums)
    drawn = rng.multinomial(size, np.full(size, 1 / size), size=resamples)
    means: NDArray[np.float64] = (drawn @ sums) / (drawn @ counts)
    return means


def cluster_bootstrap_of(
    statistic: Callable[[NDArray[np.int64]], float | None],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 400,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval of any statistic of the cases, whole clusters resampled.

    Args:
        statistic: takes the rows of a resample, with repetition, and returns a number, or None
            where the resample leaves it undefined.
        clusters: the cluster of each case.
        level: the interval's coverage.
        resamples: how many bootstrap samples.
        seed: makes the interval repeatable.

    Returns:
        The interval, or None where fewer than half of the resamples define the statistic.
    """
    rows_of: dict[Hashable, list[int]] = {}
    for row, cluster in enumerate(clusters):
        rows_of.setdefault(cluster, []).append(row)
    groups = [np.asarray(rows, np.int64) for rows in rows_of.values()]
    if len(groups) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(groups), size=len(groups)) for _ in range(resamples))
    found = [statistic(np.concatenate([groups[i] for i in chosen])) for chosen in drawn]
    defined = [value for value in found if value is not None]
    if len(defined) < resamples / 2:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def mcnemar_exact(wins: int, losses: int) -> float:
    """Two-sided exact McNemar test: the binomial test of the discordant pairs at ½.

    p = min(1, 2 Σ_{i ≤ min(b, c)} C(b+c, i) / 2^(b+c)). McNemar (1947), in its exact form.
    """
    n = wins + losses
    tail = sum(math.comb(n, i) for i in range(min(wins, losses) + 1))
    return min(1.0, 2.0 * tail / 2.0**n)


def permutation_test(
    differences: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> float:
    """Two-sided paired permutation test; the signs of a cluster's differences flip together.

    p = share of sign flips whose |sum| is at least the observed one (Fisher 1935; Smucker et
    al. 2007). All flips are tried for up to 14 clusters that differ; beyond, random ones, with
    (hits + 1) / (tries + 1).
    """
    sums, _ = _by_cluster(differences, clusters)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    observed = abs(sums.sum()) * (1 - 1e-12)
    if len(sums) <= _EXACT_UP_TO:
        codes = np.arange(2 ** len(sums))[:, np.newaxis] >> np.arange(len(sums)) & 1
        flipped = np.abs((1.0 - 2.0 * codes) @ sums)
        return float(np.count_nonzero(flipped >= observed)) / len(flipped)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(resamples, len(sums)))
    return float(((np.abs(signs @ sums) >= observed).sum() + 1) / (resamples + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment for several tests (Holm 1979), in the order given.

    p̃_(i) = max_{j ≤ i} min(1, (m - j + 1) p_(j)).
    """
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, row in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[row]))
        adjusted[row] = running
    return adjusted


def minimum_detectable(
    differences: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> float:
    """The smallest true difference that a paired comparison of this size finds.

    (z_{1-α/2} + z_{power}) · SE (Bloom 1995), SE the cluster bootstrap's standard error of the
    mean difference. Not a number where no difference was seen: nothing can be said of it then.
    """
    sums, counts = _by_cluster(differences, clusters)
    if len(sums) < 2:
        return float("nan")
    error = float(_resampled_means(sums, counts, resamples, seed).std())
    if error == 0.0:
        return float("nan")
    normal = NormalDist()
    return (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * error


def paired(
    a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable], *, seed: int = 0
) -> Paired:
    """Compare B with A on the same cases. Shapes: (n,), (n,), (n,)."""
    differences = [y - x for x, y in zip(a, b, strict=True)]
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    binary = {*a, *b} <= {0.0, 1.0}
    low, high = cluster_bootstrap(differences, clusters, seed=seed)
    return Paired(
        difference=math.fsum(differences) / len(differences),
        low=low,
        high=high,
        n=len(differences),
        wins=wins,
        losses=losses,
        p=mcnemar_exact(wins, losses) if binary else permutation_test(differences, clusters),
        detectable=minimum_detectable(differences, clusters, seed=seed),
        test="exact McNemar" if binary else "paired permutation",
    )
