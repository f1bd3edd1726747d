"""What a text's meaning says for the field: everyday remarks in its words are told apart."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.question.answerable import SENSE, Gate, Gates, Head
from app.question.field_sense import FieldSense, field_sense_by
from index.encoders import Encoder
from tests.app.question.test_act_meaning import OtherEncoder


@pytest.fixture(scope="module")
def sense(encoder: Encoder) -> FieldSense:
    found = field_sense_by(encoder)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("everyday", "of_the_field"),
    [
        ("how warm do I set the oven for bread", "how high do I set the temperature for stories"),
        ("which beam carries a garage roof", "which beam width is best for translation"),
        ("my guitar is out of tune", "my fine-tuned model forgets"),
        ("how many heads of lettuce for six people", "how many heads has a small transformer"),
        ("does my dog need a reward", "does my model need a reward"),
        ("what do alpacas drink", "what vocabulary has Llama"),
    ],
)
def test_an_everyday_remark_speaks_less_for_the_field(
    sense: FieldSense, everyday: str, of_the_field: str
) -> None:
    assert sense.logit(everyday) < min(0, sense.logit(of_the_field))


@given(st.text(min_size=1, max_size=80))
@settings(max_examples=25, deadline=None)
def test_any_text_has_a_sense_within_bounds(sense: FieldSense, text: str) -> None:
    assert -6 <= sense.logit(text) <= 6
    assert sense.logit(text) == sense.logit(text)


def test_another_encoder_has_no_sense(encoder: Encoder) -> None:
    assert field_sense_by(cast(Encoder, OtherEncoder(encoder.info))) is None


def test_the_field_is_judged_with_the_sense_where_it_was_measured() -> None:
    gate = Gate(Head({}, 9.0), Head({}, 9.0), 0.5, field=Head({SENSE: 1.0}, 0.0))
    assert gate.of_field({SENSE: -6.0}) < 0.5 < gate.of_field({SENSE: 6.0})
    assert gate.of_field({}) > 0.99
    assert Gate(Head({}, 9.0), Head({}, 9.0), 0.5).of_field({SENSE: -6.0}) > 0.99


def test_documents_are_judged_without_it() -> None:
    gates = Gates.shipped()
    assert gates.documents.field is None
    for gate in (gates.tokens, gates.plain, gates.bare_tokens, gates.bare_plain):
        assert gate.field is not None
        assert gate.field.weights[SENSE] > 0
        assert SENSE not in {*gate.domain.weights, *gate.answer.weights}
