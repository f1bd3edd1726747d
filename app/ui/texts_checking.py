"""What the page says of checking a claim."""

from __future__ import annotations

from typing import Final

from app.record.checked import DifferenceKind, Verdict
from app.ui.speaking import speaks

__all__ = ["others"]

TAB: Final = "Check"
LEAD: Final = "Paste a sentence or a paragraph. Each sentence is held against the sources."
LABEL: Final = "What is to be checked"
PLACEHOLDER: Final = "GPT-3 has 150 billion parameters. It was trained on 300 billion tokens."
CHECK: Final = "Check"
CHECKING: Final = "Checking…"
VERDICTS: Final[dict[Verdict, str]] = {
    "supported": "Supported",
    "contradicted": "Contradicted",
    "not_in_sources": "Not in the sources",
    "no_claim": "Claims nothing",
}
MARKS: Final[dict[Verdict, str]] = {
    "supported": "✓", "contradicted": "✗", "not_in_sources": "?", "no_claim": "–",
}  # fmt: skip
KINDS: Final[dict[DifferenceKind, str]] = {
    "figure": "Figure", "name": "Name", "opposite": "Direction", "negation": "Denial",
    "word": "Wording", "arithmetic": "Wrong calculation",
}  # fmt: skip
READ_AS: Final = "Read as"
NEAREST: Final = "The nearest that was found; it says neither that nor the opposite"
SAID: Final = "the text says"
THERE: Final = "the source says"
NOWHERE: Final = "the source does not say it"
COPY: Final = "Copy the result"
KEEP: Final = "Keep under a link"
NOTHING_YET: Final = "Check a text first."
PAGE_TITLE: Final = "Checked claims"
CHECKED_ON: Final = "Checked on"
BY_INDEX: Final = "against the index"
MORE: Final = ("{n} more passage", "{n} more passages")


def others(number: int) -> str:
    """Name the passages beside the first."""
    return str(_told("MORE")[number != 1].format(n=number))


_told = speaks(__name__)
