"""Words, names and sentences of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.names import version_names
from index.text.sentences import SentenceStream, sentences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("No limit. (Defaults to 100.) Then.", ["No limit. (Defaults to 100.)", "Then."]),
        ("No limit. [1] (Default 100)\nThen.", ["No limit. [1] (Default 100)", "Then."]),
        ("Two things. (1) Foo. (b) Bar.", ["Two things.", "(1) Foo.", "(b) Bar."]),
        ("It ends. (This one\ngoes on.", ["It ends.", "(This one", "goes on."]),
    ],
)
def test_a_remark_in_parentheses_belongs_to_its_sentence(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == found


@given(st.lists(st.sampled_from(["A b.", " (see c d)", "(E f.)", " ", "\n", "(1)", "[2]", "("])))
def test_a_text_is_cut_the_same_however_it_comes(pieces: list[str]) -> None:
    text = "".join(pieces)
    stream = SentenceStream()
    found = [segment for piece in pieces for segment in stream.feed(piece)]
    found += stream.close()
    whole = SentenceStream()
    assert found == [*whole.feed(text), *whole.close()]


def test_versions_are_told_however_they_are_joined() -> None:
    found = version_names("GPT-4, Llama 3.1, V100 and HTTP/2, but not page/2 or and/3")
    assert list(found) == ["gpt4", "llama3.1", "v100", "http2"]
