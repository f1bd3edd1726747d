"""What Citewise says for itself when it can't answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import prompts
from app.record.evidence import Idf
from app.record.sanitize import one_line, verbatim
from app.record.types import Gap
from index.text.tokens import content_words
from index.types import Hit, PassageKind

__all__ = ["abstention", "nearest_questions", "what_is_missing"]

_NEAREST = 3
# None is better than a strange one. A question is near where its passage is as like as this
# (cosine), or where it is half as like and asks of what the question speaks of.
_NEAR = 0.62
_RELATED = 0.4
_SHARED = 0.25  # of the question's telling words, by weight
_QUESTION_SHOWN = 160


def nearest_questions(question: str, hits: Sequence[Hit], idf: Idf) -> tuple[str, ...]:
    """Return what the passages found are headed where that is near: what can be answered instead.

    Args:
        question: as it was searched for.
        hits: what was found, best first.
        idf: how telling a word is.
    """
    words = {word: idf(word) for word in content_words(question) if word.isalpha()}
    total = sum(words.values())

    def is_near(hit: Hit) -> bool:
        alike = hit.trace.get("dense", 0.0)
        there = frozenset(content_words(hit.passage.heading))
        shared = sum(weight for word, weight in words.items() if word in there)
        return alike >= _NEAR or (alike >= _RELATED and shared >= _SHARED * total > 0)

    headings = dict.fromkeys(
        hit.passage.heading
        for hit in hits
        if hit.passage.kind in (PassageKind.FAQ, PassageKind.SECTION) and is_near(hit)
    )
    return tuple(one_line(heading) for heading in islice(headings, _NEAREST))


def what_is_missing(gap: Gap) -> str:
    """Say, in one sentence, what the passages found do not speak of."""
    quoted = [verbatim(one_line(each)) for each in gap.what]
    if gap.kind == "asked":
        return prompts.fill("replies/missing-asked.md", what=" and ".join(quoted)).strip()
    listed = " and ".join(f"“{each}”" for each in quoted)
    name = "missing-together" if gap.kind == "together" else "missing-named"
    return prompts.fill(f"replies/{name}.md", what=listed).strip()


def abstention(question: str, nearest: Sequence[str], gap: Gap | None = None) -> str:
    """Say that the knowledge base does not hold the answer, and what it holds near to it."""
    shown = one_line(question)
    if len(shown) > _QUESTION_SHOWN:
        shown = shown[: _QUESTION_SHOWN - 1].rstrip() + "…"
    text = prompts.fill("replies/abstention.md", question=verbatim(shown)).strip()
    if gap is not None and gap.kind in ("absent", "named"):
        text += f" {what_is_missing(gap)}"
    if nearest:
        listed = "\n".join(f"- {verbatim(question)}" for question in nearest)
        text += "\n\n" + prompts.fill("replies/nearest.md", questions=listed).strip()
    return text
