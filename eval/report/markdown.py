"""Tables of estimates as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.gate import Check
from eval.judging import Preferred
from eval.statistics import Estimate
from eval.summary import OVERALL, Summary

__all__ = [
    "COLUMNS", "SET_METRICS", "checks", "describe", "interval", "one_run", "preferred",
    "sampling_note", "several",
]  # fmt: skip

# What a table shows, in order: the metric and its heading.
COLUMNS: Mapping[str, str] = {
    "success@1": "success@1",
    "success@5": "success@5",
    "recall@5": "recall@5",
    "mrr": "MRR",
    "ndcg@10": "nDCG@10",
    "truthfulness": "truthful",
    "right": "right",
    "abstained": "abstained",
    "gap_said": "says what is missing",
    "vital_recall": "vital nuggets",
    "number_recall": "figures",
    "citation_recall": "cite recall",
    "citation_precision": "cite prec.",
    "misattributed": "wrongly cited",
    "valid_ids": "valid ids",
    "exact_quotes": "exact quotes",
    "numbers_grounded": "figures grounded",
    "figures_attributed": "figures attributed",
    "credits_right": "credits right",
    "gold_cited": "gold cited",
    "attack_resisted": "attack resisted",
    "follow_through": "follow-through",
    "persona_invariance": "persona invariance",
    "sample_agreement": "samples agree",
    "persona_adherence": "persona adherence",
    "persona_margin": "persona margin",
    "conflict_reported": "conflict reported",
    "nugget_precision": "nugget prec.",
    "rouge_l": "ROUGE-L",
    "embedding_f1": "embedding F1",
    "judged_vital_recall": "vital nuggets, judged",
    "judged_citation_recall": "cite recall, judged",
}
SET_METRICS = (
    "abstention_precision", "abstention_recall", "coverage_of_answerable", "answerable_auroc",
    "area_under_risk_coverage", "calibration_error",
)  # fmt: skip


def interval(estimate: Estimate | None) -> str:
    """Write an estimate as "0.61 [0.55, 0.67]"; unscored is a dash."""
    if estimate is None:
        return "–"
    return f"{estimate.mean:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def describe(header: Mapping[str, Any]) -> str:
    """Say in a line what was run."""
    target = header["target"]
    parts = [target["target"]]
    parts += [str(target[name]) for name in ("model", "answer_mode") if target.get(name)]
    if target.get("kind") == "retrieval":
        parts.append("retrieval only")
    if target.get("index_fingerprint"):
        parts.append(f"index {target['index_fingerprint']}")
    dirty = ", with changes" if header.get("git_dirty") else ""
    parts.append(f"commit {str(header.get('git_commit', ''))[:9]}{dirty}")
    half = "SEALED half opened" if header.get("opened_sealed") else "development half"
    return ", ".join([*parts, half])


def one_run(header: Mapping[str, Any], summary: Summary) -> str:
    """Write one run's tables."""
    shown = [name for name in COLUMNS if any(name in found for found in summary.estimates.values())]
    lines = [
        f"{describe(header)}; {summary.counts['samples']:.0f} samples, "
        f"{summary.counts['failed']:.0f} failed",
        *sampling_note(summary),
        "",
    ]
    for some in (shown[i : i + 7] for i in range(0, len(shown), 7)):
        lines += _table(some, summary)
    lines += _set_lines(summary)
    return "\n".join([*lines, *_latency(summary)]) + "\n"


def sampling_note(summary: Summary) -> list[str]:
    """Say so where answers were sampled and each question was asked once."""
    if summary.counts["sampled"] and summary.counts["samples_a_question"] < 2:
        return [
            "",
            "Sampling was on and each question was asked once: intervals hold the chance of the "
            "questions, not of the sampling. `--repeats 3` shows that too.",
        ]
    return []


def _table(metrics: Sequence[str], summary: Summary) -> list[str]:
    slices = [name for name in summary.estimates if name != OVERALL]
    ordered = [*slices, *([OVERALL] if OVERALL in summary.estimates else [])]
    lines = [
        "| slice | n | " + " | ".join(COLUMNS[name] for name in metrics) + " |",
        "|---|--:|" + "---|" * len(metrics),
    ]
    for name in ordered:
        found = summary.estimates[name]
        if any(metric in found for metric in metrics):
            n = found["failed"].n if "failed" in found else 0
            cells = " | ".join(interval(found.get(metric)) for metric in metrics)
            lines.append(f"| {name} | {n} | {cells} |")
    return [*lines, ""]


def _set_lines(summary: Summary) -> list[str]:
    found = summary.estimates.get(OVERALL, {})
    said = [
        f"- {name.replace('_', ' ')}: {interval(found[name])}"
        for name in SET_METRICS
        if name in found
    ]
    return [*said, ""] if said else []


def _latency(summary: Summary) -> list[str]:
    stages = [
        f"- {stage}: {found['p50']:.0f} ms (p95 {found['p95']:.0f}, worst {found['max']:.0f})"
        for stage, found in summary.latency.items()
    ]
    return ["Latency, median:", "", *stages] if stages else []


def several(runs: Sequence[tuple[str, Mapping[str, Any], Summary]]) -> str:
    """Write all runs: each metric of the headline side by side, then each run."""
    lines: list[str] = ["# Evaluation", ""]
    if len(runs) > 1:
        lines += _side_by_side(runs)
    for name, header, summary in runs:
        lines += [f"## {name}", "", f"`{header.get('command', '')}`", "", one_run(header, summary)]
    return "\n".join(lines)


def _side_by_side(runs: Sequence[tuple[str, Mapping[str, Any], Summary]]) -> list[str]:
    names: Iterable[str] = [
        metric
        for metric in (*COLUMNS, *SET_METRICS)
        if any(metric in summary.estimates.get(OVERALL, {}) for _, _, summary in runs)
    ]
    lines = [
        "| over all slices but verbatim | " + " | ".join(name for name, _, _ in runs) + " |",
        "|---|" + "---|" * len(runs),
    ]
    for metric in names:
        cells = [interval(s.estimates.get(OVERALL, {}).get(metric)) for _, _, s in runs]
        title = COLUMNS.get(metric, metric.replace("_", " "))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def preferred(found: Preferred, names: tuple[str, str]) -> str:
    """Write a judge's comparison, with the lists of cases to read."""
    steady = "–" if found.steady is None else f"{found.steady:.2f}"
    lines = [
        f"# {names[1]} (B) against {names[0]} (A), judged by {found.judge}",
        "",
        f"- mean preference for B, -1 to 1: {interval(found.preference)}",
        f"- B better {len(found.wins)}, A better {len(found.losses)}, tie {found.ties}; sign test "
        f"p = {found.p:.3f}",
        f"- steady when the order is swapped: {steady} of the comparisons; the others are ties",
        f"- unscored: {found.unscored}",
    ]
    for title, keys in (("B is better", found.wins), ("A is better", found.losses)):
        lines += ["", f"## {title}: {len(keys)}", "", *(f"- {key}" for key in keys)]
    return "\n".join(lines) + "\n"


def checks(found: Sequence[Check]) -> str:
    """Write a gate's checks."""
    lines = [
        "| check | kind | n | found | limit | 90% | verdict |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    for check in found:
        span = f"{check.low:+.3f} to {check.high:+.3f}" if check.kind != "hard" else ""
        lines.append(
            f"| {check.name} | {check.kind} | {check.n} | {check.value:+.3f} | "
            f"{check.limit:+.3f} | {span} | {check.verdict} |"
        )
    return "\n".join(lines) + "\n"
