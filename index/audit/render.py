"""Findings as text for people, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from index.audit.findings import Finding, Kind, Severity

__all__ = ["as_json", "as_text"]


_DESCRIPTIONS: dict[Kind, str] = {
    Kind.ARITHMETIC_RESULT: "An expression does not have the value that it states.",
    Kind.ARITHMETIC_DIFFERENCE: "A stated change is not that between the two figures.",
    Kind.ARITHMETIC_SHARES: "The shares of one whole do not add up.",
    Kind.CONFLICT_VALUE: "Two places give different values for one quantity.",
    Kind.CONFLICT_CREDIT: "One result is credited to two models.",
    Kind.CONFLICT_PAPER: "One paper has different years, titles or authors.",
    Kind.REFERENCE_UNSOURCED: "A work is named that is not among the topic's sources.",
    Kind.REFERENCE_UNUSED: "A source bears nothing.",
    Kind.REFERENCE_LABELS: "One address has several labels.",
    Kind.REFERENCE_YEAR: "An arXiv id contradicts the stated year.",
    Kind.REFERENCE_LINK: "An internal link leads to no topic.",
    Kind.FORM_DOUBLED_UNIT: "A unit is said twice.",
    Kind.FORM_MISSING_UNIT: "A number has no unit.",
    Kind.FORM_EMPTY: "A field is empty.",
    Kind.FORM_DUPLICATE: "A question is asked twice.",
    Kind.FORM_RANGE: "A range runs backwards.",
}


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(finding.severity for finding in findings)
    return {f"{severity.value}s": counted[severity] for severity in Severity}


def as_text(findings: Sequence[Finding]) -> str:
    """Two lines a finding, and a last line that counts them."""
    lines = []
    for f in findings:
        lines.append(f"{f.severity.value}: {f.place}: {f.message} [{f.kind.value}]")
        lines.append(f"    {f.reason}")
    counts = ", ".join(f"{number} {name}" for name, number in _counts(findings).items())
    return "\n".join([*lines, counts])


def as_json(findings: Sequence[Finding]) -> str:
    """One object: `counts` by severity, and `findings`."""
    listed = [
        {
            "kind": f.kind.value,
            "severity": f.severity.value,
            "place": f.place,
            "message": f.message,
            "reason": f.reason,
        }
        for f in findings
    ]
    return json.dumps(
        {"counts": _counts(findings), "findings": listed}, ensure_ascii=False, indent=2
    )
