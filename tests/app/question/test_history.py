"""A follow-up stands alone by taking a subject from what was answered, and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from app.question.acts import Act
from app.question.history import forms, needs_subject, read_history
from app.question.message_acts import read
from app.question.reading import read_in_conversation
from app.question.subjects import Subjects, subjects_of
from app.record.types import Message, Question
from index.live import LiveIndex

NAMES = ("multi-query attention", "KV cache", "GQA", "LoRA", "QLoRA", "reward model", "RLHF")
SUBJECTS = Subjects({name: frozenset({name.lower()}) for name in NAMES})


def said_before(*questions: str, answer: str = "So it is [1].") -> list[Message]:
    turns: list[Message] = []
    for question in questions:
        turns += [Message("user", question), Message("assistant", answer)]
    return turns


def first_form(message: str, *before: str, answer: str = "So it is [1].") -> tuple[str, str]:
    past = read_history(said_before(*before, answer=answer), SUBJECTS)
    form = forms(read(message), past, SUBJECTS)[0]
    return form.query, form.taken


def test_a_pronoun_is_replaced_by_the_subject_before_it() -> None:
    query, taken = first_form("does it need more memory?", "What is LoRA?")
    assert (query, taken) == ("does LoRA need more memory?", "LoRA")
    assert first_form("what are its limits?", "What is RLHF?")[0] == "what are RLHF's limits?"


def test_a_fragment_takes_the_place_of_what_is_most_like_it() -> None:
    kinds = Subjects({
        "multi-query attention": frozenset({"sharing"}), "GQA": frozenset({"sharing"}),
        "KV cache": frozenset({"cache"}),
    })  # fmt: skip
    past = read_history(said_before("How does multi-query attention shrink the KV cache?"), kinds)
    form = forms(read("and for GQA?"), past, kinds)[0]
    assert form.query == "How does GQA shrink the KV cache?"


def test_a_question_that_stands_alone_is_asked_alone() -> None:
    for question in ("How does a reward model rank answers in RLHF?", "What is QLoRA?"):
        assert first_form(question, "What is LoRA?") == (question, "")


def test_what_finds_nothing_alone_is_asked_of_the_subject_before_as_a_guess() -> None:
    past = read_history(said_before("What is LoRA?"), SUBJECTS)
    ways = forms(read("How does a reward model rank the answers of a labeler?"), past, SUBJECTS)
    assert [form.guessed for form in ways] == [False, True]
    assert ways[1].taken == "LoRA"


@pytest.mark.parametrize(
    ("message", "before", "query"),
    [
        ("does QLoRA shrink it?", "What is the KV cache?", "does QLoRA shrink KV cache?"),
        ("twelve?", "How does RLHF do with two labelers?", "How does RLHF do with twelve labelers"),
        ("twelve?", "How many ranks does LoRA need?", "How many ranks does LoRA need: twelve?"),
        ("how is that done?", "Does RLHF need labels?",
         "how is that done: Does RLHF need labels?"),
        ("mine is at 50%", "How good is a reward model?", "reward model is at 50%"),
    ],
)  # fmt: skip
def test_what_points_back_takes_what_it_points_at(message: str, before: str, query: str) -> None:
    assert first_form(message, before)[0].startswith(query)


def test_another_case_is_no_wish() -> None:
    def asked(text: str, *before: Message) -> Act:
        question = Question(text, history=tuple(before))
        return read_in_conversation(question, SUBJECTS).act

    premium = said_before("Why do Hindi texts take more tokens?")
    assert asked("and Chinese?", *premium) is Act.ASK
    assert asked("and in German, please", *said_before("What is LoRA?")) is Act.TRANSLATE
    assert asked("and in code?", *said_before("Does RLHF help?")) is Act.ASK
    assert asked("in code please", *said_before("What is LoRA?")) is Act.REFORMAT


def test_what_was_refused_or_was_talk_carries_no_subject() -> None:
    refusal = prompts.fill("replies/abstention.md", question="the weather in Oslo")
    history = [
        *said_before("What is LoRA?"),
        *said_before("what's the weather in Oslo?", answer=refusal),
        *said_before("thanks!", answer="You're welcome."),
    ]
    past = read_history(history, SUBJECTS)
    assert [exchange.question for exchange in past.exchanges] == ["What is LoRA?"]
    assert forms(read("why?"), past, SUBJECTS)[0].taken == "LoRA"


def test_a_switch_takes_nothing_along_and_a_return_takes_the_named_subject() -> None:
    before = ("What is LoRA?", "What is a reward model?")
    assert first_form("new topic: how big is it?", *before)[1] == ""
    assert first_form("back to LoRA: how big is it?", *before) == ("how big is LoRA?", "LoRA")
    assert first_form("back to the first question: why is it used?", *before)[1] == "LoRA"


def test_acts_on_an_answer_keep_its_question_and_add_their_answers() -> None:
    history = [*said_before("What is LoRA?"), *said_before("shorter", answer="Low rank [1].")]
    last = read_history(history, SUBJECTS).last
    assert last is not None
    assert (last.question, last.answers) == ("What is LoRA?", ("So it is [1].", "Low rank [1]."))


def test_the_reply_to_a_question_back_completes_what_was_asked() -> None:
    back = prompts.fill("replies/clarify-open.md", question="what about the size?")
    past = read_history(said_before("what about the size?", answer=back), SUBJECTS)
    assert past.waiting == "what about the size?"
    assert forms(read("the KV cache"), past, SUBJECTS)[0].query == "the size of the KV cache?"


@pytest.mark.parametrize(
    "message", ["what about the size?", "why?", "and at inference?", "how many do I need?"]
)
def test_what_points_at_nothing_needs_a_subject(message: str) -> None:
    nothing = read_history([], SUBJECTS)
    assert needs_subject(read(message), nothing, SUBJECTS)
    some = read_history(said_before("What is LoRA?"), SUBJECTS)
    assert not needs_subject(read(message), some, SUBJECTS)


def test_the_shipped_subjects_are_known_by_their_names(live_index: LiveIndex) -> None:
    subjects = subjects_of(live_index.index)
    found = subjects.find("Does GQA shrink the key-value cache of Llama 3?")
    assert [named.text for named in found] == ["GQA", "key-value cache", "Llama 3"]
    assert subjects_of(live_index.index) is subjects


@pytest.mark.parametrize(
    ("question", "defined"),
    [
        ("What is GQA?", True), ("gqa?", True), ("What's GQA used for?", True),
        ("what does GQA do", True), ("explain GQA", True), ("What is GQA good for?", True),
        ("What is GQA used for in Llama 3?", False), ("What does GQA cost?", False),
    ],
)  # fmt: skip
def test_a_definition_is_asked_for_by_a_name_alone(
    live_index: LiveIndex, question: str, defined: bool
) -> None:
    assert bool(subjects_of(live_index.index).defined_by(question)) is defined


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Who invented GQA?", "GQA"), ("who invented GQA, and when?", "GQA"),
        ("when was GQA introduced", "GQA"),
        ("which paper proposed GQA?", "GQA"), ("what's the original paper on GQA?", "GQA"),
        ("Where does GQA come from?", "GQA"), ("Who uses GQA?", None), ("What is GQA?", None),
        ("When was it introduced?", None),
    ],
)  # fmt: skip
def test_an_origin_is_asked_for_by_a_name_alone(
    live_index: LiveIndex, question: str, name: str | None
) -> None:
    found = subjects_of(live_index.index).introduced(question)
    assert (found.text if found else None) == name


messages = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant", "system"]), st.text(max_size=80)),
    max_size=6,
)


@given(messages, st.text(max_size=120))
def test_any_history_is_read_and_leaves_a_question(history: list[Message], text: str) -> None:
    past = read_history(history, SUBJECTS)
    found = forms(read(text), past, SUBJECTS)
    assert found
    assert len(past.exchanges) <= len(history)


def test_a_number_in_words_takes_the_place_of_a_figure() -> None:
    past = read_history(said_before("Is 4 bit of LoRA fine?"), SUBJECTS)
    assert forms(read("and two?"), past, SUBJECTS)[0].query == "Is 2 bit of LoRA fine?"
