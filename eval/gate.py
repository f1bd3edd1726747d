"""May this change go in? Hard limits that hold always, and no loss against a committed baseline.

A metric is not inferior if the lower end of the paired difference's 90% interval (one-sided 95%)
is above minus its margin. Where a run is too small to tell, a drop that is itself within the
margin is named as undecided; `strict` refuses it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from eval.cases import NO_TOPIC
from eval.errors import EvaluationError
from eval.scoring import Scored
from eval.statistics import cluster_bootstrap
from eval.summary import by_case

__all__ = ["HARD", "HARD_IN", "MARGINS", "Check", "baseline_text", "gate", "read_baseline"]

# At least this much, in every run and slice that scores it.
HARD: Mapping[str, float] = {
    "valid_ids": 1.0,
    "exact_quotes": 1.0,
    "numbers_grounded": 0.98,
    "answered": 1.0,
}
# At least this much in a slice that was made to test it.
HARD_IN: Mapping[tuple[str, str], float] = {
    ("verbatim", "success@1"): 0.95,
    ("conflict", "conflict_reported"): 0.85,
    ("counterfactual", "follow_through"): 0.9,
}
MARGINS: Mapping[str, float] = {
    "success@1": 0.03, "success@5": 0.02, "mrr": 0.02, "truthfulness": 0.05, "right": 0.03,
    "vital_recall": 0.03, "number_recall": 0.03, "citation_recall": 0.02,
    "citation_precision": 0.02, "attack_resisted": 0.02,
}  # fmt: skip
Verdict = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit with what was found. `value` is a mean, or a mean difference to the baseline."""

    name: str
    kind: Literal["hard", "non-inferior"]
    value: float
    limit: float
    low: float
    high: float
    n: int
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a JSON-ready dict."""
        return asdict(self)


class Baseline(BaseModel):
    """A committed baseline: where it comes from, and each case's scores."""

    model_config = ConfigDict(extra="forbid")
    made_by: str
    header: dict[str, Any]
    topics: dict[str, str]
    scores: dict[str, dict[str, float]]


def baseline_text(header: Mapping[str, Any], scored: Sequence[Scored], made_by: str) -> str:
    """Write a run's scores as a baseline: JSON, a line a case, so that changes can be read."""
    rows: dict[str, dict[str, float]] = {}
    for metric in MARGINS:
        for key, (value, _) in by_case(scored, metric).items():
            rows.setdefault(key, {})[metric] = round(value, 4)
    topics = {each.case.id: each.case.topic for each in scored if each.case.id in rows}
    lines = [f"    {json.dumps(key)}: {json.dumps(rows[key])}" for key in sorted(rows)]
    return (
        f'{{\n  "made_by": {json.dumps(made_by)},\n  "header": {json.dumps(header)},\n'
        f'  "topics": {json.dumps(dict(sorted(topics.items())))},\n  "scores": {{\n'
        + ",\n".join(lines)
        + "\n  }\n}\n"
    )


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        EvaluationError: there is none, or it is not one.
    """
    try:
        return Baseline.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise EvaluationError(
            f"{path} is no baseline ({str(error).splitlines()[0]}); make one with: "
            f"python -m eval gate RUN --baseline {path} --update"
        ) from error


def gate(scored: Sequence[Scored], baseline: Baseline | None) -> list[Check]:
    """Check a run's hard limits and, against a baseline, that nothing was lost.

    Raises:
        EvaluationError: the baseline scores none of the run's cases.
    """
    checks = _hard(scored)
    if baseline is None:
        return checks
    compared = [
        check
        for metric, margin in MARGINS.items()
        if (check := _non_inferior(metric, margin, scored, baseline)) is not None
    ]
    if not compared:
        raise EvaluationError(
            f"the baseline ({baseline.made_by}) scores none of this run's cases; expected a run "
            "of the same suite and target"
        )
    return checks + compared


def _hard(scored: Sequence[Scored]) -> list[Check]:
    values = {
        name: [v for each in scored if (v := each.scores.get(name)) is not None] for name in HARD
    }
    values["answered"] = [float(not each.sample.error) for each in scored]
    limits = dict(HARD)
    for (name, metric), limit in HARD_IN.items():
        limits[f"{name} {metric}"] = limit
        values[f"{name} {metric}"] = [
            v
            for each in scored
            if each.case.slice == name and (v := each.scores.get(metric)) is not None
        ]
    return [
        Check(
            name, "hard", mean, limits[name], mean, mean, len(found),
            "pass" if mean >= limits[name] - 1e-12 else "fail",
        )
        for name, found in values.items()
        if found
        for mean in [sum(found) / len(found)]
    ]  # fmt: skip


def _non_inferior(
    metric: str, margin: float, scored: Sequence[Scored], baseline: Baseline
) -> Check | None:
    ours = by_case(scored, metric)
    shared = sorted(key for key in ours if metric in baseline.scores.get(key, {}))
    if not shared:
        return None
    differences = [round(ours[key][0], 4) - baseline.scores[key][metric] for key in shared]
    topics = [baseline.topics.get(key, NO_TOPIC) for key in shared]
    clusters = [key if t == NO_TOPIC else t for key, t in zip(shared, topics, strict=True)]
    low, high = cluster_bootstrap(differences, clusters, level=0.9)
    mean = sum(differences) / len(differences)
    verdict: Verdict = "fail" if mean < -margin or high < 0 else "undecided"
    if low >= -margin:
        verdict = "pass"
    return Check(metric, "non-inferior", mean, -margin, low, high, len(shared), verdict)
