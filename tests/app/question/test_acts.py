"""What a message does is read from all of it, and a question is never taken for talk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.acts import Act, Wishes
from app.question.message_acts import read
from index.sources import SHIPPED
from index.sources import read as read_source

ROOT = Path(__file__).resolve().parents[3]
# Of a thousand real questions at most one may be taken for something else.
MOST_FALSE = 0.001


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("hi", Act.GREET), ("Good morning!", Act.GREET), ("hello citewise, how are you", Act.GREET),
        ("thx :)", Act.THANK), ("ok great, thanks a lot!", Act.THANK), ("ty, bye", Act.LEAVE),
        ("that's all for today", Act.LEAVE), ("cool", Act.REMARK), ("no thanks", Act.REMARK),
        ("makes sense now", Act.REMARK), ("hm", Act.REMARK),
        ("who are you?", Act.ABOUT), ("What can you do?", Act.ABOUT),
        ("which model do you use", Act.ABOUT), ("why should I trust you?", Act.ABOUT),
        ("shorter please", Act.SHORTEN), ("tl;dr", Act.SHORTEN), ("in two sentences", Act.SHORTEN),
        ("can you summarize that?", Act.SHORTEN), ("tell me more", Act.EXPAND),
        ("could you elaborate a bit", Act.EXPAND), ("in plain English please", Act.SIMPLIFY),
        ("I still don't get it", Act.SIMPLIFY), ("explain it like I'm five", Act.SIMPLIFY),
        ("for example?", Act.EXAMPLE), ("show me an example with real numbers", Act.EXAMPLE),
        ("put that in a table", Act.REFORMAT), ("as bullet points", Act.REFORMAT),
        ("say that again", Act.REPEAT), ("source?", Act.SOURCE),
        ("Which paper says so?", Act.SOURCE), ("when was that published", Act.SOURCE),
        ("do you have a reference for this?", Act.SOURCE), ("really?", Act.CHALLENGE),
        ("Are you sure about that?", Act.CHALLENGE), ("isn't it 12?", Act.CHALLENGE),
        ("isn't it 10,000?", Act.CHALLENGE),
        ("what was the second point?", Act.REFER), ("what did I ask first", Act.REFER),
    ],
)  # fmt: skip
def test_a_message_that_says_one_thing_is_that_act(message: str, act: Act) -> None:
    assert read(message).act is act


@pytest.mark.parametrize(
    "question",
    [
        "Which paper introduced sparse attention?", "Thanks to what does RoPE extrapolate?",
        "Why is a shorter context cheaper?", "Is it sure that emergence is real?",
        "Can you give an example of prompt injection?", "What is a simpler alternative to RLHF?",
        "Who are the authors of FlashAttention?", "Are you sure to need warmup with pre-norm?",
        "How does a table of positions work?", "What else does GQA change in the cache?",
    ],
)  # fmt: skip
def test_a_question_with_a_subject_stays_a_question(question: str) -> None:
    assert read(question).act is Act.ASK


def test_openers_closers_and_wishes_are_peeled_off_a_question() -> None:
    said = read("Hi! What is RLHF, in one sentence? Thanks in advance")
    assert (said.act, said.rest, said.wishes.sentences) == (Act.ASK, "What is RLHF?", 1)
    said = read("Explain attention to a beginner, with an example")
    assert said.rest == "Explain attention"
    assert said.wishes == Wishes(simple=True, example=True)
    said = read("now answer as an engineer: what do I do if it doesn't fit?")
    assert (said.rest, said.wishes.persona) == ("what do I do if it doesn't fit?", "engineer")


def test_several_wishes_in_one_message_are_all_read() -> None:
    said = read("shorter and simpler, as a list please")
    assert said.act is Act.SIMPLIFY
    assert (said.wishes.short, said.wishes.simple, said.wishes.form) == (True, True, "list")
    assert read("sum it up in 30 words").wishes.words == 30


def test_another_subject_and_a_return_are_told() -> None:
    assert read("ok, different thing: what's BPE?").switched
    back = read("back to the reward model: how big was it?")
    assert (back.back_to, back.rest) == ("the reward model", "how big was it?")


@pytest.mark.parametrize(
    ("message", "claimed"),
    [("are you sure? I read it's 16", "16"), ("wasn't it 2019?", "2019"), ("no, it's 7B", "7B"),
     ("My textbook says 16 heads.", "16 heads"), ("that's wrong", "")],
)  # fmt: skip
def test_a_challenge_keeps_the_value_that_it_holds_against_the_answer(
    message: str, claimed: str
) -> None:
    said = read(message)
    assert (said.act, said.claimed) == (Act.CHALLENGE, claimed)


@given(st.text(max_size=300))
def test_any_text_is_read_and_only_shortened(text: str) -> None:
    said = read(text)
    words = " ".join(text.replace("’", "'").split())
    assert len(said.rest) <= len(words) + 1
    assert said.act is not Act.CLARIFY


@pytest.mark.real
def test_real_questions_are_hardly_ever_taken_for_an_act() -> None:
    questions: list[str] = []
    for topic in read_source(SHIPPED).knowledge_base.topics:
        for faq in topic.faqs:
            questions += [faq.question, *faq.also_asked]
        for point in topic.data_points:
            questions += point.also_asked
        for practice in topic.practice:
            questions += practice.also_asked
    for suite in (ROOT / "eval" / "suites").glob("*.jsonl"):
        for line in suite.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if case.get("answerable") and not case.get("history"):
                questions.append(case["question"])
    taken = [question for question in questions if read(question).act is not Act.ASK]
    assert len(taken) <= MOST_FALSE * len(questions), taken
