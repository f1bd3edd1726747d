"""Turns of a conversation, answered by the whole pipeline over the shipped knowledge base."""

from __future__ import annotations

import re

import pytest

import prompts
from app.answer.pipeline import Pipeline
from app.answer.talk import subject_of
from app.record.types import Answer, Message, Question, final_answer
from tests.conftest import MakePipeline

ASKED = "What is the difference between pre-norm and post-norm?"


async def talked(pipeline: Pipeline, *messages: str, persona: str = "citewise-expert") -> Answer:
    """The answer to the last message, the others answered before it."""
    history: list[Message] = []
    for message in messages:
        question = Question(message, tuple(history), persona=persona)
        answer = await final_answer(pipeline.answer(question))
        history += [Message("user", message), Message("assistant", answer.text)]
    return answer


def plain(text: str) -> str:
    return re.sub(r"\s*\[\d+\]", "", text)


@pytest.mark.parametrize(
    ("message", "act"),
    [("hi", "greet"), ("thanks a lot!", "thank"), ("bye", "leave"), ("who are you?", "about"),
     ("why should I trust you?", "about"), ("cool", "remark"), ("shorter", "clarify")],
)  # fmt: skip
async def test_talk_is_answered_without_looking_anything_up(
    make_pipeline: MakePipeline, message: str, act: str
) -> None:
    answer = await talked(make_pipeline(), message)
    assert (answer.act, answer.outcome, answer.mode) == (act, "talk", "talk")
    assert answer.text
    assert answer.citations == ()
    assert answer.claims == ()


