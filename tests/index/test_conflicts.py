"""Different values for the same quantity are a conflict; different quantities never are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.disagreements import Disagreement, conflicts_for, disagreements
from index.types import Figure, Hit, Passage, PassageKind


def faq(number: int, text: str) -> Hit:
    passage = Passage(f"t/faq/{number}", PassageKind.FAQ, "t", "Topic", "A question?", text)
    return Hit(passage, 1.0)


def data(number: int, label: str, value: str) -> Hit:
    text = f"{label}: {value}."
    return Hit(Passage(f"t/data/{number}", PassageKind.DATA, "t", "Topic", label, text), 1.0)


def compared(*hits: Hit) -> list[Disagreement]:
    return disagreements([hit.passage for hit in hits], lambda _: 1.0)


def refs(*hits: Hit) -> set[frozenset[str]]:
    return {frozenset(v.passage.id for v in found.values) for found in compared(*hits)}


def test_two_values_of_one_data_point() -> None:
    hits = (
        data(0, "GPT-3 training tokens", "300B tokens"),
        data(1, "GPT-3 training tokens", "499B tokens"),
    )
    assert refs(*hits) == {frozenset({"t/data/0", "t/data/1"})}
    first = compared(*hits)[0]
    assert first.quantity == "GPT-3 training tokens"
    assert {v.passage.id: v.value for v in first.values} == {
        "t/data/0": "300B tokens",
        "t/data/1": "499B tokens",
    }


def test_two_values_in_sentences() -> None:
    one = faq(0, "The corpus is large. The model was trained on 300 billion tokens of text.")
    other = faq(1, "The model was trained on 400 billion tokens of text.")
    (found,) = compared(one, other)
    assert [(v.value, v.passage.id) for v in found.values] == [
        ("300 billion tokens", "t/faq/0"),
        ("400 billion tokens", "t/faq/1"),
    ]
    assert found.quantity == "The model was trained on … tokens of text"


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
    assert compared(faq(0, one), faq(1, other)) == []


def test_models_that_differ_by_the_number_in_their_name_are_two() -> None:
    one = faq(0, "GPT-2 has 1.5 billion parameters in total weights.")
    other = faq(1, "GPT-3 has 175 billion parameters in total weights.")
    assert compared(one, other) == []


def test_a_conflict_is_told_once() -> None:
    hits = (
        data(0, "GPT-3 training tokens", "300B tokens"),
        data(1, "GPT-3 training tokens", "499B tokens"),
    )
    asked, unasked = conflicts_for("How many tokens?", hits, lambda _: 9.0)
    assert len([*asked, *unasked]) == 1


@pytest.mark.parametrize("credit", ["(Ek et al., {})", "(Ek and Alm, {})", "(Ek, {}; Alm, {})"])
def test_short_statements_of_one_topic_conflict_whoever_made_them(credit: str) -> None:
    one = faq(0, f"Larch was trained on 900 billion tokens {credit.format(2024, 2023)}.")
    other = faq(1, f"Larch was trained on 1,400 billion tokens {credit.format(2025, 2025)}.")
    assert refs(one, other) == {frozenset({"t/faq/0", "t/faq/1"})}
    elsewhere = replace(other, passage=replace(other.passage, topic="u"))
    assert refs(one, elsewhere) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("See Table 3 of Ek et al. for it.", "See Table 2 of Ek et al. for it."),
        ("Emissions were 25 tons (in 2022).", "Emissions were 31 tons (in 2023)."),
    ],
)
def test_what_only_points_somewhere_or_has_its_own_year_is_no_conflict(
    one: str, other: str
) -> None:
    assert refs(faq(0, one), faq(1, other)) == set()


def test_how_many_of_one_thing_asks_for_no_figure_of_another() -> None:
    label = "Spruce training time on the cluster"
    pair = (data(0, label, "21 days"), data(1, label, "35 days"))
    before = [faq(number, "Something else is said.") for number in range(2)]
    for question, asks in (("How many tokens was Spruce trained on in its training time?", False),
                           ("How many weeks was Spruce's training time?", True)):  # fmt: skip
        asked, unasked = conflicts_for(question, [*before, *pair], lambda _: 1.0)
        assert bool(asked) is asks
        assert bool(unasked) is not asks


def test_what_is_beside_what_was_found_is_compared_with_it() -> None:
    label = "Citation count of the paper"
    found = [faq(number, f"Thing {number} is said.") for number in range(12)]
    pair = (data(0, label, "173,000+ citations"), data(1, label, "573,000+ citations"))
    assert conflicts_for("What is it?", [*found, *pair], lambda _: 1.0) == ([], [])
    asked, unasked = conflicts_for("What is it?", found, lambda _: 1.0, pair)
    assert (len(asked), len(unasked)) == (0, 1)


def test_a_passage_has_no_conflict_with_itself() -> None:
    text = "The model was trained on 3 tokens of text. The model was trained on 4 tokens of text."
    assert compared(faq(0, text)) == []
    assert compared() == []


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
    asked, unasked = conflicts_for(question, pair, lambda _: 1.0)
    assert [found.quantity for found in asked] == [label]
    assert unasked == []
    before = [faq(number, "Something else is said.") for number in range(4)]
    asked, unasked = conflicts_for(question, [*before, *pair], lambda _: 1.0)
    assert asked == []
    assert [found.quantity for found in unasked] == [label]


def test_figures_in_one_configuration_are_of_one_quantity() -> None:
    setting = "a model with 48 layers, 16 heads, d_head=96 and 8192 tokens"
    one = faq(0, f"The cache of {setting} takes 2.4 GB.")
    other = faq(1, f"A cache of 900 MB is what {setting} fills.")
    (found,) = disagreements([one.passage, other.passage], lambda _: 3.0)
    assert {value.value for value in found.values} == {"2.4 GB", "900 MB"}


def test_a_value_that_does_not_follow_from_its_calculation_is_marked() -> None:
    label = "Cache (32 layers, 32 heads, d_head=128, 4096 tokens, fp16)"
    sums = ("2 × 32 × 32 × 128 × 4096 × 2 bytes = 536 MB", "2.15 GB")
    points = tuple(
        Passage(
            f"t{n}/data/0", PassageKind.DATA, f"t{n}", "Topic", label, f"{label}: {value}.",
            figure=Figure(value),
        )
        for n, value in enumerate(sums)
    )  # fmt: skip
    found = disagreements(points, lambda _: 3.0)[0]
    standing = {value.passage.id: value.standing for value in found.values}
    assert standing == {"t0/data/0": "miscomputed", "t1/data/0": ""}
