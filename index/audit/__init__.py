"""What is wrong inside a knowledge base, found without a language model and without a network.

Four groups of checks: arithmetic (results that don't follow), conflicts (two figures for one
quantity, one paper described in two ways), references (papers named but not listed, ids and
links that lead nowhere) and form (units, empty fields, repeated questions).
"""

from __future__ import annotations

from index.audit.arithmetic import arithmetic
from index.audit.conflict_findings import conflicts
from index.audit.findings import Finding, Kind, Severity, at_least
from index.audit.form import form
from index.audit.references import references
from index.audit.render import as_json, as_text
from index.types import KnowledgeBase

__all__ = [
    "Finding",
    "Kind",
    "Severity",
    "as_json",
    "as_text",
    "at_least",
    "audit",
]


def audit(kb: KnowledgeBase) -> list[Finding]:
    """Everything that looks wrong, the worst first, then by place.

    Precision comes before recall: a statement is called wrong when it is so under every reading
    of its units and within the precision that it states itself. Severity `note` marks what an
    editor may want to look at; `warning` and `error` mark what should be changed.
    """
    found = {
        finding: None
        for check in (arithmetic, conflicts, references, form)
        for finding in check(kb)
    }
    return sorted(found, key=lambda f: (-f.severity.rank, f.place, f.kind, f.message))
