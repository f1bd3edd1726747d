"""What holds of every calculation, whatever its inputs."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from index.calculations import CalculationError, calculate, calculation
from index.calculations.catalogue import CALCULATIONS
from index.calculations.memory import (
    OPTIMIZERS,
    kv_bytes,
    kv_bytes_per_token,
    longest_context,
    training_state,
)
from index.calculations.precisions import PRECISIONS, precision
from index.calculations.registry import Input
from index.calculations.shapes import CacheGroup, machines, models
from index.calculations.sources import SOURCES
from index.calculations.units import UNITS, read_amount, rounded, shown

_GROUP = st.builds(
    CacheGroup, st.integers(1, 100), st.integers(1, 100_000), st.sampled_from([0, 0, 128, 4096])
)
_GROUPS = st.lists(_GROUP, min_size=1, max_size=4)
_TOKENS = st.integers(1, 10_000_000)


@given(_TOKENS, st.integers(1, 50), st.integers(1, 500))
def test_the_cache_is_linear_in_tokens_and_sequences(tokens: int, more: int, many: int) -> None:
    groups = [CacheGroup(32, 2048)]
    one = kv_bytes(groups, tokens, 1, 2)
    assert kv_bytes(groups, tokens * more, many, 2) == pytest.approx(one * more * many)


@given(_GROUPS, _TOKENS)
def test_half_the_bits_are_half_the_cache_and_windows_only_save(
    groups: list[CacheGroup], tokens: int
) -> None:
    whole = kv_bytes(groups, tokens, 1, 2)
    assert kv_bytes(groups, tokens, 1, 1) == whole / 2
    assert whole <= tokens * kv_bytes_per_token(groups, 2)


@given(_GROUPS, st.floats(1e6, 1e13), st.integers(1, 100))
def test_the_longest_context_fits_and_one_token_more_does_not(
    groups: list[CacheGroup], budget: float, sequences: int
) -> None:
    tokens = longest_context(groups, budget, sequences, 2)
    assume(tokens < 1e12)
    assert kv_bytes(groups, tokens, sequences, 2) <= budget * (1 + 1e-9)
    assert kv_bytes(groups, tokens + 1, sequences, 2) >= budget * (1 - 1e-9)


@given(
    st.floats(1e6, 1e13),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.integers(1, 4096),
    st.booleans(),
)
def test_zero_stages_add_up_over_the_gpus_and_never_need_more(
    parameters: float, optimizer: str, gpus: int, mixed: bool
) -> None:
    states = [
        training_state(parameters, 0, OPTIMIZERS[optimizer], mixed=mixed, zero=stage, gpus=gpus)
        for stage in range(4)
    ]
    totals = [state.total for state in states]
    assert totals == sorted(totals, reverse=True)
    assert states[3].total * gpus == pytest.approx(totals[0])


@given(st.floats(1, 1e15), st.sampled_from(["bytes", "GB", "GiB", "tokens", "FLOP", "h"]))
def test_a_unit_is_never_lost(value: float, unit: str) -> None:
    base = read_amount(f"{value!r} {unit}", unit)
    assert base == pytest.approx(value * UNITS[unit].size)
    other = "GB" if UNITS[unit].dimension != "bytes" else "h"
    with pytest.raises(CalculationError):
        read_amount(f"{value!r} {other}", unit)


@given(st.floats(1e3, 1e15))
def test_bytes_are_shown_in_both_kinds_of_unit(value: float) -> None:
    decimal, binary = shown(value, "bytes").rstrip(")").split(" (")
    assert read_amount(decimal, "bytes") == pytest.approx(value, rel=1e-3)
    assert read_amount(binary, "bytes") == pytest.approx(value, rel=1e-3)
    assert "iB" in binary
    assert "iB" not in decimal


@given(st.floats(1e-3, 1e14))
def test_a_rounded_number_is_near(value: float) -> None:
    assert float(rounded(value).replace(",", "")) == pytest.approx(value, rel=1e-3)


@given(st.text(max_size=30), st.sampled_from(sorted(UNITS)))
def test_any_text_is_an_amount_or_refused(text: str, unit: str) -> None:
    with contextlib.suppress(CalculationError):
        assert math.isfinite(read_amount(text, unit))


@settings(deadline=None)  # ROUGE's library takes seconds to load
@given(st.sampled_from(sorted(CALCULATIONS)), st.data())
def test_no_input_whatever_ends_in_anything_but_a_result_or_a_sentence(
    name: str, data: st.DataObject
) -> None:
    values = st.one_of(
        st.floats(allow_nan=False), st.integers(-5, 10**12), st.sampled_from(["7B", "-3", "x", ""])
    )
    inputs = {
        spec.name: data.draw(values)
        for spec in calculation(name).inputs
        if spec.unit not in ("model", "machine") and data.draw(st.booleans())
    }
    try:
        found = calculate(name, inputs)
    except CalculationError:
        return
    assert not math.isnan(found.result.value)
    json.dumps(found.as_dict(), allow_nan=False, default=str)
    assert shown(found.result.value, found.result.unit)


def _plausible(spec: Input) -> st.SearchStrategy[Any]:
    """Values that an input takes."""
    if spec.choices:
        return st.sampled_from(spec.choices)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "model": st.sampled_from(sorted(models())),
        "machine": st.sampled_from(sorted(machines())),
        "precision": st.sampled_from(sorted(PRECISIONS)),
        "flag": st.booleans(),
        "numbers": st.lists(st.floats(0.01, 5), min_size=1, max_size=5),
        "text": st.just(str(spec.default or "all")),
    }
    low, high = max(spec.low, 1e-3), min(spec.high, 1e4)
    size = st.floats(low, max(low, high)).map(lambda value: max(round(value), math.ceil(low)))
    share = st.floats(low, max(low, high))
    return kinds.get(spec.unit, size if spec.whole else share)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(CALCULATIONS)), st.data())
def test_any_plausible_inputs_end_in_a_result_or_a_sentence(name: str, data: st.DataObject) -> None:
    inputs = {
        spec.name: data.draw(_plausible(spec), label=spec.name)
        for spec in calculation(name).inputs
        if data.draw(st.integers(0, 2))
    }
    try:
        found = calculate(name, inputs)
    except CalculationError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    json.dumps(found.as_dict(), allow_nan=False, default=str)
    assert shown(found.result.value, found.result.unit)


def test_what_describes_the_calculations_is_whole() -> None:
    for name, each in CALCULATIONS.items():
        assert each.name == name
        assert each.unit in UNITS
        assert set(each.sources) <= set(SOURCES)
        names = [spec.name for spec in each.inputs]
        assert len(names) == len(set(names))
        for spec in each.inputs:
            assert spec.unit in UNITS or spec.unit in (
                "text", "flag", "model", "machine", "precision", "numbers",
            )  # fmt: skip
            if spec.default is not None:
                assert spec.read(spec.default) is not None
    assert all(source.url.startswith("https://") for source in SOURCES.values())


@pytest.mark.parametrize("name", sorted(PRECISIONS))
def test_a_precision_is_found_however_it_is_written(name: str) -> None:
    for written in (name, name.upper(), name.replace("_", "-"), f" {name} "):
        assert precision(written) is PRECISIONS[name]


@pytest.mark.parametrize(
    ("name", "inputs", "said"),
    [
        ("kv-cache", {"layers": 32, "kv_heads": 8, "head_size": 128, "tokens": -5}, "tokens"),
        ("kv-cache", {"layers": 32.5, "kv_heads": 8, "head_size": 128, "tokens": 5}, "whole"),
        ("kv-cache", {"layers": 32, "tokens": 5}, "missing"),
        ("weights", {"parameters": "7 GB"}, "expected an amount in parameters"),
        ("weights", {"parameters": "7B", "precision": "5-foot"}, "expected one of"),
        ("weights", {"parameters": "7B", "colour": 4}, "takes no"),
        ("training-time", {"parameters": "7B", "tokens": "1T", "peak": 1e15, "mfu": 3}, "mfu"),
        ("wilson-interval", {"right": 12, "items": 10}, "at most"),
        ("training-memory", {"parameters": "7B", "zero": 7}, "zero"),
        ("no-such", {}, "expected one"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence_that_says_what_and_why(
    name: str, inputs: dict[str, object], said: str
) -> None:
    with pytest.raises(CalculationError, match=said):
        calculate(name, inputs)
