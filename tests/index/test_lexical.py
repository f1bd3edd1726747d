"""BM25 finds names and numbers, and nothing where nothing is shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.lexical import Bm25
from index.text.tokens import content_words, tokenize

DOCUMENTS = [
    "FlashAttention tiles attention in SRAM",
    "The vocabulary of GPT-2 has 50,257 tokens",
    "Rotary embeddings rotate queries and keys",
    "",
]


@pytest.fixture(scope="module")
def bm25() -> Bm25:
    return Bm25.build(DOCUMENTS)


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("flashattention?", 0),
        ("50257", 1),
        ("50,257", 1),
        ("rotating a query", 2),
        ("ATTENTION", 0),
    ],
)
def test_the_one_with_the_word_is_best(bm25: Bm25, query: str, best: int) -> None:
    scores = bm25.scores(query)
    assert scores.shape == (len(DOCUMENTS),)
    assert scores.argmax() == best
    assert scores[best] > 0


@pytest.mark.parametrize("query", ["", "?", "the of and", "zebra", "🙂", "\0"])
def test_no_shared_word_scores_nothing(bm25: Bm25, query: str) -> None:
    assert not bm25.scores(query)[:3].any()


def test_it_comes_back_from_disk(bm25: Bm25, tmp_path: Path) -> None:
    bm25.save(tmp_path / "lexical")
    again = Bm25.load(tmp_path / "lexical")
    for query in ("attention", "vocabulary tokens", "keys"):
        np.testing.assert_array_equal(again.scores(query), bm25.scores(query))


def test_rare_tokens_weigh_more() -> None:
    bm25 = Bm25.build(["common rare", "common", "common"])
    assert 0 < bm25.idf("common") < bm25.idf("rare")
    assert bm25.idf("rare") < bm25.idf("unheard")


@pytest.mark.parametrize("documents", [[], [""], ["the"], ["", "word"]])
def test_empty_documents_are_no_trouble(documents: list[str]) -> None:
    scores = Bm25.build(documents).scores("word")
    assert scores.shape == (len(documents),)
    assert scores.sum() > 0 if "word" in documents else not scores.any()


@settings(max_examples=50)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5), st.text(max_size=20))
def test_any_text_can_be_indexed_and_asked(documents: list[str], query: str) -> None:
    scores = Bm25.build(documents).scores(query)
    assert scores.shape == (len(documents),)
    assert np.isfinite(scores).all()


@given(st.text(max_size=30))
def test_case_and_form_of_letters_do_not_matter(text: str) -> None:
    assert set(content_words(text)) <= set(tokenize(text))
    assert tokenize("ﬁne-tuning") == tokenize("FINE TUNING")
