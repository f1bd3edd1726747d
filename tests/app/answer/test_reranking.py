"""A reranker in the pipeline and on the command line: it orders, and judges nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import main as app_main
from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import load_settings
from app.record.types import Question
from app.service import open_reranker
from index.__main__ import main as index_main
from index.errors import WeightsError
from index.live import LiveIndex
from index.rerankers import Scores
from tests.index import tiny_models

ASKED = "Why are attention scores divided by the square root of d_k?"


class Backwards:
    """Likes best what came last."""

    name = "backwards"

    def __init__(self) -> None:
        self.read: list[int] = []

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        self.read.append(len(texts))
        return np.arange(len(texts), dtype=np.float32)


async def test_it_orders_the_first_hits_and_the_gate_judges_as_without(
    live_index: LiveIndex,
) -> None:
    reranker, model = Backwards(), ScriptedChatModel([])
    settings = PipelineSettings(rerank_depth=8)
    plain = Pipeline(live_index, model, settings)
    reranked = Pipeline(live_index, model, settings, reranker=reranker)
    before = await plain.retrieve(Question(ASKED, passages=12))
    after = await reranked.retrieve(Question(ASKED, passages=12))
    ids = [hit.passage.id for hit in before.hits]
    assert [hit.passage.id for hit in after.hits] == ids[:8][::-1] + ids[8:]
    assert after.hits[0].trace["fused_rank"] == 8
    assert "rerank" in after.timings
    assert "rerank" not in before.timings
    for field in ("confidence", "answerable", "index_fingerprint"):
        assert getattr(after, field) == getattr(before, field)
    few = await reranked.retrieve(Question(ASKED, passages=3))
    assert [hit.passage.id for hit in few.hits] == ids[:8][::-1][:3]
    assert reranker.read == [8, 8]


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_the_commands_take_one_by_its_folder(
    tmp_path: Path, shipped_index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tiny_models.save_cross_encoder(tmp_path / "ce"))
    capsys.readouterr()
    shared = ["--index", str(shipped_index)]
    assert index_main(["search", ASKED, "-k", "5", "--json", *shared]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert index_main(["search", ASKED, "-k", "5", "--json", "--reranker", folder, *shared]) == 0
    reranked = json.loads(capsys.readouterr().out)
    scores = [hit["trace"]["rerank"] for hit in reranked["hits"]]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert all("rerank" not in hit["trace"] for hit in plain["hits"])
    assert "rerank" in reranked["timings_ms"]
    assert index_main(["search", ASKED, "-k", "2", "--reranker", folder, *shared]) == 0
    assert "(was " in capsys.readouterr().out
    assert app_main(["retrieve", ASKED, "-k", "5", "--reranker", folder, *shared]) == 0
    shown = capsys.readouterr().out.splitlines()
    given = {line.split()[2]: line for line in shown if "reranked" in line}
    assert len(given) == 5
    # A question for what is asked of by name may put its definition first; scores are the same.
    same = [hit for hit in reranked["hits"] if hit["ref"] in given]
    assert len(same) >= 3
    assert all(f"reranked {hit['trace']['rerank']:.2f} " in given[hit["ref"]] for hit in same)


def test_none_is_loaded_unless_it_is_set(tmp_path: Path) -> None:
    assert open_reranker(load_settings()) is None
    with pytest.raises(WeightsError):
        open_reranker(load_settings(reranker=str(tmp_path), encoder_engine="openvino"))
