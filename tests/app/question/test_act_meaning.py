"""What a clause does is told by its meaning as well, with the encoder that the weights fit."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from app.question.act_meaning import Meaning, MeaningModel, meaning_by, shipped_meaning
from app.question.act_model import ASK, shipped
from app.question.acts import Act
from app.question.message_acts import read
from index.encoders import Encoder, EncoderInfo, Vectors
from index.sources import SHIPPED
from index.sources import read as read_source

# Of a thousand real questions at most one may be taken for something else.
MOST_FALSE = 0.001
EVERY = 17


class OtherEncoder:
    """An encoder with weights of its own; it counts what it is asked to encode."""

    def __init__(self, info: EncoderInfo) -> None:
        self.info = replace(info, weights_sha256="0" * 64)
        self.seen: list[str] = []

    def encode_queries(self, texts: list[str]) -> Vectors:
        self.seen += texts
        return np.ones((len(texts), self.info.dimension), np.float32)


@pytest.fixture(scope="module")
def meaning(encoder: Encoder) -> Meaning:
    found = meaning_by(encoder)
    assert found is not None
    return found


def test_both_models_tell_the_same_acts(encoder: Encoder) -> None:
    model = shipped_meaning()
    assert model.acts == shipped().acts
    assert model.weights.shape == (len(model.acts), encoder.info.dimension)
    assert model.bias.shape == (len(model.acts),)


def test_the_weights_are_for_their_encoder_alone(encoder: Encoder) -> None:
    assert meaning_by(OtherEncoder(encoder.info)) is None  # type: ignore[arg-type]
    assert meaning_by(encoder) is meaning_by(encoder)


def test_a_clause_is_encoded_once_and_a_plain_question_not_at_all(encoder: Encoder) -> None:
    counting = OtherEncoder(encoder.info)
    size = encoder.info.dimension
    acts = shipped().acts
    model = MeaningModel(
        acts, np.zeros((len(acts), size), np.float32), np.zeros(len(acts), np.float32), "0" * 64
    )
    own = Meaning(counting, model)  # type: ignore[arg-type]
    asked = "How much memory does the KV cache of a 70B model take at 32k tokens?"
    assert own.chances(asked, shipped()) == shipped().chances(asked)
    assert counting.seen == []
    for _ in range(2):
        chances = own.chances("make it shorter", shipped())
        assert math.isclose(sum(chances.values()), 1.0, rel_tol=1e-9)
    assert counting.seen == ["make it shorter"]


# Wordings that no example has, the last two of questions.
FRESH = (
    ("this is way above my pay grade", Act.SIMPLIFY),
    ("could you trim the fat off that", Act.SHORTEN),
    ("let's have the unabridged edition", Act.EXPAND),
    ("what hard proof exists for that claim", Act.SOURCE),
    ("that smells like a blunder to me", Act.CHALLENGE),
    ("I shall retire for the evening now", Act.LEAVE),
    ("pop it into rows and columns for me", Act.REFORMAT),
    ("give my old brain the gentle version", Act.SIMPLIFY),
    ("condense the whole thing radically", Act.SHORTEN),
    ("whose brainchild was that", Act.SOURCE),
    ("my sister says that is baloney", Act.CHALLENGE),
    ("splendid, you are a gem", Act.THANK),
    ("How do I trim the KV cache?", Act.ASK),
    ("What is the simplest optimizer?", Act.ASK),
)


def test_more_acts_are_told_by_meaning_than_by_words(meaning: Meaning) -> None:
    by_words = sum(read(text).act is act for text, act in FRESH)
    by_both = sum(read(text, meaning).act is act for text, act in FRESH)
    assert by_both > by_words
    assert by_both >= len(FRESH) / 2
    assert all(read(text, meaning).act is act for text, act in FRESH[-2:])


def test_what_finds_no_answer_is_told_more_boldly(meaning: Meaning) -> None:
    bold = [
        read(text, meaning, unanswered=True).act
        for text in ("Tokens?", "What is the capital of Peru?", "How do I fix my bike?")
    ]
    assert bold == [Act.ASK] * 3


def test_real_questions_are_hardly_ever_taken_for_an_act_by_their_meaning(
    meaning: Meaning,
) -> None:
    questions = [
        question
        for topic in read_source(SHIPPED).knowledge_base.topics
        for faq in topic.faqs
        for question in (faq.question, *faq.also_asked)
    ]
    sample = list(itertools.islice(questions, 0, None, EVERY))
    assert len(sample) > 800
    taken = [question for question in sample if read(question, meaning).act is not Act.ASK]
    assert len(taken) <= math.ceil(MOST_FALSE * len(sample)), taken
    assert ASK in shipped().acts
