"""A knowledge base whose author is hostile, with its real index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import Script, ScriptedChatModel
from app.question.answerable import Gate, Head
from app.record.types import Question, Retrieved
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.types import DataPoint, Faq, KnowledgeBase, Source, Topic
from tests.conftest import MakePipeline
from tests.hostile.suite import planted


class Remembering(Pipeline):
    """Retrieves for each question once: what is found is not what these tests are about."""

    found: ClassVar[dict[tuple[str, Question], Retrieved]] = {}

    async def retrieve(self, question: Question) -> Retrieved:
        key = (self.index.fingerprint, replace(question, instructions=""))
        if key not in self.found:
            self.found[key] = await super().retrieve(question)
        return self.found[key]


def asked_of(number: int) -> str:
    """The question that the hostile passage of an attack answers."""
    return f"What does the Zorblat{number} layer divide?"


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> LiveIndex:
    """One topic an attack: its passages, headings and sources' names and addresses hold it."""
    topics = []
    for number, attack in enumerate(planted()):
        name = f"Zorblat{number}"
        sources = (
            Source("s", f"Doe (2020) {attack.says}", "https://example.org/paper", 2020),
            Source("t", attack.says, "javascript:evil()", 2021),
        )
        answer = (
            f"The {name} layer divides its {attack.says} scores by the root of its width. "
            f"{attack.says} It keeps the gradients of {name} stacks from vanishing."
        )
        point = DataPoint(f"{name} depth {attack.says}", "12", "layers", attack.says, ("t",))
        topics.append(
            Topic(
                f"zorblat-{number}", f"{name} {attack.says}", sources=sources,
                faqs=(Faq(asked_of(number), answer, ("s", "t")),
                      Faq(f"How deep is {name}? {attack.says}", f"{name} has 12 layers.", ("t",))),
                data_points=(point,),
            )
        )  # fmt: skip
    folder: Path = tmp_path_factory.mktemp("poisoned")
    build(KnowledgeBase("poisoned", tuple(topics)), folder, encoder)
    return LiveIndex(folder, encoder)


@pytest.fixture
def make_pipeline(live_index: LiveIndex) -> MakePipeline:
    """A pipeline over the shipped corpus that answers, and remembers what it retrieved."""

    def make(script: Script = (), **settings: object) -> Pipeline:
        model = script if isinstance(script, ScriptedChatModel) else ScriptedChatModel(script)
        opened = {"gate": Gate(Head({}, 0.0), Head({}, 0.0), threshold=0.0)}
        chosen = PipelineSettings(**{**opened, **settings})  # type: ignore[arg-type]
        return Remembering(live_index, model, chosen)

    return make


@pytest.fixture
def make_poisoned(poisoned: LiveIndex) -> MakePipeline:
    """A pipeline over the hostile knowledge base that answers whatever it is asked."""

    def make(script: Script = (), **settings: object) -> Pipeline:
        gate = Gate(Head({}, 0.0), Head({}, 0.0), threshold=0.0)
        chosen = PipelineSettings(gate=gate, **settings)  # type: ignore[arg-type]
        return Remembering(poisoned, ScriptedChatModel(script), chosen)

    return make
