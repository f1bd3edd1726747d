"""A build that was ended goes on with what it had encoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from index import encoding, store
from index.build import build
from index.encoders import Progress, TokenVectors, Vectors
from index.sources import read
from index.types import KnowledgeBase
from tests.index.dying import NumberEncoder

_PARTS = 4


class Ending(NumberEncoder):
    """An encoder whose process ends after some parts."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.left = parts

    def encode_passage_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().encode_passage_tokens(texts, progress)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "_SEGMENT", _PARTS)
    monkeypatch.setattr(encoding, "_AT_ONCE", _PARTS)


def _guide(folder: Path, sections: int) -> KnowledgeBase:
    text = "\n\n".join(f"# Part {n}\n\nThis is what part {n} says." for n in range(sections))
    (folder / "guide.md").write_text(text)
    return read(folder / "guide.md", name="guide").knowledge_base


def test_what_was_encoded_is_not_encoded_again(tmp_path: Path) -> None:
    guide, out = _guide(tmp_path, 11), tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        build(guide, out, Ending(2))
    again = NumberEncoder()
    report = build(guide, out, again)
    assert len(again.tokenized) == report.passages - 2 * _PARTS
    whole = build(guide, tmp_path / "other", NumberEncoder())
    assert whole.fingerprint == report.fingerprint
    made, other = store.load(out), store.load(tmp_path / "other")
    for row in range(report.passages):
        assert (made.vectors.reconstruct(row) == other.vectors.reconstruct(row)).all()
        assert made.late is not None
        assert other.late is not None
        assert (made.late.passage(row).codes == other.late.passage(row).codes).all()
    assert not (out / "unfinished").exists()


def test_what_is_damaged_or_of_another_encoder_is_encoded_anew(tmp_path: Path) -> None:
    guide, out = _guide(tmp_path, 11), tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        build(guide, out, Ending(2))
    first, *_ = sorted((out / "unfinished").rglob("codes.npy"))
    first.write_bytes(first.read_bytes()[:-1])
    again = NumberEncoder()
    report = build(guide, out, again)
    assert len(again.tokenized) == report.passages - _PARTS

    with pytest.raises(KeyboardInterrupt):
        build(guide, tmp_path / "b", Ending(2))
    other = NumberEncoder(revision="2")
    assert len(other.tokenized) == 0
    build(guide, tmp_path / "b", other)
    assert len(other.tokenized) == report.passages
