"""A text goes in, and sentence by sentence comes whether the sources bear it out.

Each sentence is searched for as it is read in its place. It is *supported* where the verifier
finds it supported and nothing in that passage speaks against it; *contradicted* only where a
passage about the same says otherwise, and where, or its own calculation does; else it is *not in
the sources*, and the passages that come nearest are shown for what they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.checking.differences import Compared
from app.checking.statements import TextSentence, statements
from app.checking.weighing import CheckerWeights, Read, read
from app.question.subjects import subjects_of
from app.record.checked import Bearing, Checked, CheckedSentence, Difference, Verdict
from app.record.errors import RequestError
from app.record.evidence import Evidence, evidence_of
from app.record.reasons import Reason
from app.verifying.miscomputed import Faults, WrongFigure
from app.verifying.supports import LexicalVerifier, Verifier, claims_nothing
from app.verifying.supports import Verdict as Verified
from index.judge import load_pair_judge
from index.retrieve import HybridRetriever
from index.text.quantities import Quantity, agree, quantities
from index.text.tokens import content_words

__all__ = ["MOST_SENTENCES", "Checker", "opposing", "supporting"]

MOST_SENTENCES = 60
_READ = 5
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Decided:
    """A verdict with the readings behind it, the foremost first."""

    verdict: Verdict
    confidence: float
    reads: tuple[Read, ...]


class Checker:
    """Checks texts against one index."""

    def __init__(
        self, retriever: HybridRetriever, verifier: Verifier, weights: CheckerWeights | None = None
    ) -> None:
        """Take what searches, what verifies, and how passages are weighed."""
        self._retriever, self._verifier = retriever, verifier
        self._weights = weights or CheckerWeights.shipped()
        self._subjects = subjects_of(retriever.index)
        self._idf = retriever.index.lexical.idf
        self._lexical = LexicalVerifier(self._idf)

    async def check(self, text: str) -> Checked:
        """Check every sentence of a text, in order.

        Raises:
            RequestError: the text has no sentence, or more than are read at once.
        """
        stated = statements(text, self._subjects)
        if not stated:
            raise RequestError(
                "the text holds no sentence; expected one or a paragraph", field="text"
            )
        if len(stated) > MOST_SENTENCES:
            raise RequestError(
                f"the text has {len(stated)} sentences, at most {MOST_SENTENCES} are checked at "
                "once; send it in parts",
                field="text",
            )
        sentences = [await self._sentence(one) for one in stated]
        return Checked(text, tuple(sentences), self._retriever.index.fingerprint, datetime.now(UTC))

    async def _sentence(self, stated: TextSentence) -> CheckedSentence:
        made = CheckedSentence(
            stated.text, stated.start, stated.end, "no_claim",
            read_as=stated.read_as if stated.put else "",
        )  # fmt: skip
        if claims_nothing(stated.read_as):
            return made
        reads = await asyncio.to_thread(self._read, stated.read_as)
        verified = await self._verifier.check(stated.read_as, (), [one.item for one in reads])
        decided = self._decide(reads, verified)
        decided = _worked_out(stated.read_as, decided, reads)
        return replace(
            made,
            verdict=decided.verdict,
            confidence=round(decided.confidence, 3),
            passages=tuple(
                _bearing(one, stated, decided.verdict) for one in decided.reads[:_SHOWN]
            ),
        )

    def _read(self, statement: str) -> list[Read]:
        """Search for a statement and read it against what is found, best first."""
        found = self._retriever.search(statement, _READ)
        passages = [(hit.passage.heading, hit.passage.text) for hit in found.hits]
        odds = load_pair_judge().supports(statement, passages).tolist()
        return [
            read(statement, item, chance, self._lexical, self._idf, self._weights)
            for item, chance in zip(evidence_of(found.hits), odds, strict=True)
        ]

    def _decide(self, reads: Sequence[Read], verified: Verified) -> _Decided:
        saying = [o for o in supporting(reads, verified) if o.says >= self._weights.says_at]
        if saying:
            return _Decided("supported", max(one.says for one in saying), _first(saying, reads))
        against = [one for one in opposing(reads) if one.denies >= self._weights.denies_at]
        if against:
            against.sort(key=lambda one: -one.denies)
            return _Decided("contradicted", against[0].denies, tuple(against))
        nearest = sorted(reads, key=lambda one: one.says + one.denies, reverse=True)
        sure = 1 - max((one.says + one.denies for one in reads), default=0.0)
        return _Decided("not_in_sources", sure, tuple(nearest))


def supporting(reads: Sequence[Read], verified: Verified) -> list[Read]:
    """The passages that may support a statement: none where the verifier objects to it."""
    against = verified.objection
    if against is not None and against.reason is not Reason.COVERAGE:
        return []
    speaks = bool(verified.supports or verified.instead)
    return list(reads) if speaks else []


def opposing(reads: Sequence[Read]) -> list[Read]:
    """The passages that say something else in a place that can be shown.

    A word that the passage has nowhere may mean the same, and another figure speaks against
    nothing where any passage that was found has the statement's own.
    """
    known = [quantity for one in reads for quantity in one.item.quantities]
    found = []
    for one in reads:
        kept = [
            (difference, near)
            for difference, near in zip(
                one.compared.differences, one.compared.nearness, strict=True
            )
            if difference.kind != "figure" or not _stated(difference.said, known)
        ]
        if any(_otherwise(difference, one.item) for difference, _ in kept):
            compared = Compared(tuple(d for d, _ in kept), tuple(near for _, near in kept))
            found.append(replace(one, compared=compared))
    return found


def _worked_out(statement: str, decided: _Decided, reads: Sequence[Read]) -> _Decided:
    """Decide by a passage's calculation where the passage itself gives another result of it.

    What rests on that result is contradicted, and it contradicts nothing.
    """
    faults = Faults([one.item for one in reads], ())
    foremost = [one.item.passage.id for one in decided.reads[:1]]
    if decided.verdict == "contradicted" and faults.worked_out_in(statement, foremost):
        return replace(decided, verdict="not_in_sources")
    if decided.verdict == "supported":
        for wrong in faults.stated_in(statement, foremost):
            if figure := wrong.where_in(statement):
                (one,) = (each for each in reads if each.item.passage.id == wrong.ref)
                against = replace(
                    one, compared=Compared((_by_calculation(wrong, figure, one),), (0,))
                )
                return _Decided("contradicted", decided.confidence, (against,))
    return decided


def _by_calculation(wrong: WrongFigure, figure: Quantity, one: Read) -> Difference:
    at = max(one.item.passage.text.find(wrong.equation), 0)
    source = one.item.passage.text[at : at + len(wrong.equation)]
    return Difference(
        "arithmetic", figure.text, figure.start, figure.end, source, at, at + len(source)
    )


def _otherwise(difference: Difference, item: Evidence) -> bool:
    """Tell whether a passage says something else there; a word it uses elsewhere is no synonym."""
    if not difference.source or difference.kind != "word":
        return bool(difference.source)
    return set(content_words(difference.said)) <= item.words


def _stated(figure: str, known: Sequence[Quantity]) -> bool:
    return any(agree(one, other) for one in quantities(figure) for other in known)


def _first(chosen: Sequence[Read], reads: Sequence[Read]) -> tuple[Read, ...]:
    """Put what bears a sentence first, then what else says it."""
    also = [one for one in reads if one not in chosen and one.says >= chosen[0].says]
    return (*chosen, *also)


def _bearing(one: Read, stated: TextSentence, verdict: Verdict) -> Bearing:
    passage = one.item.passage
    found = one.compared.differences if verdict == "contradicted" else ()
    return Bearing(
        passage.id,
        passage.title,
        passage.heading,
        passage.text,
        one.start,
        one.end,
        one.item.sources_for(passage.text[one.start : one.end]),
        passage.place,
        tuple(placed for each in found if (placed := _placed(each, stated))),
    )


def _placed(difference: Difference, stated: TextSentence) -> Difference | None:
    """Put a difference where it stands in the text that was checked."""
    place = stated.place(difference.start, difference.end)
    return replace(difference, start=place[0], end=place[1]) if place else None