async def test_a_short_answer_is_a_part_of_the_evidence_within_its_bounds(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    answer = await talked(pipeline, ASKED, "in one sentence please")
    assert answer.act == "shorten"
    assert len(answer.claims) == 1
    assert len(plain(answer.text).split()) <= 45
    assert answer.standalone_query == ASKED
    in_few = await talked(pipeline, ASKED, "say that in at most 20 words")
    assert len(plain(in_few.text).split()) <= 20


async def test_going_deeper_says_what_was_not_said(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    before = await talked(pipeline, ASKED)
    more = await talked(pipeline, ASKED, "tell me more")
    assert more.act == "expand"
    said = {claim.text for claim in before.claims}
    assert more.claims
    assert not said & {claim.text for claim in more.claims}


async def test_a_table_has_rows_of_cited_sentences(make_pipeline: MakePipeline) -> None:
    answer = await talked(make_pipeline(answer_mode="compose"), ASKED, "as a table")
    rows = [line for line in answer.text.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 2
    assert all(re.search(r"\[\d+\]", row) for row in rows)
    assert len(answer.claims) == len(rows)
    for claim in answer.claims:
        assert claim.text[:20] in answer.text[claim.start : claim.end]


async def test_the_source_is_named_with_its_year(make_pipeline: MakePipeline) -> None:
    answer = await talked(make_pipeline(answer_mode="compose"), ASKED, "which paper says that?")
    assert answer.act == "source"
    assert re.search(r"et al\. \(\d{4}\)", answer.text)


async def test_a_challenge_is_answered_with_the_passage_and_without_caving_in(
    make_pipeline: MakePipeline,
) -> None:
    asked = "How many heads does the base transformer have?"
    answer = await talked(make_pipeline(answer_mode="compose"), asked, "isn't it 93?")
    assert answer.act == "challenge"
    assert "93" in answer.text
    assert re.search(r"\b8\b|eight", answer.text)
    assert all(claim.cites for claim in answer.claims)


async def test_off_topic_after_an_answer_is_refused_in_the_readers_own_words(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    for remark in ("and the weather in Oslo?", "what about my holiday?", "who won the world cup?"):
        answer = await talked(pipeline, ASKED, remark)
        assert answer.outcome in ("refused", "talk")
        assert answer.citations == ()
        assert answer.rewrite.taken == ""


async def test_a_definition_asked_for_by_name_opens_the_answer(
    make_pipeline: MakePipeline,
) -> None:
    for asked, ref in (
        ("What is DoRA?", "/definition"),
        ("explain KV cache", "kv-cache/definition"),
    ):
        answer = await talked(make_pipeline(answer_mode="compose"), asked)
        assert answer.claims[0].refs[0].endswith(ref)


async def test_a_question_in_another_language_is_answered_and_told_to_be_in_english(
    make_pipeline: MakePipeline,
) -> None:
    answer = await talked(make_pipeline(answer_mode="compose"), "¿Qué es la caché KV?")
    assert not answer.abstained
    assert any(ref.startswith("kv-cache") for claim in answer.claims for ref in claim.refs)
    assert answer.claims[0].start > 0  # a sentence of Citewise's own stands before


async def test_a_wish_for_a_persona_holds_for_its_turn(make_pipeline: MakePipeline) -> None:
    answer = await talked(make_pipeline(), "answer as an engineer: how do I set LoRA's rank?")
    assert answer.persona == "citewise-engineer"


async def test_a_follow_up_says_more_than_was_just_said(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    first, then = "How does DistilBERT compare with BERT?", "and how much faster is it?"
    before = await talked(pipeline, first)
    said = {claim.text for claim in before.claims}
    answer = await talked(pipeline, first, then)
    assert {claim.text for claim in answer.claims} - said
    # The same question again is a wish for the same answer.
    assert (await talked(pipeline, first, first)).text == before.text


async def test_thanks_with_a_remark_beside_them_are_answered_as_thanks(
    make_pipeline: MakePipeline,
) -> None:
    answer = await talked(make_pipeline(), ASKED, "thanks a lot, my flatmate will love it")
    assert answer.act == "thank"
    assert answer.citations == ()


async def test_what_was_said_of_something_is_said_again(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    asked = "How much faster is decoding with Medusa?"
    answer = await talked(pipeline, asked, "what did you say about Medusa?")
    assert answer.act == "refer"
    assert "Medusa" in answer.text
    assert len(answer.claims) == 1


@pytest.mark.parametrize(
    ("sources", "subject"),
    [
        ("ai", "language models"),
        ("handbook", "“handbook”"),
        ("ai+handbook", "language models and “handbook”"),
        ("a+b+c", "“a”, “b” and “c”"),
    ],
)
def test_the_subject_is_what_is_served(sources: str, subject: str) -> None:
    assert subject_of(sources) == subject


@pytest.mark.parametrize("asked", ["What is beam search?", "What is QLoRA?", "What is LoRA?"])
async def test_a_definition_in_few_words_is_still_about_its_subject(
    make_pipeline: MakePipeline, asked: str
) -> None:
    answer = await talked(make_pipeline(answer_mode="compose"), asked, "in at most 14 words")
    assert len(plain(answer.text).split()) <= 14
    name = asked.removeprefix("What is ").strip("?").lower()
    assert plain(answer.text).lower().startswith(name)


async def test_what_was_said_two_turns_ago_is_not_said_again(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    asked = ("What is gradient checkpointing?", "how much memory does it save?")
    first = await talked(pipeline, asked[0])
    third = await talked(pipeline, *asked, "and what's the price?")
    assert not {claim.text for claim in first.claims} & {claim.text for claim in third.claims}


async def test_it_says_so_where_nothing_simpler_is_known(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    asked = ("What is a reward model?", *["even simpler please"] * 3)
    answers = [await talked(pipeline, *asked[: at + 1]) for at in range(len(asked))]
    said = {claim.text for answer in answers[:-1] for claim in answer.claims}
    again = {claim.text for claim in answers[-1].claims}
    assert not again <= said or answers[-1].text.startswith(
        prompts.text("replies/nothing-else.md").strip()
    )


async def test_a_set_phrase_of_another_language_leaves_the_subject(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    answer = await talked(pipeline, "Wie funktioniert LoRA?", "kürzer", "ein Beispiel?", "Quelle?")
    assert answer.act == "source"
    assert answer.outcome != "refused"
    assert "Hu et al." in answer.text


async def test_what_is_said_simply_has_no_formula(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    answer = await talked(pipeline, "What is RAG?", "explain it like I'm five")
    assert answer.act == "simplify"
    assert not set("≈Σ∏=") & set(answer.text)


@pytest.mark.parametrize(
    ("asked", "said", "act"),
    [
        ("Is FlashAttention exact?", "that can't be true, can it?", "challenge"),
        ("What are induction heads?", "in English please", "simplify"),
        ("How big is the KV cache of Llama 2 7B at 4k tokens?", "source?", "calculate"),
    ],
)
async def test_what_a_turn_does_after_an_answer(
    make_pipeline: MakePipeline, asked: str, said: str, act: str
) -> None:
    assert (await talked(make_pipeline(answer_mode="compose"), asked, said)).act == act


async def test_a_value_that_is_shown_is_not_said_to_be_absent(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    answer = await talked(pipeline, "What rank did the LoRA paper use?", "really? isn't it 64?")
    assert answer.act == "challenge"
    shown = " ".join(claim.text for claim in answer.claims)
    assert "64" not in shown or "“64”" not in answer.text
