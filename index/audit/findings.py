"""What an audit reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Kind", "Severity", "at_least"]


class Severity(StrEnum):
    """How sure it is that something is wrong, and how much it matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return {"note": 0, "warning": 1, "error": 2}[self.value]


class Kind(StrEnum):
    """What is wrong: the check that found it, as `<group>/<check>`."""

    ARITHMETIC_RESULT = "arithmetic/result"
    ARITHMETIC_DIFFERENCE = "arithmetic/difference"
    ARITHMETIC_SHARES = "arithmetic/shares"
    CONFLICT_VALUE = "conflict/value"
    CONFLICT_CREDIT = "conflict/credit"
    CONFLICT_PAPER = "conflict/paper"
    REFERENCE_UNSOURCED = "reference/unsourced"
    REFERENCE_UNUSED = "reference/unused"
    REFERENCE_LABELS = "reference/labels"
    REFERENCE_YEAR = "reference/year"
    REFERENCE_LINK = "reference/link"
    FORM_DOUBLED_UNIT = "form/doubled-unit"
    FORM_MISSING_UNIT = "form/missing-unit"
    FORM_EMPTY = "form/empty"
    FORM_DUPLICATE = "form/duplicate-question"
    FORM_RANGE = "form/reversed-range"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong.

    `place` is a position in the knowledge base: a passage id with a field, such as
    `kv-cache/data/1.note`. `message` says what is wrong, `reason` how that is known; `stated` is
    the result that a calculation is given and does not have, in base units.
    """

    kind: Kind
    severity: Severity
    place: str
    message: str
    reason: str
    stated: float | None = None


def at_least(findings: list[Finding], severity: Severity) -> list[Finding]:
    """The findings of this severity or a worse one."""
    return [finding for finding in findings if finding.severity.rank >= severity.rank]
