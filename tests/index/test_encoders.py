"""Encoders: the torch-free one equals the reference, alone, in batches and from many threads."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.encoders import DPR, Encoder, adapter, load_encoder
from index.errors import WeightsError
from index.sources import SHIPPED, read
from index.types import KnowledgeBase
from index.weights import MINILM

CARD = Path(adapter.__file__).with_name("dpr") / "encoder.json"

QUESTIONS = [
    "why does beam search loop?",
    "kv cache size",
    "How many parameters has GPT-3, and how many tokens did it read before it was released?",
    "what's 6ND",
    "Ist das auch auf Deutsch möglich? 🤔",
    "",
]


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return load_encoder(MINILM.name)


@pytest.fixture(scope="module")
def trained() -> Encoder:
    return load_encoder(DPR)


@pytest.fixture(scope="module")
def corpus() -> KnowledgeBase:
    return read(SHIPPED).knowledge_base


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_vectors_equal_those_of_sentence_transformers(minilm: Encoder) -> None:
    reference = load_encoder(MINILM.name, engine="torch")
    texts = [*QUESTIONS, "attention " * 400]
    mine = minilm.encode_passages(texts)
    theirs = reference.encode_passages(texts)
    # OpenVINO computes in bfloat16 where the processor has it.
    assert np.einsum("nd,nd->n", mine, theirs).min() > 0.995
    assert reference.info.weights_sha256 == minilm.info.weights_sha256
    assert reference.info.dimension == minilm.info.dimension


def test_a_query_and_a_passage_of_one_tower_are_the_same(minilm: Encoder) -> None:
    """Neither the batch, nor its padding, nor the bucket of lengths changes a vector."""
    texts = [" ".join(["token"] * n) for n in (1, 14, 15, 22, 31, 47, 63, 100)] + QUESTIONS
    alone = minilm.encode_queries(texts)
    together = minilm.encode_passages(texts)
    assert np.einsum("nd,nd->n", alone, together).min() > 0.995
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-2)


def test_threads_agree(trained: Encoder) -> None:
    texts = QUESTIONS[:-1]
    alone = [trained.encode_queries([text]) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda text: trained.encode_queries([text]), texts * 8))
    for n, vector in enumerate(many):
        np.testing.assert_allclose(vector, alone[n % len(texts)], atol=1e-3)


def test_nothing_in_gives_nothing_out(minilm: Encoder) -> None:
    assert minilm.encode_queries([]).shape == (0, 384)
    assert minilm.encode_passages([]).shape == (0, 384)


def test_progress_reaches_the_end(minilm: Encoder) -> None:
    seen: list[tuple[int, int]] = []
    minilm.encode_passages(["one", "two", "three"] * 5, lambda done, of: seen.append((done, of)))
    assert seen[-1] == (15, 15)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_trained_passage_side_is_the_base(minilm: Encoder, trained: Encoder) -> None:
    texts = ["Beam search keeps k hypotheses.", "KV cache"]
    np.testing.assert_allclose(
        trained.encode_passages(texts), minilm.encode_passages(texts), atol=1e-2
    )
    assert not np.allclose(trained.encode_queries(texts), minilm.encode_queries(texts), atol=1e-2)


@pytest.mark.slow
def test_training_shows_on_what_it_was_trained_on(
    minilm: Encoder, trained: Encoder, corpus: KnowledgeBase
) -> None:
    """A sanity check of the shipped weights, not a measure: many of these were in training."""
    facts = json.loads(CARD.read_text(encoding="utf-8"))["training"]
    learned = facts["held_names"].split(", ")  # measured on, then trained on with the others
    faqs = [faq for topic in corpus.topics if topic.slug in learned for faq in topic.faqs]
    answers = [f"{faq.question} {faq.answer}" for faq in faqs]
    texts = [text[:400] for text in answers]
    asked = [(question, n) for n, faq in enumerate(faqs) for question in faq.also_asked]

    def right(encoder: Encoder) -> float:
        passages = encoder.encode_passages(texts)
        best = (encoder.encode_queries([q for q, _ in asked]) @ passages.T).argmax(axis=1)
        return float(np.mean(best == [n for _, n in asked]))

    assert right(trained) > right(minilm) + 0.05


def test_a_folder_that_is_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no encoder folder"):
        load_encoder(str(tmp_path))
