"""What the words support and the judge doubts gives way to the evidence's own sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from app.record.evidence import Evidence
from app.record.reasons import Reason
from app.verifying.reading import ReadingVerifier
from app.verifying.supports import LexicalVerifier
from index.types import Hit, Passage, PassageKind

TEXT = "Grouped-query attention shares key and value heads, which makes the cache smaller."
EVIDENCE = [
    Evidence(1, Hit(Passage("t/faq/0", PassageKind.FAQ, "t", "Attention", "GQA?", TEXT, ()), 1.0))
]
CLOSE = "Grouped-query attention shares key and value heads and makes the cache smaller."


class SetReader:
    """A judge that finds the same of everything, and keeps what it was asked."""

    def __init__(self, odds: float) -> None:
        self.odds = odds
        self.asked: list[str] = []

    def supports(self, sentence: str, passages: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        self.asked.append(sentence)
        return np.full(len(passages), self.odds, np.float32)


def verifier(judge: SetReader) -> ReadingVerifier:
    return ReadingVerifier(LexicalVerifier(lambda word: 3.0), lambda: judge)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(("odds", "status"), [(2.0, "supported"), (-2.0, "unsupported")])
async def test_the_judge_may_object_to_what_the_words_support(odds: float, status: str) -> None:
    judge = SetReader(odds)
    verdict = await verifier(judge).check(CLOSE, [1], EVIDENCE)
    assert judge.asked == [CLOSE]
    assert verdict.status == status
    if status == "unsupported":
        assert verdict.objection is not None
        assert verdict.objection.reason is Reason.NOT_ENTAILED
        assert [(s.start, s.end) for s in verdict.instead] == [(0, len(TEXT))]


def test_what_the_evidence_has_word_for_word_is_not_judged() -> None:
    judge = SetReader(-9.0)
    assert verifier(judge).verify(TEXT, [1], EVIDENCE).status == "supported"
    assert verifier(judge).verify(TEXT.rstrip("."), [], EVIDENCE).status == "supported"
    assert judge.asked == []


def test_what_the_words_do_not_support_the_judge_cannot_save() -> None:
    judge = SetReader(9.0)
    assert verifier(judge).verify("It has 64 heads.", [1], EVIDENCE).status == "unsupported"
    assert verifier(judge).verify("Bananas are yellow fruit.", [1], []).status == "unsupported"
    assert judge.asked == []
