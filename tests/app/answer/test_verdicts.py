"""A reply stands under the question that it answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer.compose import compose
from app.answer.verdicts import is_verdict, of_another_question, same_question
from app.record.evidence import evidence_of
from index.types import Hit, Passage, PassageKind

HEADING = "Does the cache grow with the batch size?"


@pytest.mark.parametrize(
    "question",
    [HEADING, "does the cache grow with batch size", "So does the cache grow with the batch size?",
     "The cache grows with the batch size, right?"],
)  # fmt: skip
def test_the_same_question_is_known_in_other_words(question: str) -> None:
    assert same_question(question, HEADING)


@pytest.mark.parametrize(
    "question",
    ["Doesn't the cache grow with the batch size?", "Does the cache shrink with the batch size?",
     "Why does the cache grow with the batch size?", "Does the cache grow with the context?",
     "How large is the cache?", ""],
)  # fmt: skip
def test_another_question_is_not_taken_for_it(question: str) -> None:
    assert not same_question(question, HEADING)


def _composed(question: str, text: str) -> list[tuple[str, str]]:
    passage = Passage("a/faq/0", PassageKind.FAQ, "a", "Cache", HEADING, text)
    found = compose(question, evidence_of([Hit(passage, 1.0)]), lambda _: 1.0, shape="papers")
    return [(one.under, one.text) for one in found]


def test_a_verdict_on_another_question_is_said_with_its_question() -> None:
    text = "Yes, each sequence has its own. They add up."
    assert _composed(HEADING, text) == [
        ("", "Yes, each sequence has its own."),
        ("", "They add up."),
    ]
    assert _composed("What limits the batch size?", text)[0][0] == HEADING
    later = "Each sequence has its own cache. Only the second grows."
    assert [under for under, _ in _composed("What limits the batch size?", later)] == ["", ""]


@given(st.text(max_size=120))
def test_any_question_is_the_same_as_itself(text: str) -> None:
    question = f"Does it {text}?"
    assert same_question(question, question)
    is_verdict(text)


@pytest.mark.parametrize(
    ("sentence", "is_reply"),
    [
        ("No: it is not.", True), ("Yes, but only there.", True), ("Because it was cold.", True),
        ("Because of the cold, gates freeze.", False), ("Not necessarily: some do.", True),
        ("Notably, some do.", False), ("Only if they are wet.", True),
        ("Only wet gates freeze.", False), ("Usually not.", True), ("Usually gates freeze.", False),
        ("On average yes, but not for all.", True),
        ("With wet gates (all of them) yes; else no.", True),
        ("Nothing: the gate stays.", True), ("Nothing stays wet.", False),
        ("Only the memory: time stays.", True), ("It has no gates, only doors.", False),
        ("No-op layers pass their input on.", False), ("Gates freeze.", False),
    ],
)  # fmt: skip
def test_what_begins_as_a_reply(sentence: str, is_reply: bool) -> None:
    assert is_verdict(sentence) is is_reply


def test_a_reason_for_something_else_is_said_with_its_question() -> None:
    passage = Passage(
        "a/faq/0", PassageKind.FAQ, "a", "Cache", "Why is the cache so large in the evening?",
        "Because nobody empties it before night.",
    )  # fmt: skip
    for question, under in (
        ("Why is the cache large in the evening?", ""),
        ("Why is the cache slow?", passage.heading),
    ):
        (one,) = compose(question, evidence_of([Hit(passage, 1.0)]), lambda _: 1.0, shape="papers")
        assert one.under == under


@pytest.mark.parametrize(
    ("question", "heading", "opening", "another"),
    [
        ("How do I measure leaks?", "Does a filter remove leaks?", "No, it marks them.", True),
        ("Does a filter help?", "Does a filter remove leaks?", "No, it marks them.", False),
        ("filter against leaks", "Does a filter remove leaks?", "No, it marks them.", False),
        ("Why does it leak?", "Why do filters leak?", "Because they read late.", False),
        ("Why does it leak?", "Does a filter remove leaks?", "A filter marks them.", False),
    ],
)
def test_a_verdict_answers_no_open_question(
    question: str, heading: str, opening: str, another: bool
) -> None:
    assert of_another_question(question, heading, opening) is another


def test_a_neighbour_adds_only_where_it_is_asked_for_as_much() -> None:
    first = Passage("a/faq/0", PassageKind.FAQ, "a", "Caches", "How large is a cache?",
                    "A cache has a row for each token.")  # fmt: skip
    other = Passage("b/faq/0", PassageKind.FAQ, "b", "Pages", "How is a cache cut into pages?",
                    "Blocks of a cache may lie anywhere.")  # fmt: skip

    def told(asked: float) -> list[str]:
        hits = [Hit(first, 1.2, {"asked": 0.8}), Hit(other, 1.0, {"asked": asked})]
        found = compose("How large is a cache?", evidence_of(hits), lambda _: 1.0, shape="papers")
        return [one.text for one in found]

    assert told(0.8) == [first.text, other.text]
    assert told(0.4) == [first.text]
