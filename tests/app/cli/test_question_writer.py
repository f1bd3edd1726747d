"""The chat model as a writer of questions, scripted and over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from aiohttp import web

from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.chat_models.scripted import ScriptedChatModel
from app.cli.question_writer import ChatQuestionWriter
from app.record.errors import ModelBusy
from app.record.types import Message
from index.types import Passage, PassageKind
from tests.app.chat_models.test_chat_models import server

PASSAGE = Passage(
    "kv/faq/0", PassageKind.FAQ, "kv", "KV cache", "What is it?", "It keeps keys.\u200b {{count}}"
)


async def test_the_passage_goes_into_the_prompt_as_data() -> None:
    model = ScriptedChatModel(["What is kept?\n", "cache keys"])
    writer = ChatQuestionWriter(model, 2)
    assert await writer.questions(PASSAGE, 4) == "What is kept?\ncache keys"
    (prompt,) = model.prompts
    assert prompt[0].content.startswith("KV cache: What is it?\nIt keeps keys. {{count}}\n")
    assert "Write 4 questions" in prompt[0].content
    assert await writer.questions(PASSAGE, 4)
    assert model.decodings[0] == model.decodings[1]
    assert model.decodings[0].seed is not None


class Busy(ScriptedChatModel):
    """Refuses the first calls."""

    def __init__(self, refusals: int) -> None:
        super().__init__(self._play)
        self.refusals = refusals

    def _play(self, _: Sequence[Message]) -> list[str]:
        if self.refusals:
            self.refusals -= 1
            raise ModelBusy("come back later", retry_after=0.01)
        return ["What is kept?"]


async def test_a_busy_model_is_asked_again_a_few_times() -> None:
    assert await ChatQuestionWriter(Busy(4), 1).questions(PASSAGE, 2) == "What is kept?"
    with pytest.raises(ModelBusy):
        await ChatQuestionWriter(Busy(5), 1).questions(PASSAGE, 2)


def test_the_identity_names_model_prompt_and_sampling() -> None:
    one = ChatQuestionWriter(ScriptedChatModel([], name="one"), 1).identity
    other = ChatQuestionWriter(ScriptedChatModel([], name="other"), 8).identity
    assert set(one) == {"model", "prompt", "sampling"}
    assert one["model"] == "one"
    assert dict(one) == {**other, "model": "one"}


async def test_over_http_as_many_at_once_as_asked_for() -> None:
    at_once, most = 0, 0

    async def chat(request: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        body = (
            'data: {"choices":[{"delta":{"content":"What is kept?"},"finish_reason":"stop"}]}\n\n'
            "data: [DONE]\n\n"
        )
        return web.Response(text=body, content_type="text/event-stream")

    async with server(chat) as url:
        model = OpenAiCompatibleModel(url)
        await model.load()
        writer = ChatQuestionWriter(model, 4)
        assert writer.identity["model"] == "tiny"
        written = await asyncio.gather(*(writer.questions(PASSAGE, 1) for _ in range(4)))
        await writer.close()
    assert written == ["What is kept?"] * 4
    assert most == 4
