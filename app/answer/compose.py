"""An answer built from the evidence itself, when the model can't be trusted with it.

Sentences are taken from the best passages word for word, so that each is supported by
construction; the persona's shape decides what comes with them: the papers, the figures, or a
checklist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.record.evidence import Evidence, Span, Weigh
from index.text.anaphora import leans
from index.text.quantities import quantities
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = ["ComposedSentence", "compose"]

_NEAR_TOP = 0.85
_WORTH = 0.6
_LEADING = 4
_FROM_NEAR = 2
_SURE = 3
_LEAST_BULLETS = 2
_SPEAKS = 0.2
_GAIN_NEAR = 0.1
_GAIN = 0.2
_NEW_WORDS = 2
_ASKS_FIGURES = re.compile(
    r"\bhow (?:many|much|far|long|large|big|small|high|low|well|bad|badly|often|fast|close)\b"
    r"|\bwhat (?:share|number|fraction|accuracy|score|size|rate|value|length|loss)\b"
    r"|\b(?:numbers?|percent\w*|figures?|ratio|factor)\b",
    re.IGNORECASE,
)
_FIGURES_WORTH = 0.1
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: its words, by how telling they are, and whether it is for figures."""

    words: Mapping[str, float]
    figures: bool

    def share(self, words: frozenset[str]) -> float:
        """Return the share of the question's telling words, by weight."""
        total = sum(self.words.values())
        met = sum(weight for word, weight in self.words.items() if word in words)
        return met / total if total else 0.0

    def worth(self, span: Span) -> float:
        """Return how much a sentence says to the question."""
        has_what_is_asked = self.figures and bool(_numbers(span.text))
        return self.share(span.words) + _FIGURES_WORTH * has_what_is_asked


def compose(
    question: str, evidence: Sequence[Evidence], weigh: Weigh, *, shape: str, most: int = 7
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
    words = {word: weigh(word) for word in content_words(question) if not word[0].isdigit()}
    asked = _Asked(words, _ASKS_FIGURES.search(question) is not None)
    chosen = _leading(evidence[0], asked)
    for item in evidence[1:]:
        for span in _adding(item, evidence[0].hit.score, asked, chosen):
            if len(chosen) < most and not _repeats(span, chosen):
                chosen.append((item, span))
    lead = [pair for pair in chosen if pair[0] is evidence[0]]
    rest = chosen[len(lead) :]
    if shape == "checklist":
        return _laid_out(lead[:1], lead[1:] + rest)
    if shape == "figures":
        prose = [pair for pair in rest if not _numbers(pair[1].text)]
        return _laid_out(lead + prose, [pair for pair in rest if _numbers(pair[1].text)])
    return _laid_out(chosen, [])


def _leading(item: Evidence, asked: _Asked) -> list[tuple[Evidence, Span]]:
    """Take of the best passage its first sentence and those that speak most to the question."""
    if item.passage.kind is PassageKind.DATA:
        return [(item, _figure(item))]
    spans = item.spans
    ranked = sorted(range(1, len(spans)), key=lambda i: (-asked.worth(spans[i]), i))
    kept = {0, *ranked[: _LEADING - 1]}
    return [(item, spans[i]) for i in sorted(kept) if i < len(spans)]


def _adding(
    item: Evidence, top: float, asked: _Asked, chosen: Sequence[tuple[Evidence, Span]]
) -> list[Span]:
    """Take the sentence of a further passage that speaks to what the question still asks.

    A passage that scores near the best one need add little; one that scores lower must bear a
    part of the question that nothing so far does, as the second topic of two.
    """
    near = item.hit.score >= _NEAR_TOP * top
    if not near and item.hit.score < _WORTH * top:
        return []
    said = frozenset().union(*(other.words | i.words for i, other in chosen))
    head = frozenset(content_words(item.passage.heading))
    is_data = item.passage.kind is PassageKind.DATA
    spans = [_figure(item)] if is_data else [s for s in item.spans if not leans(s.text)]
    if not spans:
        return []
    ranked = sorted(spans, key=lambda span: -asked.worth(span))
    best = ranked[0]
    gain = asked.share((best.words | head) - said)
    covered = asked.share(best.words | head)
    if near:
        # So close a passage may well be the one that answers.
        speaks = item.n <= _SURE or covered >= _SPEAKS or gain >= _GAIN_NEAR
        kept = ranked[:_FROM_NEAR] if speaks else []
        return [span for span in spans if span in kept]
    new = (best.words - said) & asked.words.keys()
    return [best] if gain >= _GAIN and len(new) >= _NEW_WORDS else []


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
    if len(bullets) < _LEAST_BULLETS:
        prose, bullets = [*prose, *bullets], []
    leads = [" "] * len(prose) + ["\n- "] * len(bullets)
    leads[:1] = [""]
    if bullets:
        leads[len(prose)] = "\n\n- "
    return [
        ComposedSentence(lead, span.text, item.n, span.start, span.end)
        for lead, (item, span) in zip(leads, [*prose, *bullets], strict=True)
    ]
