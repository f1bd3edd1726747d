"""What is written to an index directory is what is read from it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings

from index import store
from index.build import build
from index.encoders import Encoder
from index.errors import IndexUnusable
from index.manifest import code_recipe
from index.passages import embedded_texts, passages_of
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.types import KnowledgeBase
from index.weights import sha256_of
from tests.index.dying import NumberEncoder, knowledge
from tests.index.strategies import knowledge_bases


@settings(max_examples=30, deadline=None)
@given(knowledge_bases())
def test_any_knowledge_base_comes_back_as_it_was(knowledge_base: KnowledgeBase) -> None:
    passages = [p for topic in knowledge_base.topics for p in passages_of(topic)]
    texts = [
        (passage, text)
        for topic in knowledge_base.topics
        for passage, group in embedded_texts(topic)
        for text in group
    ]
    assume(texts)
    encoder = NumberEncoder()
    with tempfile.TemporaryDirectory() as folder:
        report = build(knowledge_base, Path(folder), encoder)
        loaded = store.load(Path(folder), encoder.info)
        assert list(loaded.passages) == passages
        assert [(passages[t.passage].id, t.text) for t in loaded.texts] == texts
        assert loaded.owners.tolist() == [t.passage for t in loaded.texts]
        for row, (_, text) in enumerate(texts):
            expected = encoder.encode_queries([text])[0]
            np.testing.assert_array_equal(loaded.vectors.reconstruct(row), expected)
        assert loaded.fingerprint == report.fingerprint
        assert loaded.manifest.counts["texts"] == len(texts) == report.encoded + report.reused


def test_every_file_is_in_the_manifest_with_its_hash(built: Path, small_index: LoadedIndex) -> None:
    home = built / small_index.fingerprint
    found = {p.relative_to(home).as_posix(): sha256_of(p) for p in home.rglob("*") if p.is_file()}
    del found["manifest.json"]
    assert dict(small_index.manifest.files) == found
    assert {"passages.jsonl", "texts.jsonl", "vectors.faiss"} < set(found)


def test_nothing_is_pickled(built: Path) -> None:
    for path in (built / "current/").rglob("*.npy"):
        np.load(path, allow_pickle=False)
    assert not [
        p for p in (built / "current/").rglob("*") if "pickle" in p.name or p.suffix == ".pkl"
    ]


def test_a_passage_is_found_under_its_own_texts(small_index: LoadedIndex, minilm: Encoder) -> None:
    queries = minilm.encode_queries([entry.text for entry in small_index.texts[:20]])
    similarities, rows = small_index.vectors.search(queries, 1)
    owners = small_index.owners[rows[:, 0]].tolist()
    assert owners == [entry.passage for entry in small_index.texts[:20]]
    assert similarities == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_the_retriever_works_with_every_kind(
    tmp_path: Path, small_kb: KnowledgeBase, small_index: LoadedIndex, minilm: Encoder, kind: str
) -> None:
    build(small_kb, tmp_path, minilm, vectors=kind)  # type: ignore[arg-type]
    question = small_kb.topics[1].faqs[0].question
    flat = HybridRetriever(small_index, minilm).search(question, 3)
    other = HybridRetriever(store.load(tmp_path, minilm.info), minilm).search(question, 3)
    assert other.hits[0].passage == flat.hits[0].passage
    assert other.hits[0].passage.id == f"{small_kb.topics[1].slug}/faq/0"


def test_which_index_is_current(tmp_path: Path) -> None:
    assert store.current_fingerprint(tmp_path) is None
    assert store.current_state(tmp_path) is None
    report = build(knowledge("a"), tmp_path, NumberEncoder())
    assert store.current_fingerprint(tmp_path) == report.fingerprint
    state = store.current_state(tmp_path)
    build(knowledge("b"), tmp_path, NumberEncoder())
    build(knowledge("a"), tmp_path, NumberEncoder())
    assert store.current_state(tmp_path) != state


def test_texts_cut_by_another_recipe_are_refused_and_a_rebuild_keeps_their_vectors(
    index_dir: Path, small_kb: KnowledgeBase, minilm: Encoder
) -> None:
    made = store.load(index_dir).manifest
    # As another version leaves it: another recipe, and so another fingerprint.
    other = replace(made, recipe="0123456789ab", fingerprint="f" * 16)
    (index_dir / made.fingerprint).rename(index_dir / other.fingerprint)
    (index_dir / "current").unlink()
    (index_dir / "current").symlink_to(other.fingerprint)
    (index_dir / "current" / "manifest.json").write_text(other.to_json(), encoding="utf-8")
    with pytest.raises(
        IndexUnusable, match=r"recipe 0123456789ab.*python -m index build"
    ) as caught:
        store.load(index_dir, minilm.info)
    assert code_recipe() in str(caught.value)
    assert "\n" not in str(caught.value)
    report = build(small_kb, index_dir, minilm)
    assert (report.encoded, report.unchanged) == (0, False)
    assert store.load(index_dir, minilm.info).fingerprint == made.fingerprint
