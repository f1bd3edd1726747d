"""A server picks up a rebuilt index under load, and never goes down with a bad one."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from index.build import build
from index.encoders import Encoder, Progress, Vectors
from index.errors import IndexUnusable
from index.live import LiveIndex
from index.types import KnowledgeBase
from tests.index.dying import NumberEncoder, knowledge


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def serves(live: LiveIndex, fingerprint: str) -> bool:
    return eventually(lambda: live.retriever().index.fingerprint == fingerprint)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]


@pytest.mark.real
def test_rebuilds_under_load_fail_no_request(tmp_path: Path) -> None:
    encoder = NumberEncoder()
    names = {build(knowledge("w0"), tmp_path, encoder).fingerprint}
    live = LiveIndex(tmp_path, encoder, look_every=0)
    stop = threading.Event()
    errors: list[BaseException] = []
    seen: set[str] = set()

    def ask() -> None:
        try:
            while not stop.is_set():
                retriever = live.retriever()
                result = retriever.search("What is it?", 3)
                assert len(result.hits) == 3
                seen.add(retriever.index.fingerprint)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 7):
            report = build(knowledge(f"w{number}"), tmp_path, NumberEncoder())
            names.add(report.fingerprint)
            assert serves(live, report.fingerprint)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors
    assert len(seen) > 3
    assert seen <= names


def test_a_real_index_is_followed(
    index_dir: Path, minilm: Encoder, first_faq_changed: Callable[[str], KnowledgeBase]
) -> None:
    live = LiveIndex(index_dir, minilm, look_every=0)
    kept = live.retriever()
    report = build(first_faq_changed("Where do the penguins live?"), index_dir, minilm)
    assert serves(live, report.fingerprint)
    hit = live.retriever().search("Where do the penguins live?", 1).hits[0]
    assert hit.passage.heading == "Where do the penguins live?"
    # An answer that began with the old one ends with it.
    assert kept.index.fingerprint != report.fingerprint
    assert kept.search("penguins", 1).hits[0].passage.heading != "Where do the penguins live?"


def test_a_damaged_one_is_not_used_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = NumberEncoder()
    good = build(knowledge("good"), tmp_path, encoder)
    live = LiveIndex(tmp_path, encoder, look_every=0)
    other = tmp_path / "elsewhere"
    bad = build(knowledge("bad"), other, encoder)
    (bad.directory / "texts.jsonl").write_text("")
    shutil.move(bad.directory, tmp_path / bad.fingerprint)
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to(bad.fingerprint)
    with caplog.at_level(logging.ERROR):
        assert eventually(lambda: bool(live.retriever() and complaints(caplog)))
    assert "texts.jsonl is damaged" in complaints(caplog)[0]
    assert live.index.fingerprint == good.fingerprint
    for _ in range(50):  # said once, not at every request
        live.retriever()
    assert len(complaints(caplog)) == 1
    mended = build(knowledge("bad"), tmp_path, encoder)
    assert mended.fingerprint == bad.fingerprint
    assert serves(live, mended.fingerprint)


def test_a_foreign_encoders_index_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = build(knowledge("good"), tmp_path, NumberEncoder())
    live = LiveIndex(tmp_path, NumberEncoder(), look_every=0)
    build(knowledge("good"), tmp_path, NumberEncoder(pooling="cls"))
    with caplog.at_level(logging.ERROR):
        assert eventually(lambda: bool(live.retriever() and complaints(caplog)))
    assert "pooling 'cls' != 'mean'" in complaints(caplog)[0]
    assert live.retriever().index.fingerprint == good.fingerprint


@pytest.mark.parametrize("spoil", ["nothing", "file", "folder", "dangling"])
def test_whatever_becomes_of_current_requests_are_served(tmp_path: Path, spoil: str) -> None:
    encoder = NumberEncoder()
    build(knowledge("good"), tmp_path, encoder)
    live = LiveIndex(tmp_path, encoder, look_every=0)
    place = tmp_path / "current"
    place.unlink()
    if spoil == "file":
        place.write_text("x")
    elif spoil == "folder":
        place.mkdir()
    elif spoil == "dangling":
        place.symlink_to("nowhere")
    for _ in range(20):
        assert live.retriever().search("What is good?", 1).hits
        time.sleep(0.002)


class Watching(NumberEncoder):
    """Notes what a server sees while texts are encoded."""

    def __init__(self, live: LiveIndex, dies: bool = False) -> None:
        super().__init__()
        self.live, self.dies, self.seen = live, dies, False

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.seen = self.live.renewing
        if self.dies:
            raise MemoryError
        return super().encode_passages(texts, progress)


def test_a_build_is_seen_while_it_runs_and_no_longer(tmp_path: Path) -> None:
    build(knowledge("good"), tmp_path, NumberEncoder())
    live = LiveIndex(tmp_path, NumberEncoder())
    dying, living = Watching(live, dies=True), Watching(live)
    assert not live.renewing
    with pytest.raises(MemoryError):
        build(knowledge("bad"), tmp_path, dying)
    assert dying.seen
    assert not live.renewing
    build(knowledge("better"), tmp_path, living)
    assert living.seen
    assert not live.renewing


def test_it_looks_no_more_often_than_told(tmp_path: Path) -> None:
    encoder = NumberEncoder()
    first = build(knowledge("a"), tmp_path, encoder)
    live = LiveIndex(tmp_path, encoder, look_every=3600)
    build(knowledge("b"), tmp_path, encoder)
    for _ in range(20):
        assert live.retriever().index.fingerprint == first.fingerprint


def test_no_index_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable, match="no index in"):
        LiveIndex(tmp_path, NumberEncoder())
