"""What a newcomer asks first is answered: every basic term is defined under its name."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.subjects import Subjects, explains, names_explained
from index.sources import SHIPPED, read_all
from index.types import KnowledgeBase

BASIC = Path(__file__).with_name("basic_terms.toml")
names = st.text("abcXYZ3-", min_size=1, max_size=9)


@pytest.fixture(scope="module")
def shipped() -> KnowledgeBase:
    return read_all([f"ai={SHIPPED}"]).knowledge_base


def basic_terms() -> list[str]:
    groups = tomllib.loads(BASIC.read_text("utf-8"))
    return [term.strip() for group in groups.values() for term in group.split(",")]


def test_every_basic_term_is_defined_under_its_name(shipped: KnowledgeBase) -> None:
    defined = {
        name: frozenset({topic.slug})
        for topic in shipped.topics
        if topic.definition
        for name in (topic.title.partition(":")[0], *topic.terms)
    }
    explained = {
        name: faq.question
        for topic in shipped.topics
        for faq in topic.faqs
        for name in names_explained(faq.question)
    }
    subjects = Subjects(defined, explained)
    terms = basic_terms()
    asked = {term: f"What is {term}?" for term in terms}
    missing = [
        term
        for term, question in asked.items()
        if not (subjects.explained_by(question) or subjects.defined_by(question))
    ]
    assert len(asked) == len(terms) > 120
    assert not missing


def test_no_word_is_explained_twice(shipped: KnowledgeBase) -> None:
    explained = Counter(
        name.casefold()
        for topic in shipped.topics
        for faq in topic.faqs
        for name in names_explained(faq.question)
    )
    assert not [name for name, count in explained.items() if count > 1]


@given(st.lists(names, min_size=1, max_size=3, unique=True), st.sampled_from(["", "a ", "the "]))
def test_a_word_of_several_names_is_asked_for_by_each(names: list[str], article: str) -> None:
    others = f" ({', '.join(names[1:])})" if names[1:] else ""
    found = names_explained(f"What is {article}x{names[0]}{others}?")
    assert found == (f"x{names[0]}", *names[1:])


@pytest.mark.parametrize(
    "question",
    ["What is a weight?", "weights?", "What are model weights", "explain weights", "define weight"],
)
def test_a_word_is_explained_however_it_is_asked_for(question: str) -> None:
    explained = Subjects({}, {"weight": "basics/faq/0", "model weight": "basics/faq/0"})
    assert explained.explained_by(question) == "basics/faq/0"
    assert not explained.find(question)
    assert explains("What is a parameter (weight, model weight)?", question)


@pytest.mark.parametrize(
    "question", ["What is a weight matrix?", "How many weights has GPT-2?", ""]
)
def test_what_asks_for_more_than_a_word_is_no_such_question(question: str) -> None:
    explained = Subjects({}, {"weight": "basics/faq/0"})
    assert not explained.explained_by(question)
    assert not explains("What is a weight?", question)
