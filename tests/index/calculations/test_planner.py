"""A plan's runs agree with each other, and what is missing or impossible is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.calculations import CalculationError, calculate
from index.calculations.planner import PLANNED, plan
from index.calculations.shapes import machines, models

_WHOLE = {"model": "llama-3.1-8b", "gpu": "h100", "tokens": "8k", "price": "2"}


def test_a_whole_plan_has_every_run_and_they_agree() -> None:
    found = plan(_WHOLE)
    assert set(found.runs) == set(PLANNED)
    rate = found.runs["decode-speed"].result.value
    cost = calculate("cost-per-million", {"price": 2, "throughput": rate}).result.value
    assert found.runs["cost-per-million"].result.value == cost


def test_memory_grows_with_the_context_and_never_with_the_weights() -> None:
    lengths = plan(_WHOLE).lengths
    assert len(lengths) == 8  # to the model's own 128k
    assert len({one.weights for one in lengths}) == 1
    assert [one.cache for one in lengths] == sorted(one.cache for one in lengths)


@pytest.mark.parametrize(
    ("inputs", "missing"),
    [
        ({"model": "llama-3.1-8b"}, set(PLANNED[1:])),
        ({"model": "llama-3.1-8b", "gpu": "h100", "tokens": "8k"}, {"cost-per-million"}),
    ],
)
def test_what_can_not_be_worked_out_says_what_it_needs(
    inputs: dict[str, str], missing: set[str]
) -> None:
    found = plan(inputs)
    assert set(found.missing) == missing
    assert all("is missing" in why for why in found.missing.values())


@pytest.mark.parametrize(
    "inputs", [{}, {"model": "nothing-9"}, {**_WHOLE, "gpus": "-1"}, {**_WHOLE, "colour": "red"}]
)
def test_what_is_impossible_is_refused(inputs: dict[str, str]) -> None:
    with pytest.raises(CalculationError):
        plan(inputs)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(models())),
    st.sampled_from(sorted(machines())),
    st.sampled_from(["", "4k", "1M"]),
    st.sampled_from(["", "1", "64"]),
)
def test_any_model_on_any_machine_is_planned(
    model: str, gpu: str, tokens: str, sequences: str
) -> None:
    found = plan({"model": model, "gpu": gpu, "tokens": tokens, "sequences": sequences})
    assert found.runs["inference-memory"].result.fits is not None
