"""What a message asks is told from what it only tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.asking import asking_part


@pytest.mark.parametrize(
    ("message", "asks"),
    [
        ("My run died at step 40. Why?", "Why?"),
        ("our bot gets slow. how do i make it faster", "how do i make it faster"),
        ("Is it exact? asking because my card is old", "Is it exact?"),
        ("gpt2 crashes but llama does not (with garbage). why the difference?", "why the diff"),
        ("BitFit: which parameters stay trainable?", "BitFit: which parameters stay trainable?"),
        ("kv cache size 70b", "kv cache size 70b"),
    ],
)
def test_the_sentences_that_ask_are_kept(message: str, asks: str) -> None:
    found = asking_part(message)
    assert found.startswith(asks)
    assert len(found) <= len(message)


def test_what_is_quoted_at_length_is_left_out() -> None:
    asked = asking_part("What does 'describing + similarlyNow write' do to GCG?")
    assert "similarlyNow" not in asked
    assert "GCG" in asked


@given(st.text())
def test_any_text_has_a_part_that_asks(text: str) -> None:
    assert len(asking_part(text)) <= len(text) + 3 * text.count("'") + 3 * text.count('"') + 9
