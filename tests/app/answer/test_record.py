"""The record of an answer holds what is needed to understand it."""

from __future__ import annotations

import json
from dataclasses import replace

from pydantic import TypeAdapter

from app.answer.pipeline import Pipeline, PipelineSettings
from app.answer.prompt_builder import Delimiter
from app.chat_models.openvino_local import OpenVinoChatModel
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


async def answered(
    pipeline: Pipeline, question: Question, delimiter: Delimiter | None = None
) -> Answer:
    last = [event async for event in pipeline.answer(question, delimiter=delimiter)][-1]
    assert isinstance(last, Final)
    return last.answer


async def test_the_record_is_whole_and_reads_back_as_it_was(
    make_pipeline: MakePipeline,
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
    assert TypeAdapter(Answer).validate_python(json.loads(json.dumps(answer.as_dict()))) == answer


async def test_the_embedded_model_writes_the_same_again(
    live_index: LiveIndex,
) -> None:
    model = OpenVinoChatModel(None, ROOT / ".cache")
    pipeline = Pipeline(live_index, model, PipelineSettings(answer_mode="draft"))
    question = Question(ASKED.text, sampling=Sampling(temperature=0.8, max_tokens=48))
    first = await answered(pipeline, question)
    assert first.sampling.seed is not None
    again = replace(question, sampling=replace(question.sampling, seed=first.sampling.seed))
    second = await answered(pipeline, again, Delimiter(first.delimiter))
    assert second.dropped == first.dropped
    assert second.text == first.text
    await model.close()
