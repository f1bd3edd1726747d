"""What an answer opens with where something is to be defined, and what follows."""

from __future__ import annotations

import pytest

from app.answer.compose import compose
from app.answer.pipeline import Pipeline
from app.chat_models.scripted import ScriptedChatModel
from app.record.evidence import Evidence, evidence_of
from app.record.types import Question
from index.live import LiveIndex
from index.types import Hit, Passage, PassageKind, Source

SOURCE = Source("s", "Ada et al. (2021) — Larch: a model", "https://example.org/s", 2021)


def evidence(*parts: tuple[PassageKind, str, str]) -> list[Evidence]:
    """Passages of one topic, best first."""
    passages = (
        Passage(f"larch/{kind}/{n}", kind, "larch", "Larch", heading, text, (SOURCE,))
        for n, (kind, heading, text) in enumerate(parts)
    )
    return evidence_of([Hit(passage, 1.0 - n / 100) for n, passage in enumerate(passages)])


def answer(question: str, *parts: tuple[PassageKind, str, str]) -> list[str]:
    """The sentences of the answer."""
    chosen = compose(question, evidence(*parts), lambda word: 2.0, shape="papers")
    return [one.text for one in chosen]


DEFINED = (PassageKind.DEFINITION, "Larch", "Larch is a model of trees.")
GROWTH = (PassageKind.FAQ, "Why does Larch grow?", "Larch grows by splitting its branches.")
NAMING = (PassageKind.FAQ, "What helps?", "Water helps. The bark lens magnifies what Larch sees.")
PLAIN = (PassageKind.FAQ, "Is Larch old?", "No, Larch is of 2021.")


def test_a_definition_alone_answers_what_asks_for_it() -> None:
    assert answer("What is Larch?", DEFINED, GROWTH) == ["Larch is a model of trees."]


def test_what_asks_for_more_gets_both() -> None:
    said = answer("What is Larch and why does it grow?", DEFINED, GROWTH)
    assert said == ["Larch is a model of trees.", "Larch grows by splitting its branches."]
    assert answer("How does Larch work?", DEFINED, GROWTH) == said
    assert answer("Explain Larch", DEFINED, GROWTH) == said


def test_an_explanation_is_no_reply_to_another_question() -> None:
    assert answer("Explain Larch", DEFINED, PLAIN) == ["Larch is a model of trees."]


def test_a_yes_or_no_answers_the_rest_only_where_that_is_asked() -> None:
    definition, reply = answer("What is Larch and is it old?", DEFINED, PLAIN)
    assert (definition, reply) == ("Larch is a model of trees.", "No, Larch is of 2021.")
    assert answer("What is Larch and how do I prune it?", DEFINED, PLAIN) == [definition]


def test_a_name_that_the_definition_lacks_is_told_of_next() -> None:
    said = answer("What is the bark lens?", DEFINED, NAMING)
    assert said == ["Larch is a model of trees.", "The bark lens magnifies what Larch sees."]


OTHER = (PassageKind.FAQ, "What is a birch?", "A birch is a tree with white bark.")
CARE = (PassageKind.FAQ, "When is a larch worth its price?", "Larches last long.")


def test_whether_is_not_answered_by_a_definition_where_something_else_is_near() -> None:
    assert answer("Is Larch old or new?", DEFINED, PLAIN)[0] != DEFINED[2]
    assert answer("Is Larch old or new?", DEFINED) == [DEFINED[2]]


def test_of_two_that_are_compared_both_are_defined() -> None:
    said = answer("What is the difference between Larch and a birch?", DEFINED, OTHER, GROWTH)
    assert said[:2] == [DEFINED[2], OTHER[2]]


def test_what_is_weighed_up_is_defined_and_then_weighed() -> None:
    said = answer("What are the pros and cons of Larch?", DEFINED, GROWTH, CARE)
    assert said[0] == DEFINED[2]
    assert CARE[2] in said


FIGURE = (PassageKind.DATA, "Age of Larch", "Age of Larch: 5 years. Larch is 5 years old.")
PLANTING = (PassageKind.FAQ, "How is Larch planted?", "Dig a hole and set Larch into it.")


def test_a_figure_does_not_answer_what_to_do() -> None:
    assert answer("How do I plant Larch?", FIGURE, PLANTING)[0] == PLANTING[2]
    assert answer("How many years old is Larch?", FIGURE, PLANTING)[0] == "Larch is 5 years old."


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("What is a mixture of experts?", "mixture-of-experts"),
        ("Explain MoE", "mixture-of-experts"),
    ],
)
async def test_of_topics_of_one_name_the_one_that_defines_just_that_is_meant(
    question: str, topic: str, live_index: LiveIndex
) -> None:
    found = await Pipeline(live_index, ScriptedChatModel(())).retrieve(Question(question))
    assert found.hits[0].passage.id == f"{topic}/definition"
