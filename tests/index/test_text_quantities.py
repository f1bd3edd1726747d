"""Numbers are read for what they say, however they are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.quantities import Quantity, agree, quantities, years


def only(text: str) -> Quantity:
    (quantity,) = quantities(text)
    return quantity


@pytest.mark.parametrize(
    ("text", "value", "kind", "dimension"),
    [
        ("1.4T tokens", 1.4e12, "number", ""),
        ("1.4 trillion tokens", 1.4e12, "number", ""),
        ("50,257 words", 50257, "number", ""),
        ("10¹⁸ FLOPs", 1e18, "number", ""),
        ("10^18", 1e18, "number", ""),
        ("1e18", 1e18, "number", ""),
        ("3 × 10^8", 3e8, "number", ""),
        ("a 70B-parameter model", 7e10, "number", ""),
        ("2,048 MB", 2.048e9, "number", "bytes"),
        ("2 KiB", 2048, "number", "bytes"),
        ("3 hours", 10800, "number", "seconds"),
        ("ten seconds", 10, "number", "seconds"),
        ("12.5%", 12.5, "percent", "percent"),
        ("12.5 percent", 12.5, "percent", "percent"),
        ("-3.5 points", -3.5, "number", ""),
        ("$4.6 million", 4.6e6, "number", ""),
        ("in 2017", 2017, "year", ""),
        ("2048 tokens", 2048, "number", ""),
        ("twelve layers", 12, "number", ""),
        ("a 7-billion model", 7e9, "number", ""),
        ("one trillion tokens", 1e12, "number", ""),
        ("a hundred GPUs", 100, "number", ""),
    ],
)
def test_one_number(text: str, value: float, kind: str, dimension: str) -> None:
    quantity = only(text)
    assert quantity.low == quantity.high == pytest.approx(value)
    assert (quantity.kind, quantity.dimension) == (kind, dimension)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("20-30%", 20, 30),
        ("20% to 30%", 20, 30),
        ("20–30 percent", 20, 30),
        ("between 10 and 20%", 10, 20),
        ("1.5-2 trillion", 1.5e12, 2e12),
        ("2 to 3 hours", 7200, 10800),
    ],
)
def test_a_range(text: str, low: float, high: float) -> None:
    quantity = only(text)
    assert (quantity.low, quantity.high) == pytest.approx((low, high))


@pytest.mark.parametrize("name", ["GPT-3", "int8", "T5", "v1.2.3", "A100", "BERT-base", "Word2Vec"])
def test_digits_in_a_name_are_no_quantity(name: str) -> None:
    assert quantities(f"They ran {name} on it.") == []


@pytest.mark.parametrize(
    ("claimed", "stated", "same"),
    [
        ("2.1 GB", "2.15 GB", True),
        ("3 GB", "2.15 GB", False),
        ("1.4T", "1.4 trillion", True),
        ("2,048 MB", "2.048 GB", True),
        ("50257", "50,257", True),
        ("1 minute", "60 seconds", True),
        ("25%", "20-30%", False),
        ("20-30%", "20% to 30%", True),
        ("10%", "10 points", False),
        ("2017", "in 2018", False),
        ("5 GB", "5 seconds", False),
        ("175B", "175 million", False),
        ("48 hours", "2 days", True),
        ("1.5 billion", "1,500 million", True),
    ],
)
def test_whether_two_agree(claimed: str, stated: str, same: bool) -> None:
    assert agree(only(claimed), only(stated)) is same


@given(st.integers(0, 10**12))
def test_thousands_separators_change_nothing(number: int) -> None:
    plain, separated = only(f"{number} things"), only(f"{number:,} things")
    assert (plain.low, plain.kind == "year") == (
        separated.low,
        1800 <= number < 2100 and plain.kind == "year",
    )
    assert plain.low == number


@given(
    st.decimals("0.01", "999", places=2),
    st.sampled_from([("k", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12)]),
)
def test_a_scale_multiplies(number: object, scale: tuple[str, float]) -> None:
    letter, factor = scale
    words = {"k": "thousand", "M": "million", "B": "billion", "T": "trillion"}
    short, long = only(f"{number}{letter} of them"), only(f"{number} {words[letter]} of them")
    assert short.low == pytest.approx(float(str(number)) * factor)
    assert agree(short, long)


_PIECES = st.sampled_from(
    [
        *"0123456789.,-–%^{}×x·*+kKMBT $abé",
        "10^",
        "e",
        " million",
        "10¹⁸",
        " to ",
        " and ",
        " GB",
        " minutes",
        "2017",
        "two ",
    ],
)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("73.7% and 91.7% of them", 73.7, 91.7),
        ("20 and 30% of them", 20, 30),
        ("a 540B model to 75.2%", 540e9, 75.2),
        ("PaLM 540B to 75.2%", 540e9, 75.2),
        ("from 56.5% up to 74.4%", 56.5, 74.4),
    ],
)
def test_two_numbers_side_by_side_are_no_range(text: str, low: float, high: float) -> None:
    one, other = quantities(text)
    assert (one.low, one.high, other.low, other.high) == pytest.approx((low, low, high, high))


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_what_is_found_stands_where_it_says_and_agrees_with_itself(text: str) -> None:
    try:
        found = quantities(text)
    except OverflowError:  # test_a_huge_exponent_is_survived has that one
        return
    assert [q.start for q in found] == sorted(q.start for q in found)
    for quantity in found:
        assert text[quantity.start : quantity.end].strip() == quantity.text
        assert quantity.step > 0
        # What no float holds agrees with nothing.
        assert agree(quantity, quantity) or math.isinf(quantity.low + quantity.high)


@pytest.mark.parametrize("text", ["1e400", "10^999", "3 × 10^5000"])
def test_a_huge_exponent_is_survived(text: str) -> None:
    quantities(text)


def test_a_percentage_is_printed_with_its_sign() -> None:
    assert only("99.9% of it").text == "99.9%"


def test_years() -> None:
    assert years("Vaswani et al. (2017), then 2020 and 2,021 tokens; 2048 tokens") == {2017, 2020}
