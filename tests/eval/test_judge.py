"""The judge: what it is asked, how strictly it is read, and what its words do to scores."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.chat_models.openvino_local import OpenVinoChatModel
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import load_settings
from eval import judging, runner
from eval.__main__ import main
from eval.claims import LABELS
from eval.errors import EvaluationError
from eval.judge import ChatJudge
from eval.samples import Sample
from eval.scoring import score
from eval.summary import summarize
from tests.eval.helpers import case, output, sample

HEADER = {
    "target": {"target": "product"}, "command": "made", "git_commit": "abc", "git_dirty": False,
    "split": "dev", "opened_sealed": False, "plan": {"suite": "own", "personas": ["p"]},
    "started": "2026-01-01T00:00:00+00:00", "versions": {},
}  # fmt: skip
SUPPORTED = json.dumps({"rationale": "it says so", "label": "supported"})
HELD = json.dumps({"rationale": "2 GB is there", "labels": ["support"]})


def said(text: str | Callable[[str], str]) -> ScriptedChatModel:
    """A judge that says one thing, or what a function makes of its prompt."""
    if isinstance(text, str):
        return ScriptedChatModel([text])
    return ScriptedChatModel(lambda messages: [text(messages[-1].content)])


def silent(done: int, total: int) -> None:
    """Tell nobody."""


async def test_a_claim_is_judged_with_a_rationale() -> None:
    model = said(SUPPORTED)
    found = await ChatJudge(model).support("A KV cache takes 2 GB.", "It takes 2 GB.")
    assert (found.labels, found.rationale, found.fault) == (("supported",), "it says so", "")
    prompt = model.prompts[0][0].content
    assert "<claim>\nIt takes 2 GB.\n</claim>" in prompt


@pytest.mark.parametrize(
    "nonsense",
    [
        "supported",
        "",
        '{"label": "supported"}',
        '{"rationale": "r", "label": "perhaps"}',
        '{"rationale": "r", "label": "supported", "score": 5}',
        '{"rationale": 5, "label": "supported"}',
        f"Sure! {SUPPORTED}",
        f"{SUPPORTED} {SUPPORTED}",
    ],
)
async def test_nonsense_is_unscored(nonsense: str) -> None:
    found = await ChatJudge(said(nonsense)).support("p", "c")
    assert found.labels == ()
    assert found.fault


async def test_each_nugget_has_its_label() -> None:
    reply = json.dumps({"rationale": "r", "labels": ["support", "not_support"]})
    model = said(reply)
    found = await ChatJudge(model).nuggets("q", "a", ["one", "two"])
    assert found.labels == ("support", "not_support")
    assert "1. one\n2. two" in model.prompts[0][0].content
    short = await ChatJudge(said(HELD)).nuggets("q", "a", ["one", "two"])
    assert (short.labels, short.fault) == ((), "got 1 labels, expected 2")


def _preferring(pick: Callable[[str, str], str]) -> ScriptedChatModel:
    """A judge that sees the two answers as they are shown to it."""

    def reply(prompt: str) -> str:
        first = prompt.split("<first>\n")[1].split("\n</first>")[0]
        second = prompt.split("<second>\n")[1].split("\n</second>")[0]
        return json.dumps({"rationale": "r", "better": pick(first, second)})

    return said(reply)


@pytest.mark.parametrize(
    ("pick", "winner", "steady"),
    [
        (lambda first, second: "first" if first == "good" else "second", "b", True),
        (lambda first, second: "first", "tie", False),
        (lambda first, second: "tie", "tie", True),
        (lambda first, second: "neither", None, False),
    ],
)
async def test_a_preference_that_turns_with_the_order_is_a_tie(
    pick: Callable[[str, str], str], winner: str | None, steady: bool
) -> None:
    found = await ChatJudge(_preferring(pick)).prefer("q", "r", "bad", "good")
    assert (found.winner, found.steady) == (winner, steady)


class TestARun:
    """Judgements lie beside the samples."""

    @pytest.fixture
    def run_dir(self, tmp_path: Path) -> Path:
        return _run(tmp_path / "run", [sample(case(f"c-{i}", topic=f"t{i}")) for i in range(3)])

    async def test_judgements_are_kept_and_scored(self, run_dir: Path) -> None:
        scored = [score(each) for each in runner.read_samples(run_dir)]
        model = said(lambda prompt: HELD if "<facts>" in prompt else SUPPORTED)
        left = await judging.judge_answers(
            scored, ChatJudge(model), run_dir, parallel=2, tell=silent
        )
        assert left == 0
        # three sets of nuggets, one statement that is the same in all three answers
        assert len(model.prompts) == 4
        told = judging.attached(scored, run_dir)
        assert {each.scores["judged_vital_recall"] for each in told} == {1.0}
        assert {each.scores["judged_citation_recall"] for each in told} == {1.0}
        assert summarize(told).estimates["all"]["judged_vital_recall"].n == 3
        await judging.judge_answers(scored, ChatJudge(model), run_dir, parallel=2, tell=silent)
        assert len(model.prompts) == 4

    async def test_nonsense_is_unscored_and_asked_again(self, run_dir: Path) -> None:
        scored = [score(each) for each in runner.read_samples(run_dir)]
        judge = ChatJudge(said("I like it."))
        assert await judging.judge_answers(scored, judge, run_dir, parallel=1, tell=silent) == 4
        told = judging.attached(scored, run_dir)
        assert not any("judged_vital_recall" in each.scores for each in told)
        assert "judged_vital_recall" not in summarize(told).estimates["all"]
        better = said(lambda prompt: HELD if "<facts>" in prompt else SUPPORTED)
        left = await judging.judge_answers(
            scored, ChatJudge(better), run_dir, parallel=1, tell=silent
        )
        assert left == 0

    async def test_another_judge_does_not_mix_in(self, run_dir: Path) -> None:
        scored = [score(each) for each in runner.read_samples(run_dir)]
        judge = ChatJudge(said(SUPPORTED))
        await judging.judge_answers(scored, judge, run_dir, parallel=1, tell=silent)
        other = ChatJudge(ScriptedChatModel([SUPPORTED], name="another"))
        with pytest.raises(EvaluationError, match=r"'scripted'.*'another'"):
            await judging.judge_answers(scored, other, run_dir, parallel=1, tell=silent)

    async def test_an_abstention_and_a_failure_are_not_judged(self, tmp_path: Path) -> None:
        abstained = output("I can't answer that.", abstained=True, claims=(), citations=())
        scored = [score(sample(answer=abstained)), score(sample(case("f"), error="it broke"))]
        model = said(SUPPORTED)
        await judging.judge_answers(scored, ChatJudge(model), tmp_path, parallel=1, tell=silent)
        assert model.prompts == []


async def test_preferences_by_hand() -> None:
    a = [score(sample(case(f"c{i}", topic=f"t{i}"), output("bad"))) for i in range(6)]
    b = [score(sample(case(f"c{i}", topic=f"t{i}"), output("good"))) for i in range(5)]
    b.append(score(sample(case("c5", topic="t5"), output("bad"))))
    judge = ChatJudge(_preferring(lambda first, _: "first" if first == "good" else "second"))
    pairs = await judging.prefer(a, b, judge, parallel=3, tell=silent)
    found = judging.preferences(pairs, "scripted")
    assert (len(found.wins), len(found.losses), found.ties, found.unscored) == (5, 0, 1, 0)
    assert found.preference is not None
    assert found.preference.mean == pytest.approx(5 / 6)
    assert found.p == pytest.approx(2 / 32)
    assert found.steady == 1.0


@asynccontextmanager
async def _served(reply: Callable[[str], str], *, forms: bool = True) -> AsyncIterator[str]:
    """A server that streams what a function says to the prompt; without forms it refuses them."""

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "scripted-judge", "max_model_len": 8192}]})

    async def chat(request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        if "response_format" in body and not forms:
            return web.json_response({"error": {"message": "no response_format"}}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        text = reply(body["messages"][-1]["content"])
        for delta, reason in (({"content": text}, None), ({}, "stop")):
            chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    server = web.Application()
    server.router.add_get("/v1/models", models)
    server.router.add_post("/v1/chat/completions", chat)
    app_runner = web.AppRunner(server)
    await app_runner.setup()
    site = web.TCPSite(app_runner, "127.0.0.1", 0)
    await site.start()
    host, port = app_runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1"
    finally:
        await app_runner.cleanup()


def _run(directory: Path, samples: Sequence[Sample]) -> Path:
    runner.open_run(directory, HEADER)
    lines = (json.dumps(each.as_dict()) + "\n" for each in samples)
    (directory / runner.SAMPLES).write_text("".join(lines))
    return directory


@pytest.mark.parametrize("forms", [True, False])
async def test_a_judge_behind_an_address(
    tmp_path: Path, forms: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands against a server, with and without structured output."""
    import asyncio

    a = _run(tmp_path / "a", [sample(case(f"c-{i}"), output("It takes 9 GB [1]."))
                              for i in range(2)])  # fmt: skip
    b = _run(tmp_path / "b", [sample(case(f"c-{i}")) for i in range(2)])

    def reply(prompt: str) -> str:
        if "<first>" in prompt:
            first = prompt.split("<first>\n")[1].split("\n</first>")[0]
            return json.dumps(
                {"rationale": "r", "better": "first" if "2 GB" in first else "second"}
            )
        return HELD if "<facts>" in prompt else SUPPORTED

    async with _served(reply, forms=forms) as url:
        judge = ["--judge", url, "--judge-model", "scripted-judge"]
        judged = await asyncio.to_thread(main, ["judge", str(b), *judge, "--json"])
        assert judged == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["estimates"]["all"]["judged_vital_recall"]["mean"] == 1.0
        against = ["judge", str(b), "--against", str(a), "--out", str(tmp_path / "pairs.jsonl")]
        assert await asyncio.to_thread(main, [*against, *judge]) == 0
        assert "B better 2, A better 0" in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert [line["winner"] for line in lines] == ["b", "b"]
    assert lines[0]["rationales"] == ["r", "r"]


