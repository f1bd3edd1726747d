"""What did not change is neither read, encoded nor written again; what came before can be used."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import encoding, files, store
from index.build import build
from index.digests import as_array, digest_of, digests_in
from index.lexical import Bm25
from index.manifest import Manifest
from index.sources import read
from index.types import KnowledgeBase
from index.weights import sha256_of
from tests.index.dying import NumberEncoder

_FULL = 4


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "_SEGMENT", _FULL)
    monkeypatch.setattr(encoding, "_AT_ONCE", _FULL)
    monkeypatch.setattr(encoding, "_VECTORS_AT_ONCE", 3)


def _guide(folder: Path, parts: list[str]) -> KnowledgeBase:
    folder.mkdir(exist_ok=True)
    place = folder / "guide.md"
    text = "\n\n".join(f"## Part {part}\n\nThis is {part}." for part in parts)
    place.write_text(f"# Guide\n\n{text}\n")
    return read(place, name="guide").knowledge_base


def _codes(out: Path) -> dict[str, int]:
    """The files of token vectors, by their segments, with what tells the file itself."""
    return {p.parent.name: p.stat().st_ino for p in (out / "current/tokens").rglob("codes.npy")}


def _same(one: Path, other: Path) -> None:
    """Both directories hold the same, in whatever segments."""
    first, second = store.load(one), store.load(other)
    assert first.passages == second.passages
    assert first.texts == second.texts
    assert first.late is not None
    assert second.late is not None
    tokens = (first.late, second.late)
    for row in range(len(first.passages)):
        for name in ("ids", "scales", "codes"):
            mine, theirs = (getattr(late.passage(row), name) for late in tokens)
            np.testing.assert_array_equal(mine, theirs)
    for row in range(len(first.texts)):
        assert (first.vectors.reconstruct(row) == second.vectors.reconstruct(row)).all()
    for name in ("words.json", "starts.npy", "rows.npy", "counts.npy", "digests.npy"):
        mine, theirs = (place / "current" / "lexical" / name for place in (one, other))
        assert mine.read_bytes() == theirs.read_bytes()


def test_a_small_change_writes_one_segment_and_links_the_others(tmp_path: Path) -> None:
    out, parts = tmp_path / "index", [f"p{n}" for n in range(4 * _FULL)]
    build(_guide(tmp_path, parts), out, NumberEncoder())
    before = _codes(out)
    assert len(before) == 4
    encoder = NumberEncoder()
    report = build(_guide(tmp_path, [*parts[:5], "changed", *parts[6:]]), out, encoder)
    assert report.encoded == len(encoder.encoded) == 1
    after = _codes(out)
    assert before.items() < after.items()
    assert len(after) == 5
    store.load(out)  # every file is as the manifest says, those that are linked too


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=14), min_size=1, max_size=5))
def test_an_index_with_a_history_is_the_one_built_anew(versions: list[list[int]]) -> None:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nothing to sync there
    with tempfile.TemporaryDirectory(dir=memory) as made:
        folder = Path(made)
        for number, version in enumerate(versions):
            base = _guide(folder, [f"p{n}" for n in version])
            encoder = NumberEncoder()
            build(base, folder / "grown", encoder)
            if number and set(version) <= set(versions[number - 1]):
                assert not encoder.encoded
        build(base, folder / "anew", NumberEncoder())
        _same(folder / "grown", folder / "anew")
        assert len(_codes(folder / "grown")) <= 2 * len(set(versions[-1])) // _FULL + 1


@pytest.mark.parametrize("links", [True, False])
def test_a_disk_without_links_gets_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise OSError

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    (tmp_path / "a").write_text("kept")
    files.same(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "kept"
    assert (tmp_path / "b").samefile(tmp_path / "a") == links
    with pytest.raises(FileNotFoundError):
        files.same(tmp_path / "none", tmp_path / "c")


def test_an_index_of_the_format_before_saves_the_encoding(tmp_path: Path) -> None:
    out, guide = tmp_path / "index", _guide(tmp_path, ["a", "b", "c"])
    report = build(guide, out, NumberEncoder())
    _as_format_4(report.directory)
    encoder = NumberEncoder()
    again = build(replace(guide, name="renamed"), out, encoder)
    assert (again.encoded, encoder.encoded) == (0, [])
    build(replace(guide, name="renamed"), tmp_path / "anew", NumberEncoder())
    _same(out, tmp_path / "anew")


def _as_format_4(home: Path) -> None:
    """Rewrite an index of one segment as format 4 had it: tokens in the folder itself."""
    (segment,) = [path for path in (home / "tokens").iterdir() if path.is_dir()]
    for name in ("starts", "ids", "scales", "codes"):
        shutil.move(segment / f"{name}.npy", home / "tokens" / f"{name}.npy")
    shutil.rmtree(segment)
    (home / "tokens" / "places.npy").unlink()
    place = home / "manifest.json"
    manifest = Manifest.from_json(place.read_text(), "x", "y")
    names = {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()}
    hashes = {name: sha256_of(home / name) for name in names - {"manifest.json"}}
    older = replace(manifest.with_files(hashes), format_version=4, recipe="other")
    place.write_text(older.to_json())


def test_documents_that_are_known_are_not_cut_into_words_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = Bm25.build(["one word", "two words", "one word"])
    monkeypatch.setattr("index.lexical.content_words", lambda text: [f"new-{text}"])
    after = Bm25.build(["two words", "other", "one word"], before)
    monkeypatch.undo()
    assert after.scores("word").argmax() in (0, 2)
    assert after.idf("new-other") == after.idf("two")
    assert after.idf("new-two words") > after.idf("two")


@given(st.lists(st.text(max_size=12), max_size=8), st.lists(st.text(max_size=12), max_size=8))
def test_words_of_a_history_are_those_of_the_documents(old: list[str], new: list[str]) -> None:
    anew, grown = Bm25.build(new), Bm25.build(new, Bm25.build(old))
    for query in (*old, *new):
        np.testing.assert_array_equal(anew.scores(query), grown.scores(query))
        assert anew.idf(query) == grown.idf(query)


@given(st.lists(st.text(max_size=8), max_size=5))
def test_digests_come_back(texts: list[str]) -> None:
    digests = [digest_of(text) for text in texts]
    assert digests_in(as_array(digests)) == digests
    assert len(set(digests)) == len(set(texts))
