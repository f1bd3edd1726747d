"""Figures that a passage gets wrong by its own arithmetic: they are never stated as supported.

A passage that writes 2 × 32 × 4096 = 131,072 is wrong about 131,072, wherever its topic says it
again. What is known of such figures when an answer is made: the retrieved passages' own
calculations are run again, and the knowledge base's conflicts name those found when it was built.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from app.record.evidence import Evidence
from app.record.reasons import Objection, Reason
from app.record.types import Conflict, ConflictValue, Usage
from app.verifying.supports import Pace, Verdict, Verifier, words_of
from index.audit.arithmetic import Miscomputed, miscomputed
from index.text.quantities import Quantity, quantities
from index.text.tokens import content_words

__all__ = ["Faults", "WrongFigure"]

# Shorter numbers stand in many a sentence by chance, the more so elsewhere than in the passage.
_TELLING_HERE, _TELLING_IN_TOPIC = 3, 4
_ROUNDED = 0.005
_LEAST_NAMED = 2  # words that name a quantity


@dataclass(frozen=True, slots=True)
class WrongFigure:
    """A figure that is wrong, where its topic says so, and the conflict that tells of it."""

    ref: str
    topic: str
    figure: Quantity
    equation: str
    conflict: Conflict

    def is_in(self, sentence: str, ref: str, topic: str) -> bool:
        """Tell whether a sentence of a passage states it."""
        if self.equation and ref == self.ref and self.equation in sentence:
            return True
        if topic == self.topic and self._is_named_in(sentence):
            return self.where_in(sentence) is not None
        digits = len(re.sub(r"\D", "", self.figure.text))
        needed = _TELLING_HERE if ref == self.ref else _TELLING_IN_TOPIC
        if topic != self.topic or digits < needed - bool(self.figure.dimension):
            return False
        return self.where_in(sentence) is not None

    def where_in(self, sentence: str) -> Quantity | None:
        """Where a sentence has the figure."""
        return next((q for q in quantities(sentence) if _same(self.figure, q)), None)

    def _is_named_in(self, sentence: str) -> bool:
        """Tell whether a sentence speaks of the quantity by every word of its name."""
        named = frozenset(content_words(self.conflict.quantity))
        return len(named) >= _LEAST_NAMED and named <= frozenset(content_words(sentence))


class Faults:
    """The wrong figures among an answer's evidence."""

    def __init__(self, evidence: Sequence[Evidence], conflicts: Iterable[Conflict]) -> None:
        """Look for them in the evidence's own calculations and in the conflicts that it touches."""
        self._by_ref = {item.passage.id: item for item in evidence}
        self._found: list[WrongFigure] = []
        self._refused: list[WrongFigure] = []
        for conflict in conflicts:
            for value in conflict.values:
                figure = next(iter(quantities(value.value)), None)
                item = self._by_ref.get(value.ref)
                if value.standing == "miscomputed" and figure and item:
                    topic = item.passage.topic
                    self._found.append(WrongFigure(value.ref, topic, figure, "", conflict))
        for item in evidence:
            for error in miscomputed(item.passage):
                self._add(item, error)

    def _add(self, item: Evidence, error: Miscomputed) -> None:
        passage = item.passage
        figure = next(iter(quantities(error.stated)), None)
        if figure is None or self.stated_in(error.stated, (passage.id,)):
            return
        values = (
            ConflictValue(error.stated, passage.id, standing="miscomputed"),
            ConflictValue(error.worked, passage.id, standing="computed"),
        )
        told = Conflict(passage.heading, values)
        self._found.append(WrongFigure(passage.id, passage.topic, figure, error.equation, told))

    def stated_in(self, sentence: str, refs: Iterable[str]) -> list[WrongFigure]:
        """The wrong figures in a sentence that rests on some passages."""
        items = [self._by_ref[ref].passage for ref in refs if ref in self._by_ref]
        return [
            wrong
            for wrong in self._found
            if any(wrong.is_in(sentence, passage.id, passage.topic) for passage in items)
        ]

    def worked_out_in(self, sentence: str, refs: Collection[str]) -> list[WrongFigure]:
        """Those of some passages in whose place a sentence has what comes out."""
        stated = quantities(sentence)
        return [
            wrong
            for wrong in self._found
            if wrong.ref in refs
            for value in wrong.conflict.values
            if value.standing == "computed"
            and any(_same(right, q) for right in quantities(value.value)[:1] for q in stated)
        ]

    def told_in(self, answer: str) -> list[WrongFigure]:
        """The wrong figures of which an answer told: it has them and what they are held against."""
        return [
            wrong
            for wrong in self._found
            if all(value.value in answer for value in wrong.conflict.values)
        ]

    def refused(self) -> list[WrongFigure]:
        """Those for which a sentence was refused since this was asked last."""
        told, self._refused = self._refused, []
        return told

    def refuse(self, wrong: Sequence[WrongFigure]) -> None:
        """Note that a sentence was refused for some of them."""
        self._refused += wrong

    def watching(self, verifier: Verifier) -> Verifier:
        """A verifier that supports no sentence with one of them."""
        return _Watching(verifier, self) if self._found else verifier


@dataclass(frozen=True, slots=True)
class _Watching:
    inner: Verifier
    faults: Faults

    @property
    def pace(self) -> Pace:
        """When a draft's sentences are checked."""
        return self.inner.pace

    @property
    def usage(self) -> Usage:
        """The tokens that a model took for it so far."""
        return self.inner.usage

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence, and refuse it where its own evidence miscomputes what it states."""
        verdict = await self.inner.check(sentence, cited, evidence)
        rests = (*verdict.supports, *verdict.instead)
        shown = " ".join([sentence, *(words_of(one, evidence) for one in verdict.instead)])
        wrong = self.faults.stated_in(shown, [support.ref for support in rests])
        if not wrong:
            return verdict
        self.faults.refuse(wrong)
        against = Objection(Reason.MISCOMPUTED, wrong[0].figure.text)
        return Verdict("unsupported", verdict.score, verdict.supports, against)


def _same(wrong: Quantity, stated: Quantity) -> bool:
    """Tell whether a figure is another one, as it is or with its digits cut off."""
    if wrong.dimension != stated.dimension or wrong.kind != stated.kind:
        return False
    slack = max(stated.step, _ROUNDED * abs(wrong.low))
    return abs(wrong.low - stated.low) <= slack and abs(wrong.high - stated.high) <= slack
