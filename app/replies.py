"""What Citewise says for itself: that it can't answer, and that its sources disagree."""

from __future__ import annotations

from collections.abc import Sequence

import prompts
from app.evidence import Evidence
from app.sanitize import plain_line
from app.types import Conflict
from app.verify import Support
from index.types import Hit, PassageKind

__all__ = ["abstention", "conflict_sentences", "nearest_questions"]

_NEAREST = 3
_QUESTION_SHOWN = 160


def nearest_questions(hits: Sequence[Hit]) -> tuple[str, ...]:
    """Return the questions of the best FAQs found: what can be answered instead."""
    headings = (hit.passage.heading for hit in hits if hit.passage.kind is PassageKind.FAQ)
    found = [plain_line(heading) for heading in headings]
    return tuple(dict.fromkeys(found))[:_NEAREST]


def abstention(question: str, nearest: Sequence[str]) -> str:
    """Say that the knowledge base does not hold the answer, and what it holds near to it."""
    shown = plain_line(question)
    if len(shown) > _QUESTION_SHOWN:
        shown = shown[: _QUESTION_SHOWN - 1].rstrip() + "…"
    text = prompts.fill("replies/abstention.md", question=shown).strip()
    if nearest:
        listed = "\n".join(f"- {question}" for question in nearest)
        text += "\n\n" + prompts.fill("replies/nearest.md", questions=listed).strip()
    return text


def conflict_sentences(
    conflict: Conflict, evidence: Sequence[Evidence]
) -> tuple[str, list[Support]]:
    """State both values of a conflict, with the passages that give them."""
    by_ref = {item.passage.id: item for item in evidence}
    values = " against ".join(value.value for value in conflict.values)
    sentence = prompts.fill(
        "replies/conflict.md", quantity=conflict.quantity.rstrip("."), values=values
    ).strip()
    supports = []
    for value in conflict.values:
        item = by_ref[value.ref]
        start = max(0, item.passage.text.find(value.value))
        span = next((s for s in item.spans if s.start <= start < s.end), item.spans[0])
        supports.append(Support(value.ref, item.n, span.start, span.end, 1.0))
    return sentence, supports
