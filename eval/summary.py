"""From scores to estimates: each metric in each slice, with its interval, and the curves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.cases import Case
from eval.metrics import abstention, answers, performance
from eval.scoring import Scored
from eval.statistics import Estimate, cluster_bootstrap, cluster_bootstrap_of, wilson

__all__ = ["HEADLINE_EXCLUDES", "OVERALL", "Summary", "by_case", "estimate", "summarize"]

# Sanity only: an answer that can be looked up word for word says nothing about quality.
HEADLINE_EXCLUDES = frozenset({"verbatim"})
OVERALL = "all"


@dataclass(frozen=True, slots=True)
class Summary:
    """Estimates by slice and metric, `all` over every slice but verbatim, and what has no mean."""

    estimates: Mapping[str, Mapping[str, Estimate]]
    curves: Mapping[str, list[tuple[float, ...]]]
    latency: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready dicts and lists."""
        return asdict(self)


def by_case(scored: Iterable[Scored], metric: str) -> dict[str, tuple[float, Case]]:
    """Return each case's mean over its personas and repeats, where it is scored."""
    values: dict[str, list[float]] = defaultdict(list)
    cases: dict[str, Case] = {}
    for each in scored:
        value = each.scores.get(metric)
        if value is not None:
            values[each.case.id].append(value)
            cases[each.case.id] = each.case
    return {key: (sum(found) / len(found), cases[key]) for key, found in values.items()}


