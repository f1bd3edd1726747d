"""Two runs over the same cases: which is better, by how much, and could it be chance?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from eval.cases import Case
from eval.errors import EvaluationError
from eval.scoring import Scored
from eval.statistics import Paired, holm, paired
from eval.summary import HEADLINE_EXCLUDES, OVERALL, by_case

__all__ = ["COMPARED", "Comparison", "compare", "markdown", "shown"]

# Lower is better for none of these, so that a win is always B's.
COMPARED = (
    "success@1", "success@5", "recall@5", "mrr", "truthfulness", "right", "vital_recall",
    "number_recall", "citation_recall", "citation_precision", "numbers_grounded",
    "attack_resisted", "follow_through", "last_turn", "every_turn",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A: by metric and slice, with the cases that each wins by the deciding metric."""

    results: Mapping[str, Mapping[str, Paired]]
    wins: Sequence[str]
    losses: Sequence[str]
    deciding: str
    cases: int
    questions: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready dicts and lists; what is not a number is None."""
        found = asdict(self)
        for slices in found["results"].values():
            for result in slices.values():
                for name in ("p_holm", "detectable"):
                    result[name] = None if math.isnan(result[name]) else result[name]
        return found


def compare(a: Sequence[Scored], b: Sequence[Scored]) -> Comparison:
    """Compare two runs on the cases that both scored; Holm's adjustment over slices.

    Raises:
        EvaluationError: they share no scored case.
    """
    results = {}
    for metric in COMPARED:
        found = _compared(by_case(a, metric), by_case(b, metric))
        if found:
            results[metric] = found
    if not results:
        raise EvaluationError(
            "the two runs share no scored case; expected two runs of the same suite and half"
        )
    deciding = "truthfulness" if "truthfulness" in results else next(iter(results))
    ours, theirs = by_case(b, deciding), by_case(a, deciding)
    shared = sorted(ours.keys() & theirs.keys())
    return Comparison(
        results,
        [key for key in shared if ours[key][0] > theirs[key][0]],
        [key for key in shared if ours[key][0] < theirs[key][0]],
        deciding,
        len(shared),
        {key: ours[key][1].question for key in shared if ours[key][0] != theirs[key][0]},
    )


def _compared(
    a: Mapping[str, tuple[float, Case]], b: Mapping[str, tuple[float, Case]]
) -> dict[str, Paired]:
    shared = sorted(a.keys() & b.keys())
    slices = sorted({a[key][1].slice for key in shared})
    found = {}
    for name in slices:
        found[name] = _paired([key for key in shared if a[key][1].slice == name], a, b)
    adjusted = holm([found[name].p for name in slices])
    for name, p in zip(slices, adjusted, strict=True):
        found[name] = replace(found[name], p_holm=p)
    headline = [key for key in shared if a[key][1].slice not in HEADLINE_EXCLUDES]
    if headline:
        found[OVERALL] = _paired(headline, a, b)
    return found


def _paired(
    keys: Sequence[str],
    a: Mapping[str, tuple[float, Case]],
    b: Mapping[str, tuple[float, Case]],
) -> Paired:
    return paired(
        [a[key][0] for key in keys],
        [b[key][0] for key in keys],
        [a[key][1].cluster for key in keys],
    )


def shown(value: float) -> str:
    """Write a figure of the table; a dash where it is not a number."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def markdown(found: Comparison, names: tuple[str, str]) -> str:
    """Write a comparison as Markdown, with the lists of cases to read."""
    lines = [
        f"# {names[1]} (B) against {names[0]} (A)",
        "",
        f"{found.cases} cases in common. A difference is B - A with its interval at 95%, whole "
        "topics resampled; p is McNemar's exact or a paired permutation's, Holm-adjusted over "
        "slices; the last column is the smallest true difference that this comparison would "
        "find with 80% power.",
        "",
        "| metric | slice | n | B - A | 95% | won / lost | p | p (Holm) | detectable |",
        "|---|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    for metric, slices in found.results.items():
        for name, result in slices.items():
            lines.append(
                f"| {metric} | {name} | {result.n} | {result.difference:+.3f} | "
                f"{result.low:+.3f} to {result.high:+.3f} | {result.wins} / {result.losses} | "
                f"{result.p:.3f} | {shown(result.p_holm)} | {shown(result.detectable)} |"
            )
    for title, keys in (("B wins", found.wins), ("B loses", found.losses)):
        lines += ["", f"## {title}: {len(keys)} by {found.deciding}", ""]
        lines += [f"- {key}: {found.questions[key][:160]}" for key in keys]
    return "\n".join(lines) + "\n"
