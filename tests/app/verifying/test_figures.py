"""The figures of a sentence are borne by what a passage states, or by what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.record.evidence import Evidence
from app.verifying.figures import unborne
from index.types import Hit, Passage, PassageKind, Source

TEXT = (
    "F1 rises from 78.3 to 78.7 with dynamic masks, accuracy falls from 84.3% to 84.0%. Training "
    "cost 2.3×10¹⁹ FLOPs against 1.8×10²⁰, with 256 GPUs and 7-billion models at 1.4T tokens. "
    "Between 10 and 20% of the steps fail. There are four kinds of filters, used on 2048 pages."
)


def passage(text: str) -> Evidence:
    source = Source("s", "Liu et al. (2019) — R", "u", 2019)
    made = Passage("t/faq/0", PassageKind.FAQ, "t", "Topic", "How far?", text, (source,))
    return Evidence(1, Hit(made, 1.0))


@pytest.mark.parametrize(
    "sentence",
    [
        "F1 reaches 78.7.",
        "F1 went up by 0.4 points.",
        "Accuracy falls to 84%.",
        "Accuracy falls to 0.84.",
        "It cost 2.3e19 FLOPs, about 13% of 1.8e20.",
        "The other took about 7.8 times as much.",
        "A model of 7B parameters saw 1.4 trillion tokens, 200 for each.",
        "10% to 20% of the steps fail.",
        "Liu et al. (2019) say so.",
        "Two things changed.",
        "The four kinds of filters are used.",
        "It covers 2,048 pages.",
    ],
)
def test_what_is_stated_or_follows_is_borne(sentence: str) -> None:
    assert unborne(sentence, [passage(TEXT)]) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "F1 reaches 79.7.",
        "F1 went up by 4.3 points.",
        "F1 went up by 0.4 to 9.9 points.",
        "Accuracy falls to 47%.",
        "It cost 5.1e18 FLOPs.",
        "A model of 9B parameters was trained.",
        "Half of it, 55% to 60%, fails.",
        "Liu et al. (2018) say so.",
        "Five kinds of filters are used.",
    ],
)
def test_what_neither_stands_there_nor_follows_is_not(sentence: str) -> None:
    assert unborne(sentence, [passage(TEXT)]) is not None


def test_the_askers_own_figures_may_be_used() -> None:
    sentence = "Your 3,000 requests take 12 hours."
    assert unborne(sentence, [passage("Each request takes a while.")]) is not None
    assert unborne(sentence, [passage("A batch takes 12 hours.")], "and for 3000 of them?") is None


@given(st.floats(0.01, 1e12), st.floats(0.01, 1e12))
def test_any_two_values_bear_their_own_ratio_and_each_other(one: float, other: float) -> None:
    evidence = [passage(f"The first is {one:.6g} and the second {other:.6g} of them.")]
    assert unborne(f"They are {one:.6g} and {other:.6g}.", evidence) is None
    read = float(f"{one:.6g}") / float(f"{other:.6g}")
    if 1 < read < 1e6:
        assert unborne(f"The ratio is {read:.3f}.", evidence) is None