def estimate(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """Estimate a mean: Wilson's interval where no two cases share a cluster, else clustered.

    A binary score whose clusters all have the same mean has a bootstrap interval of no width,
    so that Wilson's, over the number of clusters, stands in.
    """
    n, groups = len(values), len(set(clusters))
    mean = sum(values) / n
    binary = set(values) <= {0.0, 1.0}
    low, high = cluster_bootstrap(values, clusters)
    if binary and (groups == n or low == high):
        low, high = wilson(round(mean * groups), groups)
        return Estimate(mean, low, high, n, groups, "wilson")
    return Estimate(mean, low, high, n, groups, "cluster bootstrap")


def summarize(scored: Sequence[Scored]) -> Summary:
    """Estimate every metric in every slice and over all of them."""
    slices: dict[str, list[Scored]] = defaultdict(list)
    for each in scored:
        slices[each.case.slice].append(each)
    headline = [s for s in scored if s.case.slice not in HEADLINE_EXCLUDES]
    groups = {**slices, OVERALL: headline} if headline else dict(slices)
    estimates = {name: _estimates(group) for name, group in sorted(groups.items())}
    if headline:
        estimates[OVERALL] |= _set_estimates(headline)
    timings = [s.sample.output.timings for s in scored if not s.sample.error]
    tokens = [float(s.sample.output.completion_tokens) for s in scored if not s.sample.error]
    asked = Counter((s.case.id, s.sample.persona) for s in scored)
    counts = {
        "samples": float(len(scored)),
        "samples_a_question": float(max(asked.values())),
        "sampled": float(sum(_is_sampled(s) for s in scored)),
        "failed": float(sum(bool(s.sample.error) for s in scored)),
        "completion_tokens_p50": performance.quantile(tokens, 0.5) or 0.0,
        "completion_tokens_total": sum(tokens),
    }
    return Summary(estimates, _curves(headline), performance.stage_latencies(timings), counts)


def _estimates(group: Sequence[Scored]) -> dict[str, Estimate]:
    names = dict.fromkeys(name for each in group for name in each.scores)
    found = {}
    for name in names:
        cases = list(by_case(group, name).values())
        if cases:
            found[name] = estimate([v for v, _ in cases], [case.cluster for _, case in cases])
    for name, told in (
        ("persona_invariance", _invariance(group)),
        ("sample_agreement", _agreement(group)),
    ):
        if told:
            values = list(told.values())
            found[name] = estimate([v for v, _ in values], [c for _, c in values])
    return found


def _agreement(group: Sequence[Scored]) -> dict[str, tuple[float, str]]:
    """How far the samples of a question agree; personas are apart, and then taken together."""
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    clusters = {}
    for each in group:
        value = each.scores.get("right")
        if value is not None:
            right[each.case.id, each.sample.persona].append(value == 1.0)
            clusters[each.case.id] = each.case.cluster
    found: dict[str, list[float]] = defaultdict(list)
    for (key, _), flags in right.items():
        agreed = answers.sample_agreement(flags)
        if agreed is not None:
            found[key].append(agreed)
    return {key: (sum(some) / len(some), clusters[key]) for key, some in found.items()}


def _invariance(group: Sequence[Scored]) -> dict[str, tuple[float, str]]:
    facts: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    clusters = {}
    for each in group:
        if each.sample.output.answered and not each.sample.error and each.case.nuggets:
            facts[each.case.id][each.sample.persona] = each.facts
            clusters[each.case.id] = each.case.cluster
    found = {}
    for key, told in facts.items():
        value = answers.persona_invariance(list(told.values()))
        if value is not None:
            found[key] = (value, clusters[key])
    return found


def _set_estimates(group: Sequence[Scored]) -> dict[str, Estimate]:
    """Metrics of a whole set: abstention, and what its confidence is worth."""
    told = [s for s in group if not s.sample.error]
    clusters = [s.case.cluster for s in told]
    abstained = np.asarray([s.sample.output.abstained for s in told], bool)
    answerable = np.asarray([s.case.answerable for s in told], bool)
    metrics: dict[str, Callable[[NDArray[np.int64]], float | None]] = {
        "abstention_precision": lambda rows: abstention.abstention_precision(
            abstained[rows].tolist(), answerable[rows].tolist()
        ),
        "abstention_recall": lambda rows: abstention.abstention_recall(
            abstained[rows].tolist(), answerable[rows].tolist()
        ),
        "coverage_of_answerable": lambda rows: _mean(~abstained[rows][answerable[rows]]),
    }
    if told and all(s.sample.output.confidence is not None for s in told):
        confidence = np.asarray([s.sample.output.confidence for s in told], np.float64)
        metrics["answerable_auroc"] = lambda rows: abstention.auroc(
            confidence[rows].tolist(), answerable[rows].tolist()
        )
        right = [_would_be_right(s) for s in told]
        if None not in right:
            is_right = np.asarray(right, bool)
            metrics["area_under_risk_coverage"] = lambda rows: abstention.area_under_risk_coverage(
                confidence[rows].tolist(), is_right[rows].tolist()
            )
            metrics["calibration_error"] = lambda rows: abstention.calibration_error(
                confidence[rows].tolist(), is_right[rows].tolist()
            )
    found = {}
    for name, metric in metrics.items():
        value = metric(np.arange(len(told)))
        interval = cluster_bootstrap_of(metric, clusters) if value is not None else None
        if value is not None and interval is not None:
            found[name] = Estimate(
                value, *interval, len(told), len(set(clusters)), "cluster bootstrap"
            )
    return found


def _is_sampled(scored: Scored) -> bool:
    """Whether a model wrote the answer with sampling on, so that another seed may write another."""
    output = scored.sample.output
    return bool(output.completion_tokens and output.sampling.get("temperature"))


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None


def _curves(group: Sequence[Scored]) -> dict[str, list[tuple[float, ...]]]:
    """Risk-coverage and reliability over answers given, where the target tells a confidence."""
    given = [
        (float(s.sample.output.confidence), _would_be_right(s))
        for s in group
        if s.sample.output.confidence is not None and not s.sample.error
    ]
    told = [(confidence, right) for confidence, right in given if right is not None]
    if not told:
        return {}
    confidence, right = [c for c, _ in told], [r for _, r in told]
    return {
        "risk_coverage": [*abstention.risk_coverage(confidence, right)],
        "reliability": [*abstention.reliability(confidence, right)],
    }


def _would_be_right(scored: Scored) -> bool | None:
    """Whether the evidence, or the answer if one was given, holds what was asked."""
    if not scored.case.answerable:
        return False
    if scored.sample.output.answered and not scored.sample.output.abstained:
        value = scored.scores.get("right")
    else:
        value = scored.scores.get("success@5", scored.scores.get("success@1"))
    return None if value is None else value > 0
