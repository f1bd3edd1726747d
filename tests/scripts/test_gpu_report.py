"""The GPU report: what is missing is told, time is kept, and the page holds what was measured."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from aiohttp import ClientSession

from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.chat_models.scripted import ScriptedChatModel
from app.record.types import Message
from app.verifying.served import chance_of_yes
from scripts.embedded_server import running_server
from scripts.gpu_report import Measured, Part, Report, measured, parts


def test_a_part_is_measured_broken_off_or_told_as_missing() -> None:
    good = measured(Part("a", "A", ("json.tool", "--help")), time.monotonic() + 60)
    assert "usage" in good.text
    assert good.why == ""
    bad = measured(Part("b", "B", ("json.tool", "/nowhere")), time.monotonic() + 60)
    assert "status" in bad.why
    slow = measured(Part("c", "C", ("http.server", "0")), time.monotonic() + 0.5)
    assert slow.why
    assert slow.seconds < 30
    late = measured(Part("d", "D", ("json.tool",)), time.monotonic() - 1)
    assert (late.text, late.seconds) == ("", 0.0)
    assert late.why


def test_the_page_has_every_part_and_what_is_missing() -> None:
    made = [Measured("a", "Alpha", "python -m a", 3.0, "| x |"),
            Measured("b", "Beta", "python -m b", 0.0, "", "no time was left")]  # fmt: skip
    page = Report("a model", "a machine", made).markdown()
    for word in ("a model", "a machine", "Alpha", "python -m a", "| x |", "no time was left"):
        assert word in page


def test_serving_is_measured_only_in_front_of_vllm(tmp_path: Path) -> None:
    named = [
        {part.name for part in parts("http://x/v1", tmp_path, questions=2, pairs=2, serving=s)}
        for s in (False, True)
    ]
    assert named[1] - named[0] == {"serving"}


async def test_the_model_in_process_answers_as_a_server_does() -> None:
    """Whole, streamed, and with the chance of yes, as its client reads them."""
    model = ScriptedChatModel(["Keys ", "and values."], yes=lambda prompt: 0.75)
    async with running_server(model) as url:
        body = {"model": model.name, "messages": [{"role": "user", "content": "What is kept?"}]}
        async with ClientSession() as http, http.post(f"{url}/chat/completions", json=body) as got:
            reply = json.loads(await got.read())
        assert reply["choices"][0]["message"]["content"] == "Keys and values."
        client = OpenAiCompatibleModel(url)
        chance, usage = await chance_of_yes(client, "It keeps keys.", "Keys are kept.")
        assert chance == pytest.approx(0.75)
        assert usage.prompt_tokens == await model.count_tokens(model.prompts[-1])
        assert model.prompts[-1][-1] == Message("user", model.prompts[-1][-1].content)
        await client.close()
