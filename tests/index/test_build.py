"""A build does no more than it must, and says what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index import manifest, store
from index.build import build
from index.encoders import Encoder
from index.errors import KnowledgeBaseError
from index.types import KnowledgeBase
from tests.index.dying import NumberEncoder, knowledge


def test_one_changed_faq_encodes_one_faqs_texts(
    index_dir: Path, minilm: Encoder, first_faq_changed: Callable[[str], KnowledgeBase]
) -> None:
    before = store.load(index_dir)
    report = build(first_faq_changed("What has changed here?"), index_dir, minilm)
    assert report.encoded == 2  # the question, and the question with its answer
    after = store.load(index_dir, minilm.info)
    assert after.fingerprint == report.fingerprint != before.fingerprint
    assert after.passages[0].heading == "What has changed here?"
    rows = {entry.text: row for row, entry in enumerate(before.texts)}
    same = [(row, rows[e.text]) for row, e in enumerate(after.texts) if e.text in rows]
    assert len(same) == report.reused
    for row, old in same:
        np.testing.assert_array_equal(
            after.vectors.reconstruct(row), before.vectors.reconstruct(old)
        )


def test_the_same_again_is_left_as_it_is(
    index_dir: Path, small_kb: KnowledgeBase, minilm: Encoder
) -> None:
    home = (index_dir / "current").resolve()
    changed = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    report = build(small_kb, index_dir, minilm)
    assert (report.unchanged, report.encoded) == (True, 0)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == changed


def test_an_unchanged_build_clears_what_a_dead_one_left(tmp_path: Path) -> None:
    build(knowledge("a"), tmp_path, NumberEncoder())
    (tmp_path / ".building-dead").mkdir()
    assert build(knowledge("a"), tmp_path, NumberEncoder()).unchanged
    assert not (tmp_path / ".building-dead").exists()


def test_a_text_that_occurs_twice_is_encoded_once(tmp_path: Path) -> None:
    topic = knowledge("a").topics[0]
    twice = KnowledgeBase("kb", (topic, replace(topic, slug="again")))
    encoder = NumberEncoder()
    report = build(twice, tmp_path, encoder)
    assert len(encoder.encoded) == len(set(encoder.encoded)) == report.encoded
    assert report.reused == report.encoded


def test_another_encoder_encodes_everything(tmp_path: Path) -> None:
    first = build(knowledge("a"), tmp_path, NumberEncoder())
    second = build(knowledge("a"), tmp_path, NumberEncoder(pooling="cls"))
    assert second.fingerprint != first.fingerprint
    assert (second.encoded, second.reused) == (first.encoded, first.reused)


def test_two_builds_of_the_same_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        build(knowledge("a"), tmp_path / name, NumberEncoder())
    one, other = (store.load(tmp_path / name).manifest for name in ("one", "other"))
    assert one == other


def test_other_code_that_cuts_texts_is_another_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(knowledge("a"), tmp_path, NumberEncoder())
    monkeypatch.setattr(manifest, "code_recipe", lambda: "another")
    second = build(knowledge("a"), tmp_path, NumberEncoder())
    assert second.fingerprint != first.fingerprint
    assert second.encoded == 0


@pytest.mark.parametrize(
    "topics", [(), (replace(knowledge("a").topics[0], faqs=(), data_points=(), snippet=""),)]
)
def test_nothing_to_index_is_refused(tmp_path: Path, topics: tuple[object, ...]) -> None:
    with pytest.raises(KnowledgeBaseError, match="'empty' has no passage"):
        build(KnowledgeBase("empty", topics), tmp_path / "x", NumberEncoder())  # type: ignore[arg-type]
    assert not (tmp_path / "x").exists()


def test_half_a_character_is_refused_and_shown(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match=r"U\+D800.*half|half.*U\+D800"):
        build(knowledge("broken \ud800 word"), tmp_path, NumberEncoder())
