"""An answer built from the evidence itself, when the model can't be trusted with it.

Sentences are taken from the best passages word for word, so that each is supported by
construction; the persona's shape decides what comes with them: the papers, the figures, or a
checklist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.evidence import Evidence, Span, Weigh
from index.lexical import content_words
from index.quantities import quantities
from index.types import PassageKind

__all__ = ["ComposedSentence", "compose"]

_NEAR_TOP = 0.85
_REPEATED = 0.7
_SAME_FIGURES = 0.5


@dataclass(frozen=True, slots=True)
class ComposedSentence:
    """A sentence as it will be shown, with the passage span that it is."""

    lead: str
    text: str
    n: int
    start: int
    end: int


def compose(
    question: str, evidence: Sequence[Evidence], weigh: Weigh, *, shape: str, most: int = 6
) -> list[ComposedSentence]:
    """Choose the sentences that answer the question, in a sensible order, without repetition.

    Args:
        question: the question that stands alone.
        evidence: the passages, best first.
        weigh: how telling a word is.
        shape: `papers`, `figures` or `checklist`: how the persona lays an answer out.
        most: how many sentences at the most.
    """
    if not evidence:
        return []
    wanted = frozenset(content_words(question))
    chosen: list[tuple[Evidence, Span]] = []
    for item in _worth_reading(evidence):
        best = item is evidence[0]
        budget = 4 if best and item.passage.kind is PassageKind.FAQ else 2
        for span in _best_spans(item, wanted, weigh, budget, first=best):
            if len(chosen) < most and not _repeats(span, chosen):
                chosen.append((item, span))
    prose = [pair for pair in chosen if pair[0].passage.kind is not PassageKind.DATA]
    figures = [pair for pair in chosen if pair[0].passage.kind is PassageKind.DATA]
    if shape == "checklist" and len(chosen) > 2:
        return _laid_out(prose[:1], []) + _laid_out([], prose[1:] + figures)
    if shape == "figures":
        return _laid_out(prose, figures)
    return _laid_out(prose + figures, [])


def _worth_reading(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Keep the passages that score near the best one, and two at least."""
    top = evidence[0].hit.score
    near = [item for item in evidence if item.hit.score >= _NEAR_TOP * top]
    return near[:4] if near else list(evidence[:1])


def _best_spans(
    item: Evidence, wanted: frozenset[str], weigh: Weigh, budget: int, *, first: bool
) -> list[Span]:
    """Take the sentences that speak most to the question, in the order of the passage."""
    spans = item.spans
    if item.passage.kind is PassageKind.DATA:
        return [_figure(item)]
    scored = [
        (sum(weigh(word) for word in span.words & wanted), -position)
        for position, span in enumerate(spans)
    ]
    best = sorted(range(len(spans)), key=lambda position: scored[position], reverse=True)
    keep = set(best[:budget])
    if first and spans:
        # The first sentence of the best passage is the one that answers its question.
        keep = {0, *best[: budget - 1]}
    return [span for position, span in enumerate(spans) if position in keep]


def _figure(item: Evidence) -> Span:
    """Take a data point's note where it states the figure itself, else all of it."""
    text = item.passage.text
    head, _, note = text.partition(". ")
    figures = _numbers(head.removeprefix(item.passage.heading))
    if note and figures and figures <= _numbers(note):
        return Span(len(text) - len(note), len(text), note)
    return Span(0, len(text), text)


def _numbers(text: str) -> frozenset[tuple[float, float]]:
    return frozenset((q.low, q.high) for q in quantities(text) if q.kind != "year")


def _repeats(span: Span, chosen: Sequence[tuple[Evidence, Span]]) -> bool:
    """Tell whether the answer has a sentence's words, or its figures and most of its words."""
    figures = _numbers(span.text)
    said = frozenset().union(*(_numbers(other.text) for _, other in chosen))
    words = frozenset().union(*(other.words for _, other in chosen))
    if figures and figures <= said and len(span.words & words) >= _SAME_FIGURES * len(span.words):
        return True
    return any(
        len(span.words & other.words) >= _REPEATED * max(1, min(len(span.words), len(other.words)))
        for _, other in chosen
    )


def _laid_out(
    prose: Sequence[tuple[Evidence, Span]], bullets: Sequence[tuple[Evidence, Span]]
) -> list[ComposedSentence]:
    sentences = [
        ComposedSentence(" " if position else "", span.text, item.n, span.start, span.end)
        for position, (item, span) in enumerate(prose)
    ]
    for position, (item, span) in enumerate(bullets):
        lead = "\n- " if position else "\n\n- "
        sentences.append(ComposedSentence(lead, span.text, item.n, span.start, span.end))
    return sentences
