"""Relative changes: what is multiplied by how much, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.relative_changes import SCALED, scaled_by


@pytest.mark.parametrize(
    ("text", "name", "factor"),
    [
        ("double the context", "tokens", 2.0),
        ("and twice as many users?", "sequences", 2.0),
        ("what about half the batch size", "batch", 0.5),
        ("3x the layers", "layers", 3.0),
        ("with 1.5 times the data", "train_tokens", 1.5),
        ("quadruple the GPUs", "gpus", 4.0),
    ],
)
def test_what_is_multiplied(text: str, name: str, factor: float) -> None:
    match = SCALED.search(text)
    assert match
    scaled = scaled_by(match)
    assert (scaled.names[0], scaled.factor) == (name, factor)


@pytest.mark.parametrize("text", ["half precision", "4x H100", "double descent", "2x A100 80GB"])
def test_what_multiplies_nothing(text: str) -> None:
    assert SCALED.search(text) is None


@given(st.text(max_size=80))
def test_every_match_is_read(text: str) -> None:
    match = SCALED.search(f"{text} double the context")
    assert match
    assert scaled_by(match).factor > 0
