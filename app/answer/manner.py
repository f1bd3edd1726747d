"""What a persona adds to a composed answer, out of what the knowledge base has on its subject.

The answer itself is the same for all. After it the expert says what is unsettled, the architect
gives the subject's figures, the engineer what to do and how one sees that it worked; the research
doctrine adds who measured and where it stops holding. Nothing is added that says little to the
question: a figure that is asked for gets a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.answer.compose import ComposedSentence, asks_figures, figure_of
from app.record.evidence import Evidence, Idf, Span
from index.text.tokens import content_words
from index.types import Hit, Passage, PassageKind

__all__ = ["in_manner", "of_the_subject"]

_KINDS = frozenset({PassageKind.PRACTICE, PassageKind.CAVEAT, PassageKind.DATA})
_CREDIT = re.compile(r"\bet al\.|\b[A-Z][\w’'-]+,? \(?(?:19|20)\d\d\b")
# Code stays in the passage that explains it.
_BLOCK = "```"
_STEPS = 2
_FIGURES = 2
_OPENING = 3
_REPEATED = 0.6
# How much of the question's telling words an addition has; more is wanted where a figure is asked.
_SPEAKS = 0.1
_SPEAKS_OF_A_FIGURE = 0.3


def of_the_subject(
    hits: Sequence[Hit], further: Sequence[Hit], passages: Sequence[Passage]
) -> tuple[Hit, ...]:
    """Return what there is beside the hits on the subject that the best of them is about.

    Args:
        hits: what is evidence, best first.
        further: all that was found, with its scores.
        passages: the index's.
    """
    if not hits:
        return ()
    topic, taken = hits[0].passage.topic, {hit.passage.id for hit in hits}
    scored = {hit.passage.id: hit for hit in further}
    return tuple(
        scored.get(passage.id, Hit(passage, 0.0))
        for passage in passages
        if passage.topic == topic and passage.kind in _KINDS and passage.id not in taken
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question's telling words, the subject's own name left out, and whether it asks a figure."""

    words: dict[str, float]
    figure: bool

    def share(self, item: Evidence) -> float:
        total = sum(self.words.values())
        met = sum(weight for word, weight in self.words.items() if word in item.words)
        return met / total if total else 1.0


def in_manner(
    chosen: Sequence[ComposedSentence],
    question: str,
    known: Sequence[Evidence],
    idf: Idf,
    *,
    shape: str,
    research: bool = False,
) -> list[ComposedSentence]:
    """Add to a composed answer what its persona is asked for.

    Args:
        chosen: the answer's sentences.
        question: the question that stands alone.
        known: all passages by their numbers, those beside the evidence included.
        idf: how telling a word is.
        shape: `papers`, `figures` or `checklist`.
        research: whether the research doctrine applies.
    """
    if not chosen:
        return []
    lead = known[chosen[0].n - 1].passage
    subject = set(content_words(lead.title.partition(":")[0]))
    words = {w: idf(w) for w in content_words(question) if w not in subject and w.isalpha()}
    asked = _Asked(words, asks_figures(question))
    pool = [item for item in known if item.passage.topic == lead.topic]
    said = [frozenset(content_words(one.text)) for one in chosen]
    answer = list(chosen)
    if shape == "checklist":
        # What one does on a subject is worth saying whatever was asked of it.
        steps = list(_steps(_best(PassageKind.PRACTICE, pool, asked, said, 0.0)[:_STEPS]))
        if steps:
            answer = [*_as_prose(answer)[:_OPENING], *steps]
    elif shape == "figures":
        # One figure of the subject is worth saying even where none speaks of what is asked.
        telling = _best(PassageKind.DATA, pool, asked, said)[:_FIGURES]
        answer += _figures(telling or _best(PassageKind.DATA, pool, asked, said, 0.0)[:1], answer)
    if research:
        credited = [i for i in _best(PassageKind.DATA, pool, asked, said) if _credits(i)]
        used = {one.n for one in answer}
        answer += _paragraph([item for item in credited if item.n not in used][:1])
    if research or (shape == "papers" and not asked.figure):
        answer += _paragraph(_best(PassageKind.CAVEAT, pool, asked, said)[:1])
    return answer


def _best(
    kind: PassageKind,
    pool: Sequence[Evidence],
    asked: _Asked,
    said: Sequence[frozenset[str]],
    least: float = _SPEAKS,
) -> list[Evidence]:
    """Return the passages of a kind that say most to the question and are not said yet."""
    least = max(least, _SPEAKS_OF_A_FIGURE) if asked.figure else least
    found = [
        item
        for item in pool
        if item.passage.kind is kind
        and asked.share(item) >= least
        and _BLOCK not in item.passage.text
        and not _is_said(frozenset(content_words(item.passage.text)), said)
    ]
    return sorted(found, key=lambda item: -asked.share(item))


def _is_said(words: frozenset[str], said: Sequence[frozenset[str]]) -> bool:
    return any(len(words & one) >= _REPEATED * max(1, min(len(words), len(one))) for one in said)


def _credits(item: Evidence) -> bool:
    return _CREDIT.search(item.passage.text) is not None


def _as_prose(answer: Sequence[ComposedSentence]) -> list[ComposedSentence]:
    """Take what was a list back into a paragraph; blocks stay apart."""
    return [replace(one, lead=" " if "- " in one.lead else one.lead) for one in answer]


def _steps(items: Sequence[Evidence]) -> Iterator[ComposedSentence]:
    """What to do, numbered, and under each the sign by which one sees how it went."""
    for number, item in enumerate(items, start=1):
        first, *others = item.spans
        yield _said(item, first, f"{chr(10) if number == 1 else ''}\n{number}. ")
        if others:
            yield _said(item, others[-1], "\n   - ")


def _figures(
    items: Sequence[Evidence], answer: Sequence[ComposedSentence]
) -> Iterator[ComposedSentence]:
    """Data points as a list, each by its note where that states the figure."""
    listed = answer[-1].lead.lstrip("\n").startswith("-")
    for item in items:
        yield _said(item, figure_of(item), "\n- " if listed else "\n\n- ")
        listed = True


def _paragraph(items: Sequence[Evidence]) -> Iterator[ComposedSentence]:
    for item in items:
        spans = [figure_of(item)] if item.passage.kind is PassageKind.DATA else item.spans
        for number, span in enumerate(spans):
            yield _said(item, span, " " if number else "\n\n")


def _said(item: Evidence, span: Span, lead: str) -> ComposedSentence:
    return ComposedSentence(lead, span.text, item.n, span.start, span.end)
