"""Every kind of vectors finds the same things, gives the same bytes and says what it is."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import store
from index.encoders import Encoder, Vectors
from index.errors import IndexUnusable
from index.store import LoadedIndex
from index.vectors import FLAT_UP_TO, HNSW_UP_TO, VectorKind, best_first, choose
from index.vectors.faiss_store import open_faiss, write_faiss

KINDS: list[VectorKind] = ["flat", "hnsw", "ivf"]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Unit vectors in clusters. Shape: (3000, 32)."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((40, 32))
    made = centres[random.integers(0, 40, 3000)] + 0.7 * random.standard_normal((3000, 32))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_found_is_nearest_and_scored_exactly(
    tmp_path: Path, vectors: Vectors, kind: VectorKind
) -> None:
    write_faiss(tmp_path, vectors, kind)
    opened = open_faiss(tmp_path, kind)
    assert (opened.ntotal, opened.d) == vectors.shape
    queries = vectors[::100]
    exact = queries @ vectors.T
    truth = np.argsort(-exact, axis=1, kind="stable")[:, :10]
    similarities, rows = opened.search(queries, 10)
    assert similarities.shape == rows.shape == (30, 10)
    assert (np.diff(similarities, axis=1) <= 1e-6).all()
    np.testing.assert_allclose(similarities, np.take_along_axis(exact, rows, 1), atol=1e-5)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(truth, rows, strict=True)])
    assert recall == 1.0 if kind == "flat" else recall > 0.97
    np.testing.assert_array_equal(opened.reconstruct(7), vectors[7])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_vectors_give_the_same_bytes(
    tmp_path: Path, vectors: Vectors, kind: VectorKind
) -> None:
    contents = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_faiss(tmp_path / name, vectors[:1000], kind)
        contents.append([p.read_bytes() for p in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 31, 33])
def test_few_vectors_are_all_found_and_the_rest_is_minus_one(
    tmp_path: Path, vectors: Vectors, kind: VectorKind, count: int
) -> None:
    write_faiss(tmp_path, vectors[:count], kind)
    similarities, rows = open_faiss(tmp_path, kind).search(vectors[:1], count + 3)
    assert sorted(rows[0, :count].tolist()) == list(range(count))
    assert rows[0, 0] == 0
    assert (rows[0, count:] == -1).all()
    assert similarities[0, 0] == pytest.approx(1, abs=1e-5)


def test_many_threads_find_what_one_finds(tmp_path: Path, vectors: Vectors) -> None:
    for kind in KINDS:
        write_faiss(tmp_path, vectors, kind)
        opened = open_faiss(tmp_path, kind)
        alone = [opened.search(query[np.newaxis], 10)[1].tolist() for query in vectors[:50]]
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(
                lambda q, o=opened: o.search(q[np.newaxis], 10)[1].tolist(), vectors[:50]
            )
            assert list(found) == alone


@pytest.mark.parametrize(
    ("count", "kind"),
    [(1, "flat"), (FLAT_UP_TO, "flat"), (FLAT_UP_TO + 1, "hnsw"), (HNSW_UP_TO, "hnsw"),
     (HNSW_UP_TO + 1, "ivf")],
)  # fmt: skip
def test_auto_goes_by_size(count: int, kind: str) -> None:
    assert choose("auto", count) == kind


def test_a_choice_is_kept_and_an_unknown_one_refused() -> None:
    assert [choose(kind, 5) for kind in KINDS] == KINDS
    with pytest.raises(IndexUnusable, match="unknown kind of vectors 'pq': expected one of auto"):
        choose("pq", 5)  # type: ignore[arg-type]


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), st.integers(0, 99)), max_size=12),
    st.integers(1, 12),
)
def test_best_first_orders_by_similarity_then_row(pairs: list[tuple[float, int]], k: int) -> None:
    similarities, rows = best_first([pairs], k)
    assert similarities.shape == rows.shape == (1, k)
    kept = min(k, len(pairs))
    expected = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:kept]
    assert (
        list(zip(similarities[0, :kept].tolist(), rows[0, :kept].tolist(), strict=True)) == expected
    )
    assert (rows[0, kept:] == -1).all()


needs_milvus = pytest.mark.skipif(
    importlib.util.find_spec("pymilvus") is None or importlib.util.find_spec("milvus_lite") is None,
    reason="needs the milvus extra: pip install pymilvus milvus-lite",
)


@needs_milvus
@pytest.mark.filterwarnings("ignore")  # pymilvus' own
def test_milvus_finds_what_faiss_finds(
    tmp_path: Path, built: Path, small_index: LoadedIndex, minilm: Encoder
) -> None:
    from index.vectors.milvus import milvus_opener

    for _ in range(2):  # the second finds the collection filled
        opener = milvus_opener(str(tmp_path / "milvus.db"))
        opened = store.load(built, minilm.info, open_vectors=opener)
    queries = minilm.encode_queries(["What is attention?", "How much memory is needed?"])
    similarities, rows = opened.vectors.search(queries, 10)
    expected, expected_rows = small_index.vectors.search(queries, 10)
    np.testing.assert_allclose(similarities, expected, atol=1e-5)
    np.testing.assert_array_equal(rows, expected_rows)
    assert (opened.vectors.search(queries, opened.vectors.ntotal + 2)[1][:, -2:] == -1).all()
    np.testing.assert_allclose(
        opened.vectors.reconstruct(3), small_index.vectors.reconstruct(3), atol=1e-6
    )
    with pytest.raises(IndexUnusable, match="has no row"):
        opened.vectors.reconstruct(10**6)


@needs_milvus
@pytest.mark.filterwarnings("ignore")
def test_an_unreachable_milvus_is_one_line() -> None:
    from index.vectors.milvus import milvus_opener

    with pytest.raises(IndexUnusable, match=r"Milvus at http://127.0.0.1:9 refused") as caught:
        milvus_opener("http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("pymilvus") is not None, reason="pymilvus is here")
def test_milvus_without_its_package_says_what_to_install() -> None:
    from index.vectors.milvus import milvus_opener

    with pytest.raises(IndexUnusable, match="pip install"):
        milvus_opener("x.db")
