"""The subjects that a knowledge base has, and what is asked of them."""

from __future__ import annotations

import pytest

from app.question.subjects import Subjects, asks_more, compared, opens_with, weighs


@pytest.mark.parametrize(
    ("question", "first", "more"),
    [
        ("What is a larch and why does it grow?", "What is a larch", "why does it grow?"),
        ("what is a larch? is it a tree?", "what is a larch", "is it a tree?"),
        ("How does a larch actually work?", "what is larch", "How does a larch actually work?"),
        ("how does a larch work and why?", "what is larch", "how does a larch work and why?"),
        ("pros and cons of a larch", "what is larch", "pros and cons of a larch"),
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


def test_what_is_unknown_at_work_is_told() -> None:
    subjects = Subjects({"RLHF": frozenset({"rlhf"})})
    assert subjects.unknown_at_work("How does my car work?") == "my car"
    assert subjects.unknown_at_work("How does RLHF work?") == ""
    assert subjects.unknown_at_work("Why does my car work?") == ""


def test_a_paper_or_method_is_known_by_what_it_is_of() -> None:
    subjects = Subjects(
        {"larch": frozenset({"larch"}), "bark model": frozenset({"bark"})}, {"LIMA": "tuning/faq/5"}
    )
    assert subjects.defined_by("What is the larch method?") == {"larch"}
    assert subjects.explained_by("What did the LIMA paper show?") == "tuning/faq/5"
    assert subjects.defined_by("What is a bark model?") == {"bark"}
    assert subjects.defined_by("What is a birch model?") == frozenset()


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What is the difference between a larch and a birch?", ("larch", "birch")),
        ("whats the diff between larch and birch", ("larch", "birch")),
        ("larch vs. birch", ("larch", "birch")),
        ("Compare a larch with the birch", ("larch", "birch")),
        ("What is a larch?", None),
        ("Why is a larch, compared with a birch, so tall?", None),
    ],
)
def test_the_names_of_a_comparison(question: str, names: tuple[str, str] | None) -> None:
    assert compared(question) == names


@pytest.mark.parametrize(
    ("question", "weighed"),
    [
        ("What are the pros and cons of larches?", True),
        ("advantages and disadvantages of the larch", True),
        ("trade-offs of larches", True),
        ("pros and cons of larches vs birches", False),
        ("What are larches good for?", False),
    ],
)
def test_what_weighs_something_up(question: str, weighed: bool) -> None:
    assert weighs(question) is weighed


@pytest.mark.parametrize(
    "question",
    [
        "what is larch anyway",
        "What exactly is larch?",
        "whats larch really",
        "What even is larch?",
        "What's meant by larch?",
        "what is larch, in plain words",
    ],
)
def test_a_word_of_emphasis_is_no_part_of_a_name(question: str) -> None:
    assert Subjects({"larch": frozenset({"larch"})}).defined_by(question) == {"larch"}
