"""A text's sentences, each as it is read on its own, and back in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.checking.statements import statements
from app.question.subjects import Subjects

TOPICS = frozenset({"t"})
SUBJECTS = Subjects({name: TOPICS for name in ("LoRA", "QLoRA", "KV cache", "beam search", "BERT")})
WORDS = st.sampled_from(
    "It They This method LoRA BERT uses is trained 70 billion tokens . . ! ? [1] [2, 3] its "
    "their - * \n ``` it's (2020) e.g. and".split(" ")
)


def read(text: str) -> list[str]:
    return [one.read_as for one in statements(text, SUBJECTS)]


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_every_statement_is_what_stands_at_its_place(text: str) -> None:
    at = 0
    for one in statements(text, SUBJECTS):
        assert text[one.start : one.end] == one.text
        assert one.start >= at
        at = one.end
        if not one.put:
            assert one.read_as == one.text
            continue
        put = one.at + len(one.put)
        assert one.read_as[one.at : put] == one.put
        assert one.place(one.at, put) is None
        for start, end in ((0, one.at), (put, len(one.read_as))):
            place = one.place(start, end)
            assert place is not None
            assert text[place[0] : place[1]] == one.read_as[start:end]


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("LoRA freezes the weights. It adds two matrices.", "LoRA adds two matrices."),
        ("BERT has 12 layers. Its hidden size is 768.", "BERT's hidden size is 768."),
        (
            "The KV cache grows. However, it can be quantized.",
            "However, KV cache can be quantized.",
        ),
        ("Beam search is greedy. This method keeps k beams.", "Beam search keeps k beams."),
        ("LoRA is small. It's merged later.", "LoRA is merged later."),
        ("LoRA and QLoRA freeze weights. They train adapters.", "LoRA and QLoRA train adapters."),
        ("LoRA is small. BERT has 12 layers.", "BERT has 12 layers."),
        ("LoRA is small. It seems that rain falls.", "LoRA seems that rain falls."),
        ("Nothing known. It adds two matrices.", "Nothing adds two matrices."),
    ],
)
def test_what_points_back_is_read_with_its_subject(text: str, second: str) -> None:
    assert read(text)[1] == second


def test_a_subject_is_handed_on() -> None:
    assert read("LoRA is small. It is quick. It is cheap.")[2] == "LoRA is cheap."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LoRA is small [1].", "LoRA is small"),
        ("LoRA is small. [1][2]", "LoRA is small."),
        ("- LoRA is small (source 3)", "LoRA is small"),
        ("Exit code [0] means success.", "Exit code [0] means success."),
    ],
)
def test_only_markers_at_the_end_are_left_out(text: str, said: str) -> None:
    assert read(text) == [said]


def test_code_states_nothing() -> None:
    assert read("```\nx = 1\n```\n") == []
