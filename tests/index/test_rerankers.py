"""Reranking: the order is the reranker's, the engines agree, and the index knows nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.encoders import Encoder
from index.errors import WeightsError
from index.rerankers import Scores, load_reranker, rerank
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.types import SearchHits
from tests.index import tiny_models

QUERY = "what is attention ?"
TEXTS = [
    "attention weights the values .", "beam search", "?", "softmax of keys : " * 40, "the loss",
    "decoding tokens with a cache .", "gradient", "head", "a model of vectors",
]  # fmt: skip


class ByLength:
    """Prefers short texts: an order that a test can foresee."""

    name = "by-length"

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        return np.asarray([-len(text) for text in texts], np.float32)


class Indifferent:
    name = "indifferent"

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        return np.zeros(len(texts), np.float32)


@pytest.fixture
def found(small_index: LoadedIndex, minilm: Encoder) -> SearchHits:
    return HybridRetriever(small_index, minilm).search("How does attention work?", 12)


def test_the_first_are_reordered_and_the_rest_follow_as_they_were(found: SearchHits) -> None:
    again = rerank(ByLength(), found, 8)
    head = again.hits[:8]
    lengths = [len(f"{hit.passage.heading} {hit.passage.text}") for hit in head]
    assert lengths == sorted(lengths)
    assert {hit.passage.id for hit in head} == {hit.passage.id for hit in found.hits[:8]}
    assert again.hits[8:] == found.hits[8:]
    assert [hit.passage.id for hit in head] != [hit.passage.id for hit in found.hits[:8]]


def test_the_trace_has_the_places_before_and_after(found: SearchHits) -> None:
    again = rerank(ByLength(), found, 8)
    for rank, hit in enumerate(again.hits[:8], start=1):
        before = found.hits[int(hit.trace["fused_rank"]) - 1]
        assert before.passage == hit.passage
        assert before.score == hit.score
        assert hit.trace["rerank_rank"] == rank
        assert dict(before.trace).items() <= dict(hit.trace).items()
    assert again.timings_ms["rerank"] >= 0
    assert set(found.timings_ms) < set(again.timings_ms)


def test_equal_scores_change_nothing_and_nothing_is_survived(found: SearchHits) -> None:
    again = rerank(Indifferent(), found)
    assert [hit.passage.id for hit in again.hits] == [hit.passage.id for hit in found.hits]
    assert rerank(ByLength(), SearchHits("q", ())).hits == ()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_both_engines_give_a_cross_encoders_own_logits(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    folder = tiny_models.save_cross_encoder(tmp_path / "ce")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = BertForSequenceClassification.from_pretrained(str(folder)).eval()
    with torch.inference_mode():
        wanted = [
            model(
                **tokenizer(
                    QUERY, text, return_tensors="pt", truncation="only_second", max_length=64
                )
            ).logits.item()
            for text in TEXTS
        ]
    assert np.ptp(wanted) > 0.1
    assert load_reranker(str(folder)).__class__.__name__ == "OpenVinoCrossEncoder"
    for engine, tolerance in (("torch", 1e-4), ("openvino", 0.05)):
        reranker = load_reranker(str(folder), engine=engine)  # type: ignore[arg-type]
        scores = reranker.scores(QUERY, TEXTS)
        np.testing.assert_allclose(scores, wanted, atol=tolerance * max(1, np.ptp(wanted)))
        np.testing.assert_array_equal(scores, reranker.scores(QUERY, TEXTS))
        assert reranker.scores(QUERY, []).shape == (0,)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_threads_score_as_one_does_and_a_search_is_reordered(
    tmp_path: Path, found: SearchHits
) -> None:
    reranker = load_reranker(str(tiny_models.save_cross_encoder(tmp_path / "ce")))
    alone = reranker.scores(QUERY, TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(lambda _: reranker.scores(QUERY, TEXTS), range(16)):
            np.testing.assert_array_equal(scores, alone)
    again = rerank(reranker, found)
    by_reranker = [hit.trace["rerank"] for hit in again.hits]
    assert by_reranker == sorted(by_reranker, reverse=True)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_reranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="gives 3 values"):
        load_reranker(str(tiny_models.save_cross_encoder(tmp_path / "three", labels=3)))
    with pytest.raises(WeightsError, match="encoder_engine = 'torch'"):
        load_reranker(str(tmp_path / "nothing"), engine="openvino")
    whole = tiny_models.save_cross_encoder(tmp_path / "ce")
    (whole / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(WeightsError, match="can't be read"):
        load_reranker(str(whole), engine="openvino")
