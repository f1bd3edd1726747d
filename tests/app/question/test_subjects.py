"""The subjects that a knowledge base has, and what is asked of them."""

from __future__ import annotations

import pytest

from app.question.subjects import Subjects, asks_more, opens_with


@pytest.mark.parametrize(
    ("question", "first", "more"),
    [
        ("What is a larch and why does it grow?", "What is a larch", "why does it grow?"),
        ("what is a larch? is it a tree?", "what is a larch", "is it a tree?"),
        ("How does a larch actually work?", "what is larch", "How does a larch actually work?"),
        ("how does a larch work and why?", "what is larch", "how does a larch work and why?"),
        ("What is a larch?", "", ""),
        ("What is the difference between a larch and a birch?", "", ""),
        ("Why does a larch work?", "", ""),
    ],
)
def test_what_a_question_asks_first_and_then(question: str, first: str, more: str) -> None:
    assert asks_more(question) == (first, more)


@pytest.mark.parametrize("written", ["--keep", "keep()", "<|keep|>", "`keep`", "keep"])
def test_a_name_is_known_without_the_marks_around_it(written: str) -> None:
    subjects = Subjects({written: frozenset({"larch"})})
    assert subjects.defined_by(f"What is {written}?") == {"larch"}
    assert subjects.defined_by("What is keeping?") == frozenset()


def test_a_sentence_opens_with_a_name() -> None:
    assert opens_with("The larch lens magnifies leaves.", frozenset({"larch", "len"}))
    assert not opens_with("Leaves are magnified by the larch lens.", frozenset({"larch", "len"}))


def test_how_a_known_subject_works_is_told_from_other_questions() -> None:
    subjects = Subjects({"RLHF": frozenset({"rlhf"})})
    assert subjects.at_work("How does RLHF work?")
    assert not subjects.at_work("How does my car work?")
    assert not subjects.at_work("How does RLHF without a reward model work?")
