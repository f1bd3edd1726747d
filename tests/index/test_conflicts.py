"""Different values for the same quantity are a conflict; different quantities never are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.conflicts import Disagreement, Stated, conflicts_for, disagreements
from index.types import Hit, Passage, PassageKind


def faq(number: int, text: str) -> Hit:
    passage = Passage(f"t/faq/{number}", PassageKind.FAQ, "t", "Topic", "A question?", text)
    return Hit(passage, 1.0)


def data(number: int, label: str, value: str) -> Hit:
    text = f"{label}: {value}."
    return Hit(Passage(f"t/data/{number}", PassageKind.DATA, "t", "Topic", label, text), 1.0)


def refs(*hits: Hit) -> set[frozenset[str]]:
    return {frozenset(v.passage.id for v in found.values) for found in disagreements(hits)}


def test_two_values_of_one_data_point() -> None:
    hits = (
        data(0, "GPT-3 training tokens", "300B tokens"),
        data(1, "GPT-3 training tokens", "499B tokens"),
    )
    assert refs(*hits) == {frozenset({"t/data/0", "t/data/1"})}
    first = disagreements(hits)[0]
    assert first.quantity == "GPT-3 training tokens"
    assert {v.passage.id: v.value for v in first.values} == {
        "t/data/0": "300B tokens",
        "t/data/1": "499B tokens",
    }


def test_two_values_in_sentences() -> None:
    one = faq(0, "The corpus is large. The model was trained on 300 billion tokens of text.")
    other = faq(1, "The model was trained on 400 billion tokens of text.")
    (found,) = disagreements([one, other])
    assert [(v.value, v.passage.id) for v in found.values] == [
        ("300 billion tokens", "t/faq/0"),
        ("400 billion tokens", "t/faq/1"),
    ]
    assert found.quantity == "“The model was trained on … tokens of text”"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Training took 2 days on the cluster of machines.",
            "Training took 48 hours on the cluster of machines.",
        ),
        (
            "The base BERT model has 110 million parameters.",
            "The large BERT model has 340 million parameters.",
        ),
        (
            "The model was published by researchers in 2017.",
            "The model was published by researchers in 2018.",
        ),
        (
            "The model was trained on 300 billion tokens of text.",
            "Its tokenizer knows 50,257 tokens.",
        ),
        (
            "The cache needs 2 GB for each long sequence.",
            "The cache needs 3 seconds for each long sequence.",
        ),
        (
            "The model was trained on 300 billion tokens of text.",
            "The model was trained on 300B tokens of text.",
        ),
    ],
)
def test_no_conflict(one: str, other: str) -> None:
    assert disagreements([faq(0, one), faq(1, other)]) == []


def test_models_that_differ_by_the_number_in_their_name_are_two() -> None:
    one = faq(0, "GPT-2 has 1.5 billion parameters in total weights.")
    other = faq(1, "GPT-3 has 175 billion parameters in total weights.")
    assert disagreements([one, other]) == []


def test_a_conflict_is_told_once() -> None:
    hits = (
        data(0, "GPT-3 training tokens", "300B tokens"),
        data(1, "GPT-3 training tokens", "499B tokens"),
    )
    assert len(disagreements(hits)) == 1


def test_a_passage_has_no_conflict_with_itself() -> None:
    text = "The model was trained on 3 tokens of text. The model was trained on 4 tokens of text."
    assert disagreements([faq(0, text)]) == []
    assert disagreements([]) == []


@given(st.floats(1, 900).map(lambda x: round(x, 1)), st.floats(1.2, 9), st.permutations([0, 1]))
def test_a_conflict_does_not_depend_on_the_order(
    value: float, times: float, order: list[int]
) -> None:
    sentence = "The large training run consumed {} million dollars overall."
    hits = [faq(0, sentence.format(value)), faq(1, sentence.format(round(value * times, 1)))]
    assert refs(*[hits[i] for i in order]) == {frozenset({"t/faq/0", "t/faq/1"})}
    assert refs(hits[0], faq(1, sentence.format(value))) == set()


@pytest.mark.parametrize(
    "question", ["How often has it been quoted elsewhere?", "citations so far", "Is it well known?"]
)
def test_the_data_point_found_first_is_what_was_asked_for(question: str) -> None:
    label = "Citation count of the paper"
    pair = (data(0, label, "173,000+ citations"), data(1, label, "573,000+ citations"))
    asked, latent = conflicts_for(question, pair, (), lambda _: 1.0)
    assert [found.quantity for found in asked] == [label]
    assert latent == []
    before = [faq(number, "Something else is said.") for number in range(4)]
    asked, latent = conflicts_for(question, [*before, *pair], (), lambda _: 1.0)
    assert asked == []
    assert [found.quantity for found in latent] == [label]


def test_what_stands_under_one_label_goes_before_what_a_build_paired() -> None:
    label = "Heads in the base transformer encoder"
    pair = (data(0, label, "48 heads"), data(1, label, "88 heads"))
    mistaken = Disagreement(
        label, (Stated("48 heads", pair[0].passage), Stated("8 heads", pair[1].passage))
    )
    asked, _ = conflicts_for("How many heads has it?", pair, (mistaken,), lambda _: 1.0)
    assert [[v.value for v in found.values] for found in asked] == [["48 heads", "88 heads"]]
