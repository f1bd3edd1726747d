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

    def meaning(self, text: str) -> NDArray[np.float32]:
        return np.array([1, 0] if len(text) % 2 else [0.8, 0.6], np.float32)


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


PASSAGE = (
    "Load balancing keeps tokens spread evenly over the experts. Overloaded experts drop tokens "
    "while the rest sit idle. Switch Transformer adds an auxiliary loss. It is smallest where "
    "routing is uniform."
)


@pytest.mark.parametrize(
    ("sentence", "instead"),
    [
        ("When one of them has too much to do, its inputs are lost and others stand by.",
         "Overloaded experts drop tokens while the rest sit idle."),
        ("The additional loss is lowest when routing is even.",
         "It is smallest where routing is uniform."),
        ("Bananas are yellow fruit that grows in bunches.", ""),
        ("The loss is weighed by 0.75.", ""),  # no rewording mends a figure that nobody states
    ],
)  # fmt: skip
def test_what_the_passage_says_of_it_is_found_by_meaning(sentence: str, instead: str) -> None:
    passage = Passage("t/faq/0", PassageKind.FAQ, "t", "Experts", "Why balance?", PASSAGE, ())
    words = LexicalVerifier(lambda word: 3.0)
    verdict = ReadingVerifier(words).verify(sentence, [1], [Evidence(1, Hit(passage, 1.0))])
    assert verdict.status == "unsupported"
    said = " ".join(PASSAGE[s.start : s.end] for s in verdict.instead)
    assert instead in said
    assert bool(said) is bool(instead)


@pytest.mark.parametrize(
    ("true", "false"),
    [("The weights are multiplied by 1 − rate at each step.",
      "The weights are multiplied by 1 + rate at each step."),
     ("In generation the model goes on from its own output.",
      "In training the model goes on from its own output.")],
)  # fmt: skip
def test_one_sign_or_one_word_of_a_sentence_may_turn_it(true: str, false: str) -> None:
    text = f"In training, all is read in one pass, in parallel. {true}"
    passage = Passage("t/faq/0", PassageKind.FAQ, "t", "Steps", "What is done?", text, ())
    evidence = [Evidence(1, Hit(passage, 1.0))]
    words = LexicalVerifier(lambda word: 3.0)
    assert words.verify(true, [1], evidence).status == "supported"
    found = words.verify(false, [1], evidence)
    assert found.status == "unsupported"
    assert found.objection is not None
    assert found.objection.reason is Reason.ALTERED
