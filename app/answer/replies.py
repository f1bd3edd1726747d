"""What Citewise says for itself when it can't answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import prompts
from app.record.sanitize import one_line, verbatim
from index.types import Hit, PassageKind

__all__ = ["abstention", "nearest_questions"]

_NEAREST = 3
# None is better than a strange one: how like the question a passage must be (cosine).
_NEAR = 0.5
_QUESTION_SHOWN = 160


def nearest_questions(hits: Sequence[Hit]) -> tuple[str, ...]:
    """Return what the best passages found are headed: what can be answered instead."""
    headings = dict.fromkeys(
        hit.passage.heading
        for hit in hits
        if hit.passage.kind in (PassageKind.FAQ, PassageKind.SECTION)
    )
    return tuple(one_line(heading) for heading in islice(headings, _NEAREST))


def abstention(question: str, nearest: Sequence[str]) -> str:
    """Say that the knowledge base does not hold the answer, and what it holds near to it."""
    shown = one_line(question)
    if len(shown) > _QUESTION_SHOWN:
        shown = shown[: _QUESTION_SHOWN - 1].rstrip() + "…"
    text = prompts.fill("replies/abstention.md", question=verbatim(shown)).strip()
    if nearest:
        listed = "\n".join(f"- {verbatim(question)}" for question in nearest)
        text += "\n\n" + prompts.fill("replies/nearest.md", questions=listed).strip()
    return text
