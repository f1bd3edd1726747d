"""Late interaction: the arithmetic, the files, what a build keeps, and what it does to ranking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import store
from index.build import build
from index.digests import digest_of
from index.encoders import Encoder, TokenEncoder, TokenVectors, Vectors
from index.errors import IndexUnusable, WeightsError
from index.late_interaction import UP_TO, CodedTokens, LateIndex, TokenSegment, choose
from index.retrieve import FusionSettings, HybridRetriever
from index.types import KnowledgeBase
from tests.index.dying import NumberEncoder, knowledge


def _tokens(ids: list[int]) -> TokenVectors:
    """Tokens whose vectors follow from their ids."""
    rows = [np.random.default_rng(number).standard_normal(6) for number in ids]
    vectors = np.stack([row / np.linalg.norm(row) for row in rows])
    return TokenVectors(np.array(ids, np.int32), vectors.astype(np.float32))


def _late(passages: list[TokenVectors], cut: int = 0) -> LateIndex:
    """Passages in two segments, the second first, a row that none of them owns between."""
    coded = [CodedTokens.of(passage) for passage in passages]
    other = CodedTokens.of(_tokens([77, 78]))
    parts = ([*coded[cut:], other], [other, *coded[:cut]])
    segments = [
        TokenSegment.of([digest_of(f"{n}/{row}") for row in range(len(part))], part)
        for n, part in enumerate(parts)
    ]
    places = [(1, row + 1) for row in range(cut)]
    places += [(0, row) for row in range(len(coded) - cut)]
    return LateIndex(segments, np.array(places, np.int32))


texts = st.lists(st.integers(0, 40), min_size=1, max_size=7).map(_tokens)


@given(st.lists(texts, min_size=1, max_size=8), texts, st.data())
def test_scores_are_the_weighted_best_similarities(
    passages: list[TokenVectors], query: TokenVectors, data: st.DataObject
) -> None:
    late = _late(passages, data.draw(st.integers(0, len(passages))))
    rows = data.draw(st.lists(st.integers(0, len(passages) - 1), max_size=6))
    found = late.met(query, np.array(rows, np.int64)) @ late.weights(query)

    def weight(token: int) -> float:
        holding = sum(token in passage.ids for passage in passages)
        return float(np.log1p(len(passages) / (holding + 0.5)))

    weights = np.array([weight(token) for token in query.ids])
    for row, score in zip(rows, found, strict=True):
        best = (query.vectors @ passages[row].vectors.T).max(axis=1)
        assert score == pytest.approx(best @ weights / weights.sum(), abs=0.02)


@given(texts)
def test_eight_bits_are_near_and_stable(tokens: TokenVectors) -> None:
    coded = CodedTokens.of(tokens)
    decoded = coded.codes * coded.scales[:, np.newaxis]
    assert np.abs(decoded - tokens.vectors).max() <= coded.scales.max() / 2 + 1e-6


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    late = _late([_tokens([1, 2, 3]), _tokens([4])], 1)
    late.save(tmp_path)
    again = LateIndex.load(tmp_path)
    assert (len(again), again.tokens) == (2, 4)
    rows = np.array([1, 0])
    np.testing.assert_array_equal(again.met(_tokens([3, 9]), rows), late.met(_tokens([3, 9]), rows))


def test_arrays_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    _late([_tokens([1, 2, 3])]).save(tmp_path)
    (path,) = [path for path in tmp_path.rglob("ids.npy") if len(np.load(path)) == 5]
    np.save(path, np.array([1, 2], np.int32))
    with pytest.raises(ValueError, match="2 ids, 5 scales, 5 vectors, expected 5"):
        LateIndex.load(tmp_path)


class _Plain:
    """An encoder without tokens."""

    def __init__(self) -> None:
        self._inner = NumberEncoder()
        self.info = self._inner.info
        self.encode_queries = self._inner.encode_queries
        self.encode_passages = self._inner.encode_passages
        self.count_tokens, self.decode = self._inner.count_tokens, self._inner.decode


def test_auto_keeps_tokens_where_they_are_given_and_not_too_many() -> None:
    assert choose("auto", UP_TO, NumberEncoder()) is not None
    assert choose("auto", UP_TO + 1, NumberEncoder()) is None
    assert choose("on", UP_TO + 1, NumberEncoder()) is not None
    assert choose("off", 1, NumberEncoder()) is None
    assert choose("auto", 1, _Plain()) is None
    with pytest.raises(WeightsError, match=r"numbers gives no token vectors.*--late-interaction"):
        choose("on", 1, _Plain())


def test_an_index_without_tokens_serves_and_is_another_index(tmp_path: Path) -> None:
    with_tokens = build(knowledge("a"), tmp_path, NumberEncoder())
    without = build(knowledge("a"), tmp_path, NumberEncoder(), late_interaction="off")
    assert with_tokens.late_interaction
    assert not without.late_interaction
    assert with_tokens.fingerprint != without.fingerprint
    index = store.load(tmp_path)
    assert index.late is None
    hits = HybridRetriever(index, NumberEncoder()).search("What is a?", 3).hits
    assert all("late" not in hit.trace for hit in hits)


def test_only_changed_passages_tokens_are_encoded_again(tmp_path: Path) -> None:
    build(knowledge("a"), tmp_path / "grown", NumberEncoder())
    topic = knowledge("a").topics[0]
    changed = replace(topic, snippet="Shorter.")
    encoder = NumberEncoder()
    build(KnowledgeBase("kb", (changed,)), tmp_path / "grown", encoder)
    assert encoder.tokenized == ["A topic. A topic Shorter."]
    build(KnowledgeBase("kb", (changed,)), tmp_path / "anew", NumberEncoder())
    grown, anew = (store.load(tmp_path / part).late for part in ("grown", "anew"))
    assert grown is not None
    assert anew is not None
    assert len(grown) == len(anew) > 1
    for row in range(len(anew)):
        np.testing.assert_array_equal(grown.passage(row).codes, anew.passage(row).codes)
        np.testing.assert_array_equal(grown.passage(row).ids, anew.passage(row).ids)


def test_a_manifest_that_counts_other_tokens_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(knowledge("a"), tmp_path, NumberEncoder())
    monkeypatch.setattr(LateIndex, "tokens", 7)
    with pytest.raises(IndexUnusable, match="'tokens': 7"):
        store.load(tmp_path)


def test_real_tokens_agree_with_the_pooled_vector(minilm: Encoder) -> None:
    assert isinstance(minilm, TokenEncoder)
    text = "Why are attention scores divided by the square root of the key dimension?"
    vectors, (tokens,) = minilm.encode_query_tokens([text])
    np.testing.assert_array_equal(vectors, minilm.encode_queries([text]))
    whole, (passage,) = minilm.encode_passage_tokens([text])
    np.testing.assert_allclose(whole, minilm.encode_passages([text]), atol=1e-3)
    assert tokens.ids.tolist() == passage.ids.tolist()
    np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(tokens.vectors, passage.vectors, atol=0.05)


def test_a_text_without_words_has_a_token(minilm: Encoder) -> None:
    assert isinstance(minilm, TokenEncoder)
    assert [len(found.ids) for found in minilm.encode_query_tokens(["", "\0"])[1]] == [1, 1]


def test_the_stage_reorders_candidates_only(
    index_dir: Path, minilm: Encoder, small_kb: KnowledgeBase
) -> None:
    index = store.load(index_dir, minilm.info)
    question = small_kb.topics[1].faqs[0].question
    off = HybridRetriever(index, minilm, FusionSettings(late_weight=0)).search(question, 5)
    on = HybridRetriever(index, minilm, FusionSettings(reread=5)).search(question, 5)
    assert {hit.passage.id for hit in on.hits} == {hit.passage.id for hit in off.hits}
    assert all("late" not in hit.trace for hit in off.hits)
    late: Vectors = np.array([hit.trace["late"] for hit in on.hits], np.float32)
    assert ((late > 0) & (late <= 1.01)).all()
    weights = np.array(on.token_weights)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    for hit in on.hits:
        assert hit.trace["late"] == pytest.approx(weights @ np.array(hit.met), abs=1e-5)
    fused = [hit.score - hit.trace["late"] for hit in on.hits]
    assert sorted(fused) == pytest.approx(sorted(hit.score for hit in off.hits), abs=1e-4)
