"""Misspelled words of a question are put as the knowledge base writes them; others never are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.spelling import spelled, written_out
from app.question.subjects import Subjects

COUNTS = {
    "number": 90, "training": 200, "attention": 300, "token": 50, "model": 80, "the": 500,
    "tokens": 70, "quantization": 40, "rare": 1, "scores": 20, "parents": 9, "why": 30,
}  # fmt: skip
WORDS = {"patents", "grab"}


def mended(text: str) -> str:
    return spelled(text, lambda: COUNTS, WORDS.__contains__)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("why nubmer of tokens?", "why number of tokens?"),
        ("trainign the modle", "training the model"),
        ("atention scroes", "attention scores"),
        ("qauntizatoin", "quantization"),
    ],
)
def test_a_slip_is_put_right(typed: str, meant: str) -> None:
    assert mended(typed) == meant


@pytest.mark.parametrize(
    "text",
    ["the patents", "grab tokens", "Nubmer", "modle_name", "--modle", "modle2", "tok", "zzyzx"],
)
def test_words_names_and_identifiers_stay(text: str) -> None:
    assert mended(text) == text


@given(st.text())
def test_nothing_but_words_changes(text: str) -> None:
    changed = spelled(text, lambda: COUNTS, WORDS.__contains__)
    assert sum(c.isspace() for c in changed) == sum(c.isspace() for c in text)
    assert mended(changed) == changed


@given(st.lists(st.sampled_from(sorted(COUNTS)), max_size=8).map(" ".join))
def test_what_the_index_writes_stays(text: str) -> None:
    assert mended(text.replace("rare", "the")) == text.replace("rare", "the")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("why do LLMs hallucinate", "why do language models hallucinate"),
        ("can an llm count?", "can an language model count?"),
        ("is an LLM judge fair?", "is an LLM judge fair?"),
        ("what is an LLM?", "what is an LLM?"),
        ("does LLM.int8() or vLLM or an LLM-based one help?",) * 2,
    ],
)
def test_what_people_write_short_is_written_out(typed: str, meant: str) -> None:
    names = {name: frozenset({"judging"}) for name in ("LLM judge", "LLM")}
    assert written_out(typed, Subjects(names)) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("why does my chatbot invent things", "why does my language model invent things"),
        ("can our bot count?", "can our language model count?"),
        ("what is a chatbot?", "what is a chatbot?"),
        ("is Chatbot Arena fair?", "is Chatbot Arena fair?"),
        ("how do I keep bots out?", "how do I keep bots out?"),
    ],
)
def test_a_chatbot_is_asked_about_as_a_language_model_where_that_is_known(
    typed: str, meant: str
) -> None:
    known = {"language model": "basics/faq/1", "chatbot": "basics/faq/4"}
    assert written_out(typed, Subjects({}, known)) == meant
    assert written_out(typed, Subjects({})) == typed
