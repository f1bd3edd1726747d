"""The served model as judge, over HTTP: what it says decides, and what it can't say is no fault."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models import Finished
from app.chat_models.breaker import Breaker
from app.chat_models.guarded import GuardedModel, Patience
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.chat_models.openai_stream import chance_of_yes
from app.chat_models.scripted import ScriptedChatModel
from app.record.evidence import Evidence
from app.record.reasons import Reason
from app.record.types import Final, Message, Question, Usage
from app.verifying import choosing, served
from app.verifying.choosing import verifier_for
from app.verifying.reading import ReadingVerifier
from app.verifying.served import JudgeCalibration, ServedVerifier, Shares
from app.verifying.supports import LexicalVerifier
from index.live import LiveIndex
from index.types import Hit, Passage, PassageKind
from tests.app.answer.test_pipeline import ASKED, passage
from tests.conftest import MakePipeline

TEXT = "The cache keeps keys and values. It takes 2.15 GB for 4,096 tokens."
EVIDENCE = [
    Evidence(1, Hit(Passage("t/faq/0", PassageKind.FAQ, "t", "Cache", "What is kept?", TEXT), 0.9))
]
FREE = "Earlier attention state is stored, 2.15 GB of it for 4,096 tokens."
FAULTS = ("no logprobs", "refuses them", "neither", "nonsense", "silent", "500", "garbage")


@dataclass
class JudgeServer:
    """An OpenAI-compatible server that drafts slowly and judges as it is told."""

    yes: float = 0.9
    fault: str = ""
    seconds: float = 0.0
    draft: tuple[str, ...] = ()
    judged: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # the prompts of judgements
    running: int = 0
    most: int = 0  # judgements at once
    during_draft: int = 0
    drafting: bool = False
    cached: int = 0  # of a judgement's 100 tokens

    async def models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": "served", "max_model_len": 32768}]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("logprobs"):
            return await self.write(request, body)
        self.judged.append(body)
        self.asked.append(body["messages"][-1]["content"])
        self.running += 1
        self.most = max(self.most, self.running)
        self.during_draft += self.drafting
        try:
            await asyncio.sleep(30 if self.fault == "silent" else self.seconds)
        finally:
            self.running -= 1
        if self.fault == "500":
            return web.json_response({"error": {"message": "broken"}}, status=500)
        if self.fault == "refuses them":
            error = {"message": "logprobs are not supported"}
            return web.json_response({"error": error}, status=400)
        return await self.judge(request)

    async def judge(self, request: web.Request) -> web.StreamResponse:
        words = {"Yes": self.yes, "No": 1 - self.yes}
        if self.fault == "neither":
            words = {"Well": 0.9, "Yes": 0.06, "No": 0.04}
        from math import log

        top = [{"token": word, "logprob": log(max(p, 1e-9))} for word, p in words.items()]
        told: Any = {"content": [{"token": "Yes", "top_logprobs": top}]}
        if self.fault == "no logprobs":
            told = None
        if self.fault == "nonsense":
            told = {"content": [{"top_logprobs": [{"token": 3}, "Yes", None]}]}
        chunk = {"choices": [{"index": 0, "delta": {"content": "Yes"}, "logprobs": told}]}
        usage: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": 1}
        if self.cached:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        return await self.stream(request, [chunk], usage)

    async def write(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        asked = [Message("user", body["messages"][-1]["content"])]
        first = passage(asked, 1).split(". ")[0].rstrip(".")
        self.drafting = True
        try:
            pieces = [f"{first} [1]. ", *self.draft]
            chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
            usage = {"prompt_tokens": 1000, "completion_tokens": 60}
            return await self.stream(request, chunks, usage, between=0.05)
        finally:
            self.drafting = False

    async def stream(
        self, request: web.Request, chunks: list[Any], usage: dict[str, Any], between: float = 0
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        end = [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
        for chunk in [*chunks, *end, {"choices": [], "usage": usage}]:
            data = b"{{{" if self.fault == "garbage" else json.dumps(chunk).encode()
            await response.write(b"data: " + data + b"\n\n")
            await asyncio.sleep(between)
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def served_by(server: JudgeServer) -> AsyncIterator[GuardedModel]:
    app = web.Application()
    app.router.add_get("/v1/models", server.models)
    app.router.add_post("/v1/chat/completions", server.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    patience = Patience(first_token=60, total=60, pause=(0.0, 0.01))
    model = GuardedModel(
        OpenAiCompatibleModel(f"http://127.0.0.1:{port}/v1"), Breaker(9, 10), patience
    )
    try:
        await model.load()
        yield model
    finally:
        await model.close()
        await runner.cleanup()


def verifier(model: GuardedModel, seconds: float = 30) -> ServedVerifier:
    return ServedVerifier(LexicalVerifier(lambda word: 3.0), model, seconds=seconds)


async def test_the_chance_of_yes_decides_what_the_figures_leave_open() -> None:
    server = JudgeServer()
    async with served_by(server) as model:
        for chance, status in ((0.9, "supported"), (0.2, "unsupported")):
            server.yes = chance
            verdict = await verifier(model).check(FREE, [1], EVIDENCE)
            assert (verdict.status, round(verdict.score, 3)) == (status, chance)
            assert bool(verdict.supports) == (status == "supported")
    body = server.judged[0]
    assert body["max_tokens"] == 1
    assert body["temperature"] == 0
    assert TEXT in server.asked[0]


async def test_what_the_evidence_decides_is_not_asked() -> None:
    server = JudgeServer(yes=1.0)
    async with served_by(server) as model:
        wrong = await verifier(model).check("The cache takes 3.15 GB.", [1], EVIDENCE)
        same = await verifier(model).check("The cache keeps keys and values.", [1], EVIDENCE)
        nothing = await verifier(model).check(FREE, [1], [])
    assert (wrong.status, same.status, nothing.status) == (
        "unsupported", "supported", "unsupported",
    )  # fmt: skip
    assert server.judged == []


async def test_what_prompts_share_comes_first() -> None:
    server = JudgeServer()
    async with served_by(server) as model:
        judge = verifier(model)
        await judge.check(FREE, [1], EVIDENCE)
        await judge.check("Something else is said of what the cache holds.", [1], EVIDENCE)
    one, two = server.asked
    shared = next(i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    assert TEXT in one[:shared]


@pytest.mark.parametrize("fault", FAULTS)
async def test_where_no_chance_is_told_the_built_in_verifier_decides(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    served._say_once.cache_clear()
    server = JudgeServer(fault=fault)
    builtin = ReadingVerifier(LexicalVerifier(lambda word: 3.0))
    async with served_by(server) as model:
        judge = verifier(model, seconds=0.3 if fault == "silent" else 30)
        with caplog.at_level(logging.WARNING, "citewise.verify"):
            verdict = await judge.check(FREE, [1], EVIDENCE)
            tries = len(server.judged)
            assert await judge.check(FREE, [1], EVIDENCE) == verdict
    assert verdict == await builtin.check(FREE, [1], EVIDENCE)
    assert len(server.judged) == tries  # it is asked no more
    told = [record for record in caplog.records if record.name == "citewise.verify"]
    assert len(told) == 1
    assert "served" in told[0].getMessage()


@pytest.mark.parametrize(("cached", "judged"), [(0, 2), (80, 12)])
async def test_what_an_answer_may_take_is_not_exceeded(cached: int, judged: int) -> None:
    server = JudgeServer(cached=cached)
    async with served_by(server) as model:
        words = LexicalVerifier(lambda word: 3.0)
        judge = ServedVerifier(words, model, most_tokens=540)
        builtin = ReadingVerifier(words)
        found = [
            await judge.check(f"Earlier states are stored{' well' * n}.", [1], EVIDENCE)
            for n in range(30)
        ]
        own = await builtin.check(f"Earlier states are stored{' well' * 29}.", [1], EVIDENCE)
    new = sum(100 - cached + 1 for _ in server.judged)
    assert len(server.judged) >= judged
    assert new <= 540
    assert found[0].status == "supported"  # the model said so
    assert found[-1].status == own.status  # and the built-in verifier checked the rest


@given(
    st.floats(0, 3000),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 300), st.floats(0, 1)), max_size=30),
)
def test_an_allowance_is_never_overdrawn(most: float, asked: list[tuple[str, int, float]]) -> None:
    allowance, spent = served.Allowance(most), 0.0
    under_way = []
    for read, length, part in asked:
        likely = allowance.take(read * 200, "s" * length)
        if likely is not None:
            under_way.append((read, likely, int(likely * part)))
        if len(under_way) == 3:
            read, likely, used = under_way.pop(0)
            spent += used
            allowance.took(likely, read, Finished("stop", Usage(used, 0), cached=0))
    assert spent + sum(used for _, _, used in under_way) <= most


@given(st.recursive(st.none() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(
    st.sampled_from(["content", "top_logprobs", "token", "logprob"]), v)))  # fmt: skip
def test_whatever_a_server_tells_is_a_chance_or_none(told: object) -> None:
    found = chance_of_yes(told)
    assert found is None or 0 <= found <= 1


@given(st.floats(0.55, 0.99), st.sampled_from(["yes", " Yes", "YES", "▁yes", "Ġyes"]))
def test_spellings_of_a_word_add_up(chance: float, spelled: str) -> None:
    from math import log

    words = ((spelled, chance / 2), ("Yes", chance / 2), ("no", 1 - chance))
    top = [{"token": word, "logprob": log(p)} for word, p in words]
    found = chance_of_yes({"content": [{"top_logprobs": top}]})
    assert found == pytest.approx(chance)


def known(true: float, false: float) -> JudgeCalibration:
    return JudgeCalibration(0.8, 400, Shares(true, false), Shares(0.4, 0.02))


@pytest.mark.parametrize(
    ("calibration", "asks"),
    [(known(0.9, 0.03), True), (known(0.3, 0.0), False), (known(0.9, 0.1), False), (None, False)],
)
def test_auto_takes_what_was_measured_to_judge_better(
    calibration: JudgeCalibration | None, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"scripted": calibration} if calibration else {}
    monkeypatch.setattr(choosing, "calibrated", lambda: found)
    made = verifier_for("auto", ScriptedChatModel([]), "meanwhile")
    assert isinstance(made(LexicalVerifier(lambda word: 3.0), 2000), ServedVerifier) is asks


async def test_a_calibrated_threshold_is_the_models_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "calibrated", lambda: {"served": known(0.9, 0.02)})
    server = JudgeServer(yes=0.7)
    async with served_by(server) as model:
        assert (await verifier(model).check(FREE, [1], EVIDENCE)).status == "unsupported"


def test_the_shipped_calibrations_hold_for_the_prompt_as_it_is() -> None:
    raw = json.loads(served.CALIBRATIONS.read_text(encoding="utf-8"))
    assert raw["prompt_sha256"] == served.prompt_sha256()
    assert set(served.calibrated()) == set(raw["models"])


async def test_sentences_are_judged_at_once_while_the_draft_goes_on(live_index: LiveIndex) -> None:
    said = tuple(f"Gradients of kind {name} stay at a good size [1]. " for name in "abcde")
    server = JudgeServer(yes=0.9, seconds=0.3, draft=said)
    async with served_by(server) as model:
        pipeline = Pipeline(
            live_index, model, PipelineSettings(answer_mode="draft"),
            verify_with=verifier_for("model", model, "meanwhile"),
        )  # fmt: skip
        events = [event async for event in pipeline.answer(Question(ASKED))]
    last = events[-1]
    assert isinstance(last, Final)
    assert server.most > 1
    assert server.during_draft > 0
    drafted = [claim.text for claim in last.answer.claims if claim.basis == "drafted"]
    order = [text for piece in said for text in drafted if text[:20] == piece[:20]]
    assert len(drafted) >= len(server.judged) > 1
    assert [*dict.fromkeys(order)] == drafted[-len(set(order)) :]  # shown as they were written
    # What judging took is part of what the answer took.
    assert last.answer.usage.prompt_tokens == 1000 + 100 * len(server.judged)


async def test_a_model_in_process_is_asked_when_it_has_written(make_pipeline: MakePipeline) -> None:
    running: list[int] = []
    drafted = "The scaling keeps the scores at a size where the softmax has gradients [1]. "

    def script(messages: list[Message]) -> list[str]:
        true = passage(messages, 1).split(". ")[0].rstrip(".")
        return [f"{true} [1]. ", drafted, "More is said of it here [1]. "]

    def yes(prompt: str) -> float:
        running.append(model.running)
        return 0.1 if "softmax has gradients" in prompt else 0.9

    model = ScriptedChatModel(script, yes=yes)  # type: ignore[arg-type]
    pipeline = make_pipeline(model, answer_mode="draft")
    pipeline.verify_with = verifier_for("model", model, "afterwards")
    events = [event async for event in pipeline.answer(Question(ASKED))]
    last = events[-1]
    assert isinstance(last, Final)
    # Never two calls at once: a model in process answers one at a time.
    assert set(running) == {1}
    gone = [dropped.kind for dropped in last.answer.dropped]
    assert any(kind in (Reason.REPLACED, Reason.REPEATED) for kind in gone)
