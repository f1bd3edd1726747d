"""Adapters: what is written is merged, and what doesn't fit is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from index.encoders import DPR, load_encoder
from index.encoders.adapter import ADAPTER_FILE, CONFIG_FILE, Adapter
from index.encoders.openvino_encoder import OpenVinoEncoder
from index.encoders.tensors import map_tensors
from index.errors import WeightsError
from index.weights import MINILM

BASE = "ab" * 32


def written(folder: Path, tensors: dict[str, Any] | None = None, **changed: Any) -> Path:
    """Write an adapter of a two-by-three matrix `w` and a vector `b`, with some facts changed."""
    if tensors is None:
        tensors = {
            "query/w.up": np.array([[1], [2]], np.int8),
            "query/w.scale": np.array([0.5], np.float32),
            "query/w.down": np.array([[2, 0, -2]], np.int8),
            "query/b.add": np.array([0.5, 0.5], np.float16),
        }
    data = save(tensors)
    (folder / ADAPTER_FILE).write_bytes(data)
    config = {
        "format_version": 1,
        "adapter_sha256": hashlib.sha256(data).hexdigest(),
        "name": "small",
        "base": "base",
        "base_sha256": BASE,
        "towers": {"query": "query", "passage": None},
        "max_tokens": 64,
    }
    (folder / CONFIG_FILE).write_text(json.dumps({**config, **changed}))
    return folder


def base() -> dict[str, Any]:
    return {"w": np.zeros((2, 3), np.float32), "b": np.ones(2, np.float32)}


def test_a_tower_gets_its_changes_and_the_other_keeps_the_base(tmp_path: Path) -> None:
    adapter = Adapter.load(written(tmp_path))
    query, passage = base(), base()
    adapter.merge(query, "query")
    adapter.merge(passage, "passage")
    np.testing.assert_array_equal(query["w"], [[1, 0, -1], [2, 0, -2]])
    np.testing.assert_array_equal(query["b"], [1.5, 1.5])
    np.testing.assert_array_equal(passage["w"], base()["w"])
    assert not adapter.shared


def test_towers_may_share_their_changes(tmp_path: Path) -> None:
    adapter = Adapter.load(written(tmp_path, towers={"query": "query", "passage": "query"}))
    passage = base()
    adapter.merge(passage, "passage")
    assert passage["w"][1, 2] == -2
    assert adapter.shared


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"w": np.zeros((2, 3), np.float32)}, "can't change 'b'"),
        ({"w": np.zeros((2, 4), np.float32), "b": np.ones(2, np.float32)}, "shape"),
    ],
)
def test_a_base_of_another_form_is_refused(
    tmp_path: Path, weights: dict[str, Any], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        Adapter.load(written(tmp_path)).merge(weights, "query")


def test_another_base_is_refused_and_both_are_named(tmp_path: Path) -> None:
    adapter = Adapter.load(written(tmp_path))
    with pytest.raises(WeightsError, match=f"{BASE}.*{'cd' * 32}"):
        adapter.combined_sha256("cd" * 32)
    with pytest.raises(WeightsError, match=MINILM.sha256):
        OpenVinoEncoder(MINILM.locate().parent, "small", adapter=adapter)


def test_the_identity_covers_base_and_adapter(tmp_path: Path) -> None:
    one = Adapter.load(written(tmp_path)).combined_sha256(BASE)
    other = {"query/b.add": np.array([0.5, 0.25], np.float16)}
    assert Adapter.load(written(tmp_path, other)).combined_sha256(BASE) != one


@pytest.mark.parametrize(
    "changed",
    [{"format_version": 2}, {"adapter_sha256": "00" * 32}, {"towers": {}}, {"max_tokens": "many"}],
)
def test_a_damaged_or_foreign_adapter_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=r"encoder\.json|adapter\.safetensors"):
        Adapter.load(written(tmp_path, **changed))


@pytest.mark.parametrize("name", [CONFIG_FILE, ADAPTER_FILE])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (written(tmp_path) / name).unlink()
    with pytest.raises(WeightsError, match=name):
        Adapter.load(tmp_path)


def test_a_folder_of_words_is_no_adapter(tmp_path: Path) -> None:
    (written(tmp_path) / CONFIG_FILE).write_text("{")
    with pytest.raises(WeightsError, match="no JSON"):
        Adapter.load(tmp_path)


def test_mapped_tensors_equal_the_file_and_leave_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([7], np.int64)}
    path.write_bytes(save(tensors))
    before = path.read_bytes()
    mapped = map_tensors(path)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(mapped[name], tensor)
    mapped.give_back()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(mapped[name], tensor)
    mapped["a"] += 1
    assert path.read_bytes() == before


def test_a_merge_leaves_the_mapped_weights_alone(tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    path.write_bytes(save(base()))
    mapped = map_tensors(path)
    views = dict(mapped)
    Adapter.load(written(tmp_path)).merge(mapped, "query")
    mapped.give_back()
    assert mapped["w"][0, 0] == 1
    for name, tensor in base().items():
        np.testing.assert_array_equal(views[name], tensor)


def test_the_shipped_encoder_is_small_and_says_what_it_is() -> None:
    encoder = load_encoder(DPR)
    minilm = load_encoder(MINILM.name)
    assert encoder.info.name == DPR
    assert encoder.info.weights_sha256 != minilm.info.weights_sha256
    folder = Path("index/encoders/dpr")
    assert (folder / ADAPTER_FILE).stat().st_size < 3_100_000
    assert (folder / "README.md").is_file()
    with pytest.raises(WeightsError, match="openvino"):
        load_encoder(DPR, engine="torch")
