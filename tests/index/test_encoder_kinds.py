"""Encoders of every kind: pairs, prompts, routes, poolings, similarities, each in its real layout.

The reference is computed here with torch, without what is tested.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index import store
from index.build import build
from index.encoders import Encoder, EncoderInfo, Engine, Vectors, load_encoder
from index.errors import IndexUnusable, WeightsError
from index.retrieve import HybridRetriever
from index.types import KnowledgeBase
from tests.index import tiny_models

pytestmark = [
    *(
        [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
        if isinstance([pytest.mark.torch, pytest.mark.filterwarnings("ignore")], list)
        else [[pytest.mark.torch, pytest.mark.filterwarnings("ignore")]]
    ),
    pytest.mark.slow,
]

TEXTS = ["what is attention ?", "beam search and the gradient of a softmax .", "keys", "tokens : a"]
ENGINES: tuple[Engine, ...] = ("torch", "openvino")


def reference(folder: Path, texts: list[str], pooling: str) -> Vectors:
    """Vectors of a bare BERT, pooled by hand."""
    import torch
    from transformers import AutoTokenizer, BertModel

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = BertModel.from_pretrained(str(folder)).eval()
    rows = []
    with torch.inference_mode():
        for text in texts:
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
            rows.append((hidden[0] if pooling == "cls" else hidden.mean(0)).numpy())
    return np.asarray(rows, np.float32)


def unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def assert_same(found: Vectors, wanted: Vectors) -> None:
    """Compare directions and lengths; OpenVINO computes in bfloat16 where it can."""
    assert np.einsum("nd,nd->n", unit(found), unit(wanted)).min() > 0.995
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=1), np.linalg.norm(wanted, axis=1), rtol=2e-2
    )


@pytest.mark.parametrize(
    ("pooling", "normalize", "similarity"),
    [("mean", True, None), ("cls", True, "dot"), ("cls", False, None), ("mean", False, "dot")],
)
def test_pooling_prefix_normalisation_and_similarity_are_the_models_own(
    tmp_path: Path, pooling: str, normalize: bool, similarity: str | None
) -> None:
    prompts = {"query": "query : ", "document": "passage : "}
    folder = tiny_models.save_sentence_transformer(
        tmp_path / "m", pooling=pooling, normalize=normalize, similarity=similarity, prompts=prompts
    )
    by_cosine = not normalize and similarity != "dot"
    infos = set()
    for engine in ENGINES:
        encoder = load_encoder(str(folder), engine=engine)
        info = encoder.info
        assert (info.pooling, info.normalized) == (pooling, normalize or by_cosine)
        assert info.similarity == ("cosine" if by_cosine else "inner_product")
        assert (info.query_prefix, info.passage_prefix) == ("query : ", "passage : ")
        assert (info.dimension, info.max_tokens) == (tiny_models.SIZE, 64)
        for encode, prefix in (
            (encoder.encode_queries, "query : "), (encoder.encode_passages, "passage : "),
        ):  # fmt: skip
            wanted = reference(tmp_path / "m-bare-0", [prefix + text for text in TEXTS], pooling)
            assert_same(encode(TEXTS), unit(wanted) if info.normalized else wanted)
        infos.add(info)
    assert len(infos) == 1


def test_a_dpr_pair_lies_in_two_folders(tmp_path: Path) -> None:
    import torch
    import transformers

    question = tiny_models.save_dpr(tmp_path / "q", "Question", seed=1)
    passage = tiny_models.save_dpr(tmp_path / "p", "Context", seed=2)
    encoder = load_encoder(f"{question},{passage}")
    info = encoder.info
    assert (info.pooling, info.normalized, info.similarity) == ("cls", False, "inner_product")
    for folder, kind, encode in (
        (question, transformers.DPRQuestionEncoder, encoder.encode_queries),
        (passage, transformers.DPRContextEncoder, encoder.encode_passages),
    ):
        model: Any = kind.from_pretrained(str(folder)).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
        with torch.inference_mode():
            wanted = [
                model(**tokenizer(t, return_tensors="pt")).pooler_output[0].numpy() for t in TEXTS
            ]
        np.testing.assert_allclose(encode(TEXTS), np.asarray(wanted), atol=1e-4)


def test_half_a_pair_or_one_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    question = tiny_models.save_dpr(tmp_path / "q", "Question")
    passage = tiny_models.save_dpr(tmp_path / "p", "Context")
    narrow = tiny_models.save_dpr(tmp_path / "n", "Context", projection=8)
    with pytest.raises(WeightsError, match="expected a DPRQuestionEncoder"):
        load_encoder(f"{passage},{question}")
    with pytest.raises(WeightsError, match=r"has dimension 32.* has 8"):
        load_encoder(f"{question},{narrow}")
    with pytest.raises(WeightsError, match="one half of a DPR pair"):
        load_encoder(str(passage))
    with pytest.raises(WeightsError, match="runs with encoder_engine = 'torch'"):
        load_encoder(f"{question},{passage}", engine="openvino")


def test_two_sentence_transformers_folders_make_a_pair(tmp_path: Path) -> None:
    one = tiny_models.save_sentence_transformer(tmp_path / "one", pooling="cls", seed=1)
    two = tiny_models.save_sentence_transformer(tmp_path / "two", pooling="mean", seed=2)
    encoder = load_encoder(f"{one},{two}")
    assert encoder.info.pooling == "document mean, query cls"
    assert_same(
        encoder.encode_queries(TEXTS), unit(reference(tmp_path / "one-bare-1", TEXTS, "cls"))
    )
    assert_same(
        encoder.encode_passages(TEXTS), unit(reference(tmp_path / "two-bare-2", TEXTS, "mean"))
    )


def test_a_router_sends_each_side_its_own_way(tmp_path: Path) -> None:
    encoder = load_encoder(str(tiny_models.save_router(tmp_path / "r")))
    assert encoder.info.pooling == "document mean, query cls"
    assert encoder.info.normalized
    assert_same(encoder.encode_queries(TEXTS), unit(reference(tmp_path / "r-bare-1", TEXTS, "cls")))
    assert_same(
        encoder.encode_passages(TEXTS), unit(reference(tmp_path / "r-bare-2", TEXTS, "mean"))
    )


def test_a_prompt_that_is_left_out_of_the_pooling_is_left_out(tmp_path: Path) -> None:
    folder = tiny_models.save_sentence_transformer(
        tmp_path / "m", include_prompt=False, prompts={"query": "query : "}
    )
    encoder = load_encoder(str(folder), engine="torch")
    assert encoder.info.pooling == "mean without prompt"
    pooled_whole = unit(reference(tmp_path / "m-bare-0", [f"query : {t}" for t in TEXTS], "mean"))
    alone = unit(reference(tmp_path / "m-bare-0", TEXTS, "mean"))
    found = encoder.encode_queries(TEXTS)
    assert not np.allclose(found, pooled_whole, atol=1e-2)
    assert not np.allclose(found, alone, atol=1e-2)
    with pytest.raises(WeightsError, match="leaves the prompt's tokens out"):
        load_encoder(str(folder), engine="openvino")


def test_a_distance_that_no_inner_product_stands_for_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.save_sentence_transformer(
        tmp_path / "m", normalize=False, similarity="euclidean"
    )
    for engine in ENGINES:
        with pytest.raises(WeightsError, match="euclidean"):
            load_encoder(str(folder), engine=engine)


class Telling:
    """An encoder that says something else of itself than it did."""

    def __init__(self, encoder: Encoder, info: EncoderInfo) -> None:
        self._encoder, self.info = encoder, info
        self.count_tokens, self.decode = encoder.count_tokens, encoder.decode

    def encode_queries(self, texts: Any) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Any, progress: Any = None) -> Vectors:
        return self._encoder.encode_passages(texts, progress)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("pooling", "cls"), ("query_prefix", "search : "), ("passage_prefix", ""),
        ("normalized", False), ("similarity", "inner_product"),
    ],
)  # fmt: skip
def test_a_wrong_one_is_caught_when_the_index_is_opened(
    tmp_path: Path, small_kb: KnowledgeBase, field: str, wrong: Any
) -> None:
    prompts = {"query": "query : ", "document": "passage : "}
    folder = tiny_models.save_sentence_transformer(
        tmp_path / "m", normalize=False, similarity="cosine", prompts=prompts
    )
    encoder = load_encoder(str(folder))
    build(small_kb, tmp_path / "index", encoder)
    found = HybridRetriever(store.load(tmp_path / "index", encoder.info), encoder)
    assert found.search("what is attention ?", 3).hits
    other = Telling(encoder, replace(encoder.info, **{field: wrong}))
    with pytest.raises(IndexUnusable, match=f"{field} .*--encoder"):
        store.load(tmp_path / "index", other.info)


def test_changed_settings_of_a_folder_make_another_encoder(
    tmp_path: Path, small_kb: KnowledgeBase
) -> None:
    """The weights are the same; only what is done with them is not."""
    build_with = {"pooling": "mean", "normalize": False, "similarity": "cosine"}
    changes: list[dict[str, Any]] = [
        {"pooling": "cls"}, {"similarity": "dot"}, {"normalize": True},
        {"prompts": {"query": "query : "}},
    ]  # fmt: skip
    folder = tiny_models.save_sentence_transformer(tmp_path / "m", **build_with)  # type: ignore[arg-type]
    build(small_kb, tmp_path / "index", load_encoder(str(folder)))
    for number, change in enumerate(changes):
        other = tiny_models.save_sentence_transformer(
            tmp_path / f"{number}", **{**build_with, **change}
        )
        info = replace(load_encoder(str(other)).info, name=str(folder))
        with pytest.raises(IndexUnusable, match=r"was made by encoder"):
            store.load(tmp_path / "index", info)


def test_an_encoder_that_is_not_normalized_as_it_says_builds_nothing(
    tmp_path: Path, small_kb: KnowledgeBase
) -> None:
    folder = tiny_models.save_sentence_transformer(
        tmp_path / "m", normalize=False, similarity="dot"
    )
    encoder = load_encoder(str(folder))
    lying = Telling(encoder, replace(encoder.info, normalized=True))
    with pytest.raises(WeightsError, match="expected normalized ones"):
        build(small_kb, tmp_path / "index", lying)
