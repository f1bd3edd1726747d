"""What is said before an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.question.language import reply
from app.record.types import Question, final_answer
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.types import Faq, KnowledgeBase, Topic
from scripts.audit_answers import OPEN


@pytest.mark.parametrize(
    ("written", "notice"),
    [
        ("Die Maschine wird jeden Montag mit warmem Wasser gereinigt.", False),
        ("The machine is cleaned with warm water every Monday.", True),
    ],
)
async def test_only_an_english_answer_is_called_english(
    written: str, notice: bool, tmp_path: Path, encoder: Encoder
) -> None:
    question = "Wie wird die Maschine gereinigt?"
    topic = Topic("maschine", "Die Maschine", faqs=(Faq(question, written, ()),))
    build(KnowledgeBase("kb", (topic,)), tmp_path, encoder)
    made = PipelineSettings(answer_mode="compose", gate=OPEN)
    pipeline = Pipeline(LiveIndex(tmp_path, encoder), ScriptedChatModel(()), made)
    answer = await final_answer(pipeline.answer(Question(question)))
    assert written[:-1] in answer.text
    assert (reply("de", "written_in_english") in answer.text) is notice