async def test_calibration_of_a_judge(
    tmp_path: Path, shipped_index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    def reply(prompt: str) -> str:
        if "<facts>" in prompt:
            return "no JSON at all"
        return SUPPORTED

    async with _served(reply) as url:
        command = ["calibrate", "--index", str(shipped_index), "--judge", url, "--json"]
        assert await asyncio.to_thread(main, command) == 0
    found = json.loads(capsys.readouterr().out)
    by_name = {each["name"]: each for each in found["agreements"]}
    assert by_name["judge of claims"]["kappa"] == 0.0
    assert by_name["judge of claims"]["recall"]["value"] == 1.0
    assert by_name["judge of nuggets"]["n"] == 0
    assert by_name["judge of nuggets"]["accuracy"]["value"] is None
    assert found["judge"]["model"] == "scripted-judge"


def test_no_judge_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = _run(tmp_path / "run", [sample()])
    assert main(["judge", str(run_dir), "--judge", "http://127.0.0.1:9/v1"]) == 2
    errors = capsys.readouterr().err
    assert "127.0.0.1:9" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
async def test_the_embedded_model_judges_within_the_form() -> None:
    """Its judgement is worth little; that it can be read at all is what the form brings."""
    judge = ChatJudge(OpenVinoChatModel(None, load_settings().cache))
    try:
        found = await judge.support("A KV cache takes 2 GB.", "A KV cache takes 2 GB.")
    finally:
        await judge.close()
    assert not found.fault
    assert found.labels[0] in LABELS
