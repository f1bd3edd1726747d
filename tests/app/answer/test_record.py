"""The record of an answer holds what is needed to understand and replay it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.openvino_local import OpenVinoChatModel
from app.chat_models.scripted import ScriptedChatModel
from app.cli.replay import read_record, replay
from app.record.errors import RequestError
from app.record.types import Answer, Final, Message, Question, Sampling
from index.live import LiveIndex
from tests.conftest import ROOT, MakePipeline

ASKED = Question(
    "Why are attention scores divided by the square root of d_k?",
    (Message("user", "What is attention?"), Message("assistant", "A weighted mean.")),
    "citewise-architect",
    Sampling(seed=11),
    "Be brief.",
    4,
)


async def answered(pipeline: Pipeline, question: Question) -> Answer:
    last = [event async for event in pipeline.answer(question)][-1]
    assert isinstance(last, Final)
    return last.answer


def saved(answer: Answer, folder: Path) -> Path:
    path = folder / "record.json"
    path.write_text(json.dumps(answer.as_dict()), encoding="utf-8")
    return path


async def test_the_record_is_whole_and_reads_back_as_it_was(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    said = (
        "Dividing by √d_k keeps the scores at a stable size whatever the head width [1]. Bananas."
    )
    answer = await answered(make_pipeline([said], answer_mode="draft"), ASKED)
    assert answer.question == ASKED
    assert answer.sampling.seed == 11
    assert answer.sampling.temperature is not None
    assert answer.claims
    assert answer.dropped[0].reason
    assert answer.citations[0].quote
    assert len(answer.prompt_sha256) == len(answer.prefix_sha256) == 64
    assert answer.index_fingerprint
    assert {"retrieve", "prompt", "first_token", "first_sentence", "drafted", "total"} <= set(
        answer.timings
    )
    assert read_record(saved(answer, tmp_path)) == answer


async def test_a_replay_asks_the_same_and_tells_what_differs(
    make_pipeline: MakePipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "Dividing by √d_k keeps the scores at a stable size whatever the head width [1]."
    first = ScriptedChatModel([said])
    record = read_record(
        saved(await answered(make_pipeline(first, answer_mode="draft"), ASKED), tmp_path)
    )
    second = ScriptedChatModel([said])
    assert await replay(make_pipeline(second, answer_mode="draft"), record)
    assert second.prompts == first.prompts
    assert second.decodings == first.decodings
    assert "the same answer" in capsys.readouterr().err
    other = make_pipeline(["Something else."], answer_mode="draft")
    assert not await replay(other, record)
    assert "text differ" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{}", "[1]", "{oops", '{"id": "a", "text": "b"}'])
def test_a_file_that_is_no_record_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=r"r\.json"):
        read_record(path)


async def test_the_embedded_model_writes_the_same_again(
    live_index: LiveIndex, tmp_path: Path
) -> None:
    model = OpenVinoChatModel(None, ROOT / ".cache")
    pipeline = Pipeline(live_index, model, PipelineSettings(answer_mode="draft"))
    question = Question(ASKED.text, sampling=Sampling(temperature=0.8, max_tokens=24))
    first = await answered(pipeline, question)
    assert first.sampling.seed is not None
    assert await replay(pipeline, read_record(saved(first, tmp_path)))
    await model.close()
