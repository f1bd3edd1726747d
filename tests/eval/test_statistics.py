"""Intervals and tests against published and hand-computed values, scipy where it is installed."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import statistics


def test_wilson_against_published_values() -> None:
    # Newcombe (1998), table I, method 3: 81 of 263 and 0 of 20
    assert statistics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert statistics.wilson(0, 0) == (0.0, 1.0)


@settings(deadline=None)
@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_proportion(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = statistics.wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


def test_mcnemar_by_hand() -> None:
    # 2 · (C(10,0) + C(10,1)) / 2^10 = 22/1024
    assert statistics.mcnemar_exact(9, 1) == pytest.approx(22 / 1024)
    assert statistics.mcnemar_exact(0, 0) == 1.0
    assert statistics.mcnemar_exact(5, 5) == 1.0


@pytest.mark.real
@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_binomial_test(wins: int, losses: int) -> None:
    scipy = pytest.importorskip("scipy.stats")
    expected = scipy.binomtest(wins, wins + losses, 0.5).pvalue if wins + losses else 1.0
    assert statistics.mcnemar_exact(wins, losses) == pytest.approx(expected)


def test_permutation_by_hand() -> None:
    # three clusters, all positive: 2 of 8 sign flips are as extreme
    assert statistics.permutation_test([1.0, 2.0, 3.0], ["a", "b", "c"]) == 0.25
    # one cluster's differences flip together: 2 of 2
    assert statistics.permutation_test([1.0, 2.0, 3.0], ["a", "a", "a"]) == 1.0
    assert statistics.permutation_test([0.0, 0.0], ["a", "b"]) == 1.0


@pytest.mark.real
def test_permutation_against_scipy() -> None:
    scipy = pytest.importorskip("scipy.stats")
    import numpy as np

    rng = random.Random(0)
    differences = [rng.gauss(0.4, 1) for _ in range(12)]
    expected = scipy.permutation_test(
        (np.asarray(differences),), np.sum, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    found = statistics.permutation_test(differences, list(range(12)))
    assert found == pytest.approx(expected)
    many = [rng.gauss(0.0, 1) for _ in range(40)]
    sampled = statistics.permutation_test(many, list(range(40)))
    reference = scipy.permutation_test(
        (np.asarray(many),), np.sum, permutation_type="samples", n_resamples=20_000
    ).pvalue
    assert sampled == pytest.approx(reference, abs=0.03)


def test_holm_by_hand() -> None:
    # Holm (1979): sorted 0.01, 0.03, 0.04 -> 3·0.01, 2·0.03, max with 1·0.04
    assert statistics.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert statistics.holm([]) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value(p_values: list[float]) -> None:
    adjusted = statistics.holm(p_values)
    assert all(p - 1e-12 <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_a_closed_test_with_bonferroni(p_values: list[float]) -> None:
    # Marcus, Peritz and Gabriel 1976: a hypothesis falls where every set of hypotheses that holds
    # it falls by Bonferroni.
    rows = range(len(p_values))
    sets = [s for size in rows for s in itertools.combinations(rows, size + 1)]
    expected = [
        max(min(1.0, len(s) * min(p_values[i] for i in s)) for s in sets if row in s)
        for row in rows
    ]
    assert statistics.holm(p_values) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.data())
def test_wilson_is_scipys(n: int, data: st.DataObject) -> None:
    stats = pytest.importorskip("scipy.stats")
    successes = data.draw(st.integers(0, n))
    expected = stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
    assert statistics.wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_bootstrap_respects_clusters() -> None:
    # 20 cases in 2 clusters that each agree: only the means 0, ½ and 1 can come up
    values, clusters = [0.0] * 10 + [1.0] * 10, ["a"] * 10 + ["b"] * 10
    assert statistics.cluster_bootstrap(values, clusters) == (0.0, 1.0)
    low, high = statistics.cluster_bootstrap(values, list(range(20)))
    assert 0.2 < low < 0.4
    assert 0.6 < high < 0.8


def test_the_bootstrap_is_near_the_normal_interval() -> None:
    rng = random.Random(1)
    values = [rng.gauss(0, 1) for _ in range(400)]
    mean = sum(values) / 400
    low, high = statistics.cluster_bootstrap(values, list(range(400)))
    assert low == pytest.approx(mean - 1.96 / 20, abs=0.02)
    assert high == pytest.approx(mean + 1.96 / 20, abs=0.02)


def test_the_bootstrap_is_repeatable() -> None:
    values, clusters = [0.1, 0.5, 0.9, 0.4], ["a", "b", "c", "d"]
    assert statistics.cluster_bootstrap(values, clusters) == statistics.cluster_bootstrap(
        values, clusters
    )


def test_minimum_detectable_difference() -> None:
    # independent unit-variance differences: (1.96 + 0.8416) / √n
    rng = random.Random(2)
    differences = [rng.gauss(0, 1) for _ in range(900)]
    found = statistics.minimum_detectable(differences, list(range(900)))
    assert found == pytest.approx(2.8016 / 30, rel=0.08)


def test_no_difference_detects_nothing() -> None:
    assert math.isnan(statistics.minimum_detectable([0.0] * 8, list("aabbccdd")))


def test_paired_chooses_its_test() -> None:
    topics = ["a", "b", "c", "d"]
    binary = statistics.paired([0, 0, 1, 0], [1, 1, 1, 0], topics)
    assert (binary.test, binary.wins, binary.losses) == ("exact McNemar", 2, 0)
    assert binary.difference == 0.5
    assert statistics.paired([0.1] * 4, [0.2] * 4, topics).test == "paired permutation"
