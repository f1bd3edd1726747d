"""The gate: what it measures of a question and its evidence, and how that becomes a decision."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.answerable import READ_FEATURES, Gate, Gates, Head
from app.question.features import DEPTH, FEATURES, TOKEN_FEATURES, measure
from index.text.tokens import UNSEEN
from index.types import Hit, Passage, PassageKind

KNOWN = {"unknown_words": 0.0, "dense_top": 0.7}
RARE = {"mamba", "rwkv", "zebra"}  # no passage of the index holds them


def idf(word: str) -> float:
    return 9.0 if word == UNSEEN or word in RARE else 3.0


def hit(
    text: str, *, topic: str = "t", dense: float = 0.5, lexical: float = 6.0, rank: int = 1,
    score: float = 0.5, met: tuple[float, ...] = (),
) -> Hit:  # fmt: skip
    passage = Passage(f"{topic}/faq/0", PassageKind.FAQ, topic, "Title", "Heading", text)
    trace = {"dense": dense, "lexical": lexical, "lexical_rank": rank, "dense_rank": 1.0}
    return Hit(passage, score, trace, met)


def measured(question: str, *texts: str) -> dict[str, float]:
    return measure(question, [hit(text) for text in texts], idf)


def test_a_head_is_a_logistic_model_that_never_overflows() -> None:
    head = Head({"a": 2.0, "b": -1.0}, 0.5)
    assert head({"a": 1.0, "b": 3.0}) == pytest.approx(1 / (1 + math.exp(0.5)))
    assert 0 < Head({"a": 1e9}, 0)({"a": -1.0}) < 1e-9
    assert 1 - 1e-9 < Head({"a": 1e9}, 0)({"a": 1.0}) < 1


def test_both_heads_must_say_yes_and_the_subject_is_judged_by_its_own_features() -> None:
    gate = Gate(Head({"d": 1.0}, 0.0), Head({"a": 1.0}, 0.0), 0.5)
    found = {"d": 0.0, "a": 2.0, **KNOWN}
    subject = {"d": 1.0, "a": -9.0, **KNOWN}
    answer, domain = 1 / (1 + math.exp(-2.0)), 1 / (1 + math.exp(-1.0))
    assert gate.confidence(found) == pytest.approx(0.5 * answer)
    assert gate.confidence(found, subject) == pytest.approx(domain * answer)


def test_a_question_in_the_words_that_are_known_to_be_asked_is_answerable() -> None:
    gate = Gate(Head({}, -9.0), Head({}, 9.0), 0.5)
    assert gate.answerable(gate.confidence({**KNOWN, "dense_top": 0.9}))
    assert not gate.answerable(gate.confidence(KNOWN))


def test_a_question_of_unknown_words_counts_less_unless_it_is_asked_like_a_known_one() -> None:
    gate = Gate(Head({}, 9.0), Head({}, 9.0), 0.5)
    strange = {**KNOWN, "unknown_words": 0.5}
    assert gate.answerable(gate.confidence(strange))
    assert not gate.answerable(gate.confidence({**strange, "dense_top": 0.3}))
    assert gate.answerable(gate.confidence({**KNOWN, "dense_top": 0.3, "unknown_words": 0.2}))


def test_the_operating_point_itself_is_enough() -> None:
    gate = Gate(Head({}, 0.0), Head({}, 0.0), 0.25)
    assert gate.answerable(0.25)
    assert not gate.answerable(0.2499)


def test_the_shipped_gates_know_the_features() -> None:
    gates = Gates.shipped()
    assert gates.documents.answer.weights.keys() <= {*FEATURES, *TOKEN_FEATURES, *READ_FEATURES}
    for gate in (gates.tokens, gates.bare_tokens):
        assert gate.domain.weights.keys() | gate.answer.weights.keys() >= set(TOKEN_FEATURES)
    for gate in (gates.plain, gates.bare_plain):
        assert not (gate.domain.weights.keys() | gate.answer.weights.keys()) & set(TOKEN_FEATURES)
    assert 0 < gates.tokens.threshold < 1


@pytest.mark.parametrize(("question", "hits"), [("What is LoRA?", []), ("what is the?", ["Text."])])
def test_without_hits_or_telling_words_there_is_nothing_to_go_by(
    question: str, hits: list[str]
) -> None:
    found = measured(question, *hits)
    assert found.pop("unknown_words") == 1.0
    assert set(found.values()) == {0.0}
    assert measure(question, [], idf, [1.0]).keys() == {*FEATURES, *TOKEN_FEATURES}


def test_only_the_first_three_passages_are_read_for_words() -> None:
    nothing = "Something quite different."
    question = "adapter rank of models"
    assert measured(question, nothing, nothing, "Adapter rank of models.")[
        "covered_by_best"
    ] == pytest.approx(1.0)
    last = measured(question, nothing, nothing, nothing, "Adapter rank of models.")
    assert last["covered_by_best"] == pytest.approx(0.0)
    apart = measured(question, "An adapter.", "A rank.", "All models.")
    assert apart["covered_by_all"] == pytest.approx(1.0)
    assert apart["covered_by_best"] == pytest.approx(1 / 3)


def test_a_bare_number_tells_nothing_about_what_is_asked() -> None:
    texts = ["Adapters of models."]
    assert measured("adapters of 4096 models", *texts) == measured("adapters of models", *texts)


def test_words_that_no_passage_of_the_index_holds_are_counted() -> None:
    found = measured("mamba zebra layers", "Layers of models.")
    assert found["unknown_words"] == pytest.approx(2 / 3)
    assert found["covered_by_all"] == pytest.approx(3 / 21)


def test_what_a_question_asks_for_must_be_named() -> None:
    assert measured("How many layers has it?", "It has twelve heads.")["asked_missing"] > 0
    assert measured("How many layers has it?", "It has twelve layers.")["asked_missing"] == 0


def test_a_version_is_looked_for_in_every_passage_and_in_those_that_are_read() -> None:
    question = "What is the context length of GPT-4?"
    other, own = "GPT-3 reads 2,048 tokens.", "GPT-4 reads 8,192 tokens."
    found = measured(question, other, other, other)
    assert (found["versions"], found["versions_missed_all"]) == (1.0, 1.0)
    found = measured(question, other, other, other, own)
    assert (found["versions_missed"], found["versions_missed_all"]) == (1.0, 0.0)
    found = measured(question, other, own)
    assert (found["versions_missed"], found["versions_missed_first"]) == (0.0, 1.0)
    assert measured("What is attention?", other)["versions"] == 0.0


def test_names_that_the_evidence_lacks_are_told_from_other_words() -> None:
    found = measured("Does Mamba use attention?", "Transformers use attention.")
    assert found["names"] == pytest.approx(1 / 6)
    assert found["names_missed"] == found["names_unknown"] == 1.0
    assert found["others_missed"] == 0.0


def test_the_stages_are_measured_by_how_far_the_best_is_ahead() -> None:
    hits = [
        hit("a", topic="x", dense=0.6, score=0.9, rank=4, lexical=3.0),
        hit("b", topic="x", dense=0.8, score=0.7, rank=1, lexical=6.0),
        *[hit("c", topic="y", dense=0.3, score=0.2) for _ in range(DEPTH)],
    ]
    found = measure("adapter rank", hits, idf)
    assert found["dense_top"] == pytest.approx(0.8)
    assert found["dense_gap"] == pytest.approx(0.2)
    assert found["dense_margin"] == pytest.approx(0.5)
    assert found["score_gap"] == pytest.approx(0.2)
    assert found["agreement"] == pytest.approx(1 / 4)
    assert found["same_topic"] == pytest.approx(2 / 5)
    assert found["lexical_top"] == pytest.approx(6.0 / 12.0)


def test_tokens_are_measured_by_the_passage_that_meets_the_most() -> None:
    hits = [hit("a", met=(0.9, 0.1, 0.9)), hit("b", met=(0.7, 0.8, 0.4)), hit("c", met=())]
    found = measure("adapter rank", hits, idf, (0.5, 0.3, 0.2))
    assert found["met_first"] == pytest.approx(0.66)
    assert found["met_top"] == pytest.approx(0.67)
    assert found["met_together"] == pytest.approx(0.5 * 0.9 + 0.3 * 0.8 + 0.2 * 0.9)
    assert found["met_margin"] == pytest.approx(0.01)
    assert found["met_least"] == pytest.approx(0.7)  # the rarest half: the first two tokens
    assert found["unmet"] == pytest.approx(0.2)
    assert found["unmet_together"] == 0.0


@given(st.text(max_size=80), st.lists(st.text(max_size=80), min_size=1, max_size=4))
def test_every_feature_of_any_text_is_a_finite_number(question: str, texts: list[str]) -> None:
    found = measured(question, *texts)
    assert found.keys() == set(FEATURES)
    assert all(math.isfinite(value) for value in found.values())
