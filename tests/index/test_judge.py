"""The judge serves what was trained, and tells apart texts that it was not trained on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from index import judge
from index.encoders.tensors import map_tensors
from index.errors import WeightsError
from index.judge import WEIGHTS, load_pair_judge
from index.judge.interaction import Interaction
from index.judge.states import TokenStates
from index.sources import SHIPPED, read_all
from scripts.training.claims_data import shipped_passages
from scripts.training.judge_data import JudgedPair, pairs_of
from scripts.training.judge_model import JudgeModel, batch_of

pytestmark = pytest.mark.real
PASSAGE = (
    "How much memory does the KV cache take?",
    "The cache holds a key and a value for each token, layer and key-value head. Grouped-query "
    "attention shares key-value heads among query heads, which makes the cache smaller.",
)


def test_what_serves_computes_what_was_trained() -> None:
    weights = dict(map_tensors(WEIGHTS))
    states = TokenStates()
    asked, other = states.of("Why is GQA smaller?"), states.of("x")
    read, short = states.of(*PASSAGE), states.of("KV", "cache")
    model = JudgeModel(asked[0].shape[1] // 2).eval()
    model.load_state_dict({n: torch.from_numpy(w.astype(np.float32)) for n, w in weights.items()})
    ours = Interaction(weights)
    for task in ("answers", "supports"):
        with torch.inference_mode():
            texts = batch_of([asked, other, asked], padding=-1)
            theirs = model(task, texts, batch_of([read, read, short], padding=-2)).tolist()
        pairs = [(asked, read), (other, read), (asked, short)]
        found = [ours(task, ours.reading(*a), ours.evidence(*b)) for a, b in pairs]
        assert found == pytest.approx(theirs, abs=1e-3)


def _told_apart(pairs: list[JudgedPair]) -> float:
    """The chance that a true pair scores higher than a false one."""
    judge, passages = load_pair_judge(), shipped_passages()
    odds: dict[bool, list[float]] = {True: [], False: []}
    for pair in pairs:
        ask = judge.answers if pair.task == "answers" else judge.supports
        passage = passages[pair.ref]
        odds[pair.true].append(float(ask(pair.text, [(passage.heading, passage.text)])[0]))
    true, false = np.array(odds[True]), np.array(odds[False])
    return float((true[:, np.newaxis] > false).mean())


def test_it_tells_apart_what_it_was_not_trained_on() -> None:
    pairs = pairs_of(read_all([f"ai={SHIPPED}"]).knowledge_base, "test")
    # Put in the same way: what tells them apart is whether the passage answers.
    asked = [pair for pair in pairs if pair.kind in ("twin", "near miss")]
    claims = [pair for pair in pairs if pair.task == "supports"]
    assert _told_apart(asked[:: len(asked) // 120]) > 0.9
    assert _told_apart(claims[:: len(claims) // 120]) > 0.7


def test_texts_of_any_length_are_read_and_none_gives_none() -> None:
    judge = load_pair_judge()
    assert judge.answers("anything", []).shape == (0,)
    odds = judge.answers("long " * 2000, [("", ""), ("h", "word " * 5000), PASSAGE])
    assert odds.shape == (3,)
    assert np.isfinite(odds).all()
    assert np.isfinite(judge.supports("", [PASSAGE])).all()


def test_threads_share_a_judge() -> None:
    judge = load_pair_judge()
    alone = judge.answers("Why is GQA smaller?", [PASSAGE]).tolist()
    found: list[list[float]] = []

    def ask() -> None:
        found.append(judge.answers("Why is GQA smaller?", [PASSAGE]).tolist())

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [pytest.approx(alone, abs=1e-4)] * 6


@pytest.fixture
def not_loaded_yet() -> Iterator[None]:
    judge._loaded.cache_clear()
    yield
    judge._loaded.cache_clear()


@pytest.mark.usefixtures("not_loaded_yet")
def test_who_asks_at_once_shares_one() -> None:
    with ThreadPoolExecutor(4) as threads:
        loaded = {id(one) for one in threads.map(lambda _: load_pair_judge(), range(4))}
    assert len(loaded) == 1


@pytest.mark.usefixtures("not_loaded_yet")
@pytest.mark.parametrize("content", [None, b"", b"no weights"])
def test_weights_that_cannot_be_read_are_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "weights.safetensors"
    if content is not None:
        place.write_bytes(content)
    monkeypatch.setattr(judge, "WEIGHTS", place)
    with pytest.raises(WeightsError, match=str(place)):
        load_pair_judge()
