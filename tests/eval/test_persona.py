"""Persona adherence, by hand: each mark has an answer that bears it and one that does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics.persona import Shape, adherence, checks, margin
from eval.scoring import score
from tests.eval.helpers import output, sample

EXPERT = (
    "Attention scores are scaled by the square root of the key size [1]. Vaswani et al. (2017) "
    "suspect that large products push the softmax into regions of tiny gradients [1]."
)
ARCHITECT = (
    "The cache takes 2.15 GB in fp16 [1].\n\n- 32 layers of 32 heads [1]\n- 4,096 tokens [2]"
)
ENGINEER = (
    "Start with LoRA and merge it before serving [1].\n\n1. Set the rank to 8 [1].\n"
    "2. Sweep the learning rate [2].\n3. Check the loss on held-out data [2]."
)


@pytest.mark.parametrize(
    ("text", "shape"), [(EXPERT, "papers"), (ARCHITECT, "figures"), (ENGINEER, "checklist")]
)
def test_an_answer_in_its_persona_bears_every_mark(text: str, shape: Shape) -> None:
    assert all(checks(text, shape).values()), checks(text, shape)
    assert adherence(text, shape) == 1.0
    own = margin(text, shape)
    assert own is not None
    assert own > 0


@pytest.mark.parametrize(
    ("text", "shape", "lacking"),
    [
        ("Sure! " + EXPERT, "papers", "no preamble"),
        (EXPERT + " I hope this helps.", "papers", "no closing phrase"),
        ("I think it is scaled by √d_k (Vaswani et al., 2017).", "papers", "no first person"),
        ("Attention scores are scaled down.", "papers", "credits a study"),
        ("- one, by Vaswani (2017)\n- two\n- three", "papers", "opens in prose"),
        ("It grows. It is large. It takes 2 GB.", "figures", "opens with a figure"),
        ("In 2017 it was proposed. It is used.", "figures", "opens with a figure"),
        ("It takes 2 GB. It grows. It is kept.", "figures", "mostly figures"),
        ("Use LoRA. Then merge it.", "checklist", "steps"),
        ("- use LoRA\n- merge it", "checklist", "opens with a recommendation"),
        ("Do this.\n- " + "word " * 40 + "\n- that", "checklist", "short steps"),
    ],
)
def test_each_mark_can_be_missed(text: str, shape: Shape, lacking: str) -> None:
    assert not checks(text, shape)[lacking]
    found = adherence(text, shape)
    assert found is not None
    assert found < 1


def test_by_hand() -> None:
    # all of the register, two of the three marks of the expert's shape
    assert adherence("It is scaled by √d_k.", "papers") == pytest.approx((1 + 2 / 3) / 2)
    # prose, so 2/3 of papers; no figure and no list: 0 of figures, 1/3 of checklist
    assert margin("It is scaled down.", "papers") == pytest.approx(2 / 3 - (0 + 1 / 3) / 2)
    assert adherence(" ", "papers") is None
    assert margin("", "papers") is None


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(["papers", "figures", "checklist"]))
def test_bounds(text: str, shape: Shape) -> None:
    found, own = adherence(text, shape), margin(text, shape)
    assert (found is None) == (not text.strip()) == (own is None)
    if found is not None and own is not None:
        assert 0 <= found <= 1
        assert -1 <= own <= 1


def test_a_sample_is_held_to_its_own_persona() -> None:
    engineer = score(sample(answer=output(ENGINEER), persona="citewise-engineer+research")).scores
    expert = score(sample(answer=output(ENGINEER), persona="citewise-expert")).scores
    assert engineer["persona_adherence"] == 1.0
    assert (expert["persona_adherence"] or 0) < 1.0
    assert "persona_adherence" not in score(sample(persona="somebody else's")).scores
    abstained = output("I can't answer that.", abstained=True)
    assert "persona_adherence" not in score(sample(answer=abstained)).scores
