"""The whole product in front of a real vLLM: what reaches the engine and what comes back."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Callable

import httpx
import pytest
from openai import OpenAI

import prompts
from app.chat_models import Decoding, Finished, Piece
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.config.personas import resolve
from app.record.errors import ContextOverflow
from app.record.types import Message
from scripts.vllm.choice import Table, pretended_gpus
from scripts.vllm.environment import python_of
from tests.conftest import ROOT
from tests.scripted import until
from tests.vllm.conftest import Engine

ASKED = "Why are attention scores divided by the square root of d_k?"
OTHERS = (
    "How large does the KV cache get?",
    "What is nucleus sampling?",
    "Why does LoRA save memory?",
    "How many tokens does a compute-optimal model need?",
)
BRIEF = [Message("system", "You answer briefly."), Message("user", "Name three primary colors.")]
BLOCK = 128  # tokens: in these vLLM's CPU engine caches prefixes


def body(question: str, **fields: object) -> dict[str, object]:
    asked = {"model": "citewise-expert", "messages": [{"role": "user", "content": question}]}
    return {**asked, **fields}


async def text_of(model: OpenAiCompatibleModel, decoding: Decoding) -> tuple[str, Finished]:
    events = [event async for event in model.stream(BRIEF, decoding)]
    last = events[-1]
    assert isinstance(last, Finished)
    return "".join(event.text for event in events if isinstance(event, Piece)), last


def test_an_answer_streams(address: str) -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0)
    times, text, reason = [], "", None
    for chunk in client.chat.completions.create(
        model="citewise-expert",
        messages=[{"role": "user", "content": ASKED}],
        max_tokens=150,
        temperature=0,
        stream=True,
    ):
        choice = chunk.choices[0]
        if choice.delta.content:
            times.append(time.monotonic())
            text += choice.delta.content
        reason = choice.finish_reason or reason
    assert len(times) >= 2
    assert times[-1] - times[0] > 0.1, "it came all at once"
    assert len(text) > 40
    assert reason in ("stop", "length")


def test_all_sampling_reaches_the_engine(engine: Engine, address: str) -> None:
    asked = body(ASKED, temperature=0.61, top_p=0.83, seed=1234, stop=["QQQ"], max_tokens=37)
    reply = httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=120)
    assert reply.status_code == 200
    seen = [line for line in engine.log().splitlines() if "seed=1234" in line]
    assert len(seen) == 1
    for chosen in ("temperature=0.61", "top_p=0.83", "stop=['QQQ']", "max_tokens=37", "n=1"):
        assert chosen in seen[0]
    # Nothing of the model's own beside what was asked for.
    for neutral in ("top_k=0", "min_p=0.0", "presence_penalty=0.0", "repetition_penalty=1.0"):
        assert neutral in seen[0]


async def test_sampling_does_what_it_says(engine: Engine) -> None:
    model = OpenAiCompatibleModel(engine.url)
    greedy, ended = await text_of(model, Decoding(0.0, 1.0, 24))
    assert (ended.reason, ended.usage.completion_tokens) == ("length", 24)
    narrow, _ = await text_of(model, Decoding(1.5, 0.0001, 24, seed=3))
    assert narrow == greedy
    first, _ = await text_of(model, Decoding(1.5, 0.98, 24, seed=1))
    again, _ = await text_of(model, Decoding(1.5, 0.98, 24, seed=1))
    assert again == first
    others = [(await text_of(model, Decoding(1.5, 0.98, 24, seed=seed)))[0] for seed in (2, 3)]
    assert any(other != first for other in others)
    word = greedy.split()[3]
    cut, ended = await text_of(model, Decoding(0.0, 1.0, 24, stop=(word,)))
    assert ended.reason == "stop"
    assert greedy.startswith(cut)
    assert word not in cut
    await model.close()


@pytest.mark.parametrize("stream", [True, False])
async def test_who_leaves_stops_the_engine_within_a_second(
    engine: Engine, address: str, stream: bool
) -> None:
    asked = body(ASKED, max_tokens=2000, stream=stream, temperature=1.0)

    def runs(answers: int) -> Callable[[], bool]:
        return lambda: engine.running == answers

    async with httpx.AsyncClient(timeout=300) as http:

        async def ask() -> None:
            at = f"{address}/v1/chat/completions"
            async with http.stream("POST", at, json=asked) as reply:
                async for _ in reply.aiter_raw():
                    pass

        asking = asyncio.create_task(ask())
        await asyncio.to_thread(until, "the engine writes", runs(1))
        await asyncio.sleep(1)
        assert engine.running == 1
        asking.cancel()
        took = await asyncio.to_thread(until, "the engine has stopped", runs(0), 10)
    assert took < 1.0
    assert engine.metric("vllm:num_requests_waiting") == 0


def test_a_personas_second_question_finds_its_prefix_cached(engine: Engine, address: str) -> None:
    def ask(question: str) -> float:
        before = engine.metric("vllm:prefix_cache_hits_total")
        asked = {**body(question, max_tokens=8), "model": "citewise-architect"}
        httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=120).raise_for_status()
        return engine.metric("vllm:prefix_cache_hits_total") - before

    ask(ASKED)
    persona = resolve("citewise-architect", {})
    parts = [persona.system, prompts.text("contract.md"), prompts.text("demonstrations.md")]
    system = "\n\n".join(part.strip() for part in parts)
    shared = engine.tokens(Message("system", system))
    assert shared > 4 * BLOCK
    for question in OTHERS[:2]:
        assert ask(question) >= shared - 2 * BLOCK


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("what", ["question", "answer"])
def test_what_does_not_fit_is_refused_before_any_token(
    engine: Engine, address: str, stream: bool, what: str
) -> None:
    long = " ".join(f"{ASKED} (case {n})" for n in range(700))
    fields = {"max_tokens": 64} if what == "question" else {"max_tokens": 8192}
    asked = body(long if what == "question" else ASKED, stream=stream, **fields)
    written = engine.metric("vllm:generation_tokens_total")
    reply = httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=120)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "context" in error["message"]
    assert engine.metric("vllm:generation_tokens_total") == written


async def test_the_engines_own_refusal_is_told_as_what_it_is(engine: Engine) -> None:
    model = OpenAiCompatibleModel(engine.url)
    long = [Message("user", "word " * 9000)]
    with pytest.raises(ContextOverflow, match="8192"):
        await anext(model.stream(long, Decoding(0.0, 1.0, 16)))
    assert await model.count_tokens(long) > 8192
    assert model.context_tokens == 8192
    await model.close()


def test_usage_is_the_engines_own(engine: Engine, address: str) -> None:
    def counted() -> tuple[float, float]:
        names = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")
        return engine.metric(names[0]), engine.metric(names[1])

    for question in OTHERS:
        before = counted()
        asked = body(question, max_tokens=40, temperature=0.8)
        reply = httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=120).json()
        after = counted()
        used = reply["usage"]
        assert used["prompt_tokens"] == after[0] - before[0]
        assert used["completion_tokens"] == after[1] - before[1]
        assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"]


async def test_sixteen_conversations_at_once(engine: Engine, address: str) -> None:
    most = 0.0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, await asyncio.to_thread(lambda: engine.running))
            await asyncio.sleep(0.2)

    async def talk(http: httpx.AsyncClient, number: int) -> list[str]:
        messages: list[dict[str, str]] = []
        said = []
        for question in (OTHERS[number % 4], "Why is that so?"):
            messages.append({"role": "user", "content": question})
            asked = {**body(""), "messages": messages, "max_tokens": 64, "seed": number}
            reply = await http.post(f"{address}/v1/chat/completions", json=asked)
            assert reply.status_code == 200, reply.text
            choice = reply.json()["choices"][0]
            said.append(choice["message"]["content"])
            # Where the draft is dropped, the first sentence of the evidence may need more tokens.
            assert said[-1] or choice["finish_reason"] == "length"
            messages.append({"role": "assistant", "content": said[-1]})
        return said

    watching = asyncio.create_task(watch())
    async with httpx.AsyncClient(timeout=400) as http:
        talks = await asyncio.gather(*(talk(http, number) for number in range(16)))
    watching.cancel()
    assert sum(bool(text) for said in talks for text in said) > 16
    assert most > 8
    until("all has ended", lambda: engine.running == 0, 5)


async def test_several_drafts_come_of_one_call(engine: Engine) -> None:
    model = OpenAiCompatibleModel(engine.url)
    drafts = ["", "", ""]
    async for event in model.stream(BRIEF, Decoding(1.3, 0.98, 12, seed=5, n=3)):
        if isinstance(event, Piece):
            drafts[event.choice] += event.text
        else:
            assert event.usage.completion_tokens > 24
    assert all(drafts)
    assert len(set(drafts)) > 1
    await model.close()


def test_vllm_itself_accepts_every_command_of_the_table(engine: Engine) -> None:
    """Flags and their JSON, read by the parser of the pinned version; no GPU is asked for."""
    sizes = ("8", "12", "16", "24@8.6", "24", "32", "40@8.0", "48", "2x24", "80", "4x80", "8x80@8")
    plans = [Table.shipped().for_gpus(pretended_gpus(size)) for size in sizes]
    commands = [[plan.model, *plan.arguments] for plan in plans]
    code = """
import json, sys
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())
for model, *words in json.loads(sys.argv[1]):
    read = AsyncEngineArgs.from_cli_args(parser.parse_args(["--model", model, *words]))
    print(json.dumps([read.model, read.max_model_len, read.tensor_parallel_size,
                      read.enable_prefix_caching, read.speculative_config["method"]]))
"""
    done = subprocess.run(
        [str(python_of("cpu")), "-c", code, json.dumps(commands)],
        cwd=ROOT, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    read = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [row[0] for row in read] == [plan.model for plan in plans]
    assert all(row[1] >= 8192 and row[3] and row[4] == "ngram" for row in read)
    assert re.search(r"235B", read[-1][0])
    assert read[-1][2] == 8
