"""A message is cut into clauses, and each is told for what it does."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.act_model import ASK, grams, shipped, words
from app.question.acts import Act, Wishes
from app.question.clauses import clauses
from app.question.message_acts import read


@given(st.text(max_size=200))
def test_clauses_are_pieces_of_the_message_in_order(text: str) -> None:
    found = clauses(text)
    assert all(clause.text == text[clause.start : clause.end] for clause in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    left = text
    for clause in found:
        left = left.replace(clause.text, "", 1)
    assert len(left) < len(text) or not found


@given(st.text(max_size=200))
def test_the_chances_of_the_acts_sum_to_one(text: str) -> None:
    chances = shipped().chances(text)
    assert math.isclose(sum(chances.values()), 1.0, rel_tol=1e-9)
    assert ASK in chances


@given(st.lists(st.sampled_from(["shorter", "zyx", "please", "12", "german"]), max_size=6))
def test_a_word_that_acts_are_not_made_of_counts_as_unknown(said: list[str]) -> None:
    found = grams(words(" ".join(said)), shipped().words)
    assert f"unknown={min(said.count('zyx'), 4)}" in found
    assert not any("zyx" in gram or "german" in gram or "12" in gram for gram in found)


@pytest.mark.parametrize(
    ("message", "rest", "wishes"),
    [
        ("What is LoRA? Two sentences, for my boss, no jargon", "What is LoRA?",
         Wishes(sentences=2, simple=True)),
        ("I'm preparing a talk. What is distillation?", "What is distillation?", Wishes()),
        ("Which index for 5 million vectors? Short answer plus source please",
         "Which index for 5 million vectors?", Wishes(short=True)),
        ("encoder or decoder? bullets, brief, as an engineer", "encoder or decoder?",
         Wishes(short=True, form="list", persona="engineer")),
        ("GSM8K vs MATH in a table please and keep it short", "GSM8K vs MATH",
         Wishes(short=True, form="table")),
        ("Explain softmax to a beginner in max 3 bullets", "Explain softmax",
         Wishes(sentences=3, simple=True, form="list")),
    ],
)  # fmt: skip
def test_what_stands_around_a_question_is_taken_off(
    message: str, rest: str, wishes: Wishes
) -> None:
    said = read(message)
    assert (said.act, said.rest, said.wishes) == (Act.ASK, rest, wishes)


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("way too long, give me the gist", Act.SHORTEN), ("so yes or no?", Act.SHORTEN),
        ("I have a meeting in 2 minutes. Two sentences.", Act.SHORTEN),
        ("that's a bit thin, go on", Act.EXPAND), ("an example from real life?", Act.EXAMPLE),
        ("too technical for me. can you say it simpler?", Act.SIMPLIFY),
        ("everyone at my company says the opposite", Act.CHALLENGE),
        ("I don't believe this. I read you need 1% of the data.", Act.CHALLENGE),
        ("do you store what I write here?", Act.ABOUT), ("can you read my pdf files?", Act.ABOUT),
        ("how do I know you're not just making this up?", Act.ABOUT),
        ("alright that's all for now, see you tomorrow", Act.LEAVE),
        ("perfect, exactly what I needed, cheers", Act.THANK), ("Bulleted, please.", Act.REFORMAT),
        ("remind me what the first thing was I asked", Act.REFER),
        # What names something of its own is a question, whatever stands around it.
        ("are norms and projections not smoothed, is that right?", Act.ASK),
        ("really? how does LoRA do that", Act.ASK), ("an example of a jailbreak?", Act.ASK),
        ("I get NaN after 200 steps.", Act.ASK), ("is it 0.9 or 0.92?", Act.ASK),
    ],
)  # fmt: skip
def test_a_message_of_several_clauses_is_read_as_a_whole(message: str, act: Act) -> None:
    assert read(message).act is act


def test_a_challenge_of_two_sentences_keeps_its_value() -> None:
    assert read("36 trillion? are you kidding").claimed == "36 trillion"
    assert read("My professor says 12. Are you sure?").claimed == "12"
