"""An index that is damaged, foreign or half written is refused in one line; the old one serves."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index import files, store
from index.build import build
from index.encoders import Encoder, EncoderInfo
from index.errors import IndexUnusable, WeightsError
from index.store import LoadedIndex
from index.types import KnowledgeBase
from tests.index.dying import LOCKS, NumberEncoder, knowledge

ROOT = Path(__file__).resolve().parents[2]


def refusal(folder: Path, encoder: EncoderInfo | None = None) -> str:
    """The one line with which an index is refused; it names a command that mends it."""
    with pytest.raises(IndexUnusable) as caught:
        store.load(folder, encoder)
    message = str(caught.value)
    assert "\n" not in message
    assert f"python -m index build --out {folder}" in message
    return message


@pytest.fixture
def memory_dir() -> Iterator[Path]:
    """A folder in memory, where there is such a thing: hundreds of builds sync nothing to disk."""
    memory = Path("/dev/shm")
    place = str(memory) if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("scenario", "mode"),
    [("changed", "kill"), ("damaged", "kill"), ("changed", "full"), ("changed", "limit")],
)
def test_a_build_that_dies_at_any_file_operation_leaves_the_old_index_serving(
    memory_dir: Path, scenario: str, mode: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.index.dying", str(memory_dir), scenario, mode],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    before, *outcomes = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(outcomes) > (5 if mode == "limit" else 60)
    final = outcomes[-1]
    assert final["ended"] == "done"
    for outcome in outcomes[:-1]:
        assert outcome["ended"] == ("killed" if mode == "kill" else "refused"), outcome
        if scenario == "changed":
            assert outcome["served"] in (before["before"], final["served"]), outcome
        assert outcome["next_build"] in (None, final["served"]), outcome
        assert not outcome["leftovers"], outcome


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "current/").rglob("*") if path.is_file())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_refused(index_dir: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(_files(index_dir)))
    content = path.read_bytes()
    byte = data.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[byte] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        assert path.name in refusal(index_dir)
    finally:
        path.write_bytes(content)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_truncated_file_is_refused(index_dir: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(_files(index_dir)))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    try:
        message = refusal(index_dir)
    finally:
        path.write_bytes(content)
    assert path.name in message
    if path.name != "manifest.json":
        assert message.count("sha256") == 2 or "its manifest says" in message


def test_any_missing_file_is_refused(index_dir: Path) -> None:
    for path in _files(index_dir):
        content = path.read_bytes()
        path.unlink()
        assert str(path.name) in refusal(index_dir)
        path.write_bytes(content)
    assert store.load(index_dir)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"}, {"pooling": "cls"}, {"normalized": False}, {"query_prefix": "query: "},
        {"passage_prefix": "passage: "}, {"weights_sha256": "f" * 64}, {"dimension": 768},
        {"max_tokens": 512}, {"similarity": "cosine"}, {"revision": "main"},
    ],
)  # fmt: skip
def test_a_foreign_encoder_is_refused_and_both_sides_are_named(
    built: Path, minilm: Encoder, change: dict[str, Any]
) -> None:
    message = refusal(built, replace(minilm.info, **change))
    ((name, given),) = change.items()
    assert f"{name} {getattr(minilm.info, name)!r} != {given!r}" in message
    assert "--encoder" in message


def test_no_index_says_how_to_build_one(tmp_path: Path) -> None:
    assert "no index in" in refusal(tmp_path)
    assert "no index in" in refusal(tmp_path / "nowhere")


def test_a_dangling_current_is_refused(index_dir: Path) -> None:
    files.link(index_dir, "current", "0123456789abcdef")
    assert "0123456789abcdef" in refusal(index_dir)


def test_a_current_that_names_another_folder_is_refused(index_dir: Path) -> None:
    home = (index_dir / "current").resolve()
    home.rename(index_dir / "renamed")
    files.link(index_dir, "current", "renamed")
    assert f"holds index {home.name}, expected renamed" in refusal(index_dir)


def test_a_current_that_is_a_file_is_refused(tmp_path: Path) -> None:
    build(knowledge("old"), tmp_path, NumberEncoder())
    (tmp_path / "current").unlink()
    (tmp_path / "current").write_text("x")
    assert "no link" in refusal(tmp_path)
    with pytest.raises(IndexUnusable, match="no link"):
        build(knowledge("old"), tmp_path, NumberEncoder())


def test_a_current_that_is_a_folder_is_mended_by_what_the_refusal_says(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    build(knowledge("old"), folder, NumberEncoder())
    home = (folder / "current").resolve()
    (folder / "current").unlink()
    shutil.copytree(home, folder / "current")
    with pytest.raises(IndexUnusable, match="no link") as caught:
        build(knowledge("old"), folder, NumberEncoder())
    command = str(caught.value).partition("mend it with: ")[2].partition(" && ")[0]
    subprocess.run(command, shell=True, check=True)
    build(knowledge("old"), folder, NumberEncoder())
    assert store.load(folder).fingerprint == home.name


def test_damage_is_mended_by_a_build_though_the_fingerprint_is_the_same(tmp_path: Path) -> None:
    first = build(knowledge("old"), tmp_path, NumberEncoder())
    (first.directory / "texts.jsonl").write_text("")
    again = build(knowledge("old"), tmp_path, NumberEncoder())
    assert again.fingerprint == first.fingerprint
    assert not again.unchanged
    assert store.load(tmp_path).fingerprint == first.fingerprint


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("")
    encoder = NumberEncoder()
    with pytest.raises(IndexUnusable, match="could not be written"):
        build(knowledge("old"), tmp_path / "index", encoder)
    assert not encoder.encoded  # the long work had not begun


def test_builds_at_once_all_succeed_and_the_last_one_serves(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def one(word: str) -> None:
        try:
            for _ in range(4):
                build(knowledge(word), tmp_path, NumberEncoder())
                store.load(tmp_path)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=one, args=(word,)) for word in ("a", "b", "c", "a")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert store.load(tmp_path).fingerprint
    assert {path.name[0] for path in tmp_path.iterdir() if path.name not in LOCKS} <= set(
        "abcdef0123456789"
    )


def test_a_build_waits_for_a_live_one_and_clears_what_a_dead_one_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".building-dead").mkdir(parents=True)
    (tmp_path / ".building-dead" / "x").write_text("x")
    (tmp_path / ".removed-dead").mkdir()
    (tmp_path / ".current-dead").symlink_to("nowhere")
    waiting = threading.Thread(target=build, args=(knowledge("new"), tmp_path, NumberEncoder()))
    with (
        caplog.at_level(logging.WARNING),
        files.exclusive(tmp_path),
        files.beside(tmp_path) as live,
    ):
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted([".lock", live.name])
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        assert live.is_dir()
        live.rmdir()
    waiting.join()
    assert "waiting for another build" in caplog.text
    assert store.load(tmp_path)


def test_what_is_published_can_be_read_like_other_files(tmp_path: Path) -> None:
    report = build(knowledge("old"), tmp_path, NumberEncoder())
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "file").touch()
    for path in [report.directory, *report.directory.rglob("*")]:
        plain = tmp_path / "plain" if path.is_dir() else tmp_path / "plain" / "file"
        assert path.stat().st_mode == plain.stat().st_mode, path


def test_one_older_index_is_kept(tmp_path: Path) -> None:
    names = [build(knowledge(w), tmp_path, NumberEncoder()).fingerprint for w in ("a", "b", "c")]
    assert {path.name for path in tmp_path.iterdir()} == {*LOCKS, "current", *names[1:]}


def test_going_back_to_the_older_index_writes_nothing_anew(tmp_path: Path) -> None:
    older = build(knowledge("a"), tmp_path, NumberEncoder())
    build(knowledge("b"), tmp_path, NumberEncoder())
    inode = older.directory.stat().st_ino
    build(knowledge("a"), tmp_path, NumberEncoder())
    assert older.directory.stat().st_ino == inode
    assert store.load(tmp_path).fingerprint == older.fingerprint


def test_an_index_that_is_replaced_while_it_is_opened_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(knowledge("a"), tmp_path, NumberEncoder())
    genuine = store._load
    expected = build(knowledge("c"), tmp_path / "other", NumberEncoder()).fingerprint
    calls: list[int] = []

    def load_once_overtaken(*arguments: Any) -> LoadedIndex:
        calls.append(1)
        if len(calls) == 1:
            monkeypatch.setattr(store, "_load", genuine)
            build(knowledge("b"), tmp_path, NumberEncoder())
            build(knowledge("c"), tmp_path, NumberEncoder())
            raise IndexUnusable("the one that was being opened is gone")
        return genuine(*arguments)

    monkeypatch.setattr(store, "_load", load_once_overtaken)
    assert store.load(tmp_path).fingerprint == expected


class _Lying(NumberEncoder):
    def __init__(self, vectors: Any) -> None:
        super().__init__()
        self._vectors = vectors

    def encode_passages(self, texts: Any, progress: Any = None) -> Any:
        return self._vectors(len(texts))


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (lambda n: np.zeros((n, 7), np.float32), "shape"),
        (lambda n: np.zeros((n + 1, 8), np.float32), "shape"),
        (lambda n: np.full((n, 8), np.nan, np.float32), "finite"),
        (lambda n: np.full((n, 8), 2.0, np.float32), "lengths"),
    ],
)
def test_an_encoder_that_lies_about_itself_builds_nothing(
    tmp_path: Path, vectors: Any, words: str
) -> None:
    with pytest.raises(WeightsError, match=words):
        build(knowledge("a"), tmp_path, _Lying(vectors))
    # The tokens, of which it did not lie, are kept for the next build.
    assert {path.name for path in tmp_path.iterdir()} == {*LOCKS, "unfinished"}


def test_another_kind_of_vectors_is_another_index(tmp_path: Path, small_kb: KnowledgeBase) -> None:
    encoder = NumberEncoder()
    flat = build(small_kb, tmp_path, encoder)
    hnsw = build(small_kb, tmp_path, encoder, vectors="hnsw")
    assert (flat.vectors, hnsw.vectors) == ("flat", "hnsw")
    assert flat.fingerprint != hnsw.fingerprint
    assert hnsw.encoded == 0
    assert store.load(tmp_path).manifest.vectors == "hnsw"
    (hnsw.directory / "neighbours.faiss").write_bytes(b"")
    assert "neighbours.faiss" in refusal(tmp_path)
