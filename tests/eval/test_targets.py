"""Targets: the product's own events, its parts replaced, and endpoints of any kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from app.answer.pipeline import Pipeline
from app.chat_models.scripted import ScriptedChatModel
from app.record.types import Sampling
from eval.cases import EarlierMessage
from eval.errors import EvaluationError, SuiteError
from eval.run_setup import with_gold
from eval.scoring import score
from eval.targets.baselines import (
    ClosedBookTarget,
    GivenEvidenceTarget,
    PlainRagTarget,
    rank_fusion,
    single_stage,
)
from eval.targets.endpoint import EndpointTarget, output_of
from eval.targets.product import ProductTarget, RetrievalTarget
from tests.eval.helpers import case, sample

MakePipeline = Callable[..., Pipeline]
ASKED = case(question="How large is a KV cache?", gold=("kv-cache/faq/1",))
FOREIGN = case("u", question="how long does a roast chicken take in the oven", answerable=False)


async def test_the_product_as_served(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    target = ProductTarget(pipeline, Sampling())
    found = await target.ask(ASKED, "citewise-expert", 3)
    assert found.mode == "composed"
    assert found.index_fingerprint == pipeline.index.fingerprint
    assert {cited.ref for cited in found.citations} <= found.passages.keys()
    assert found.timings["seen_first"] <= found.timings["seen_last"]
    scores = score(sample(ASKED, found)).scores
    assert scores["valid_ids"] == scores["exact_quotes"] == scores["citation_recall"] == 1.0
    assert target.identity()["answer_mode"] == "compose"


async def test_a_stream_that_breaks_its_promise_is_an_error(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    answer = pipeline.answer

    async def cut_short(question: Any) -> AsyncIterator[Any]:
        events = [event async for event in answer(question)]
        for event in events[:-1]:
            yield event

    pipeline.answer = cut_short  # type: ignore[method-assign,assignment]
    with pytest.raises(EvaluationError, match="Final"):
        await ProductTarget(pipeline, Sampling()).ask(ASKED, "citewise-expert", 0)


async def test_retrieval_alone_goes_ten_deep(make_pipeline: MakePipeline) -> None:
    found = await RetrievalTarget(make_pipeline()).ask(ASKED, "citewise-expert", 0)
    assert len(found.hits) == 10
    assert not found.answered
    assert "right" not in score(sample(ASKED, found)).scores


@pytest.mark.parametrize("stage", ["dense", "lexical"])
async def test_one_stage_ranks_by_itself(make_pipeline: MakePipeline, stage: Any) -> None:
    target = RetrievalTarget(single_stage(make_pipeline(), stage), stage)
    found = await target.ask(ASKED, "citewise-expert", 0)
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)
    other = await RetrievalTarget(make_pipeline()).ask(ASKED, "citewise-expert", 0)
    assert [hit.ref for hit in found.hits] != [hit.ref for hit in other.hits]


async def test_plain_rag_shows_what_comes(make_pipeline: MakePipeline) -> None:
    said = "It grows with every token [1]. The moon is made of cheese [2][9]. "
    model = ScriptedChatModel([said])
    target = PlainRagTarget(make_pipeline(model), Sampling())
    found = await target.ask(ASKED, "citewise-expert", 0)
    assert found.text == said.strip()
    assert len(found.hits) == len(found.passages) == 6
    assert [(cited.n, cited.ref) for cited in found.citations] == [
        (n, found.hits[n - 1].ref) for n in (1, 2)
    ]
    asked = model.prompts[0][-1].content
    assert all(text in asked for text in found.passages.values())
    assert asked.index("[1] ") < asked.index("[6] ") < asked.index(ASKED.question)
    scores = score(sample(ASKED, found)).scores
    assert scores["misattributed"] in (0.5, 1.0)  # cheese at least
    assert scores["valid_ids"] == pytest.approx(2 / 3)
    abstains = PlainRagTarget(make_pipeline(["I don't know."]), Sampling())
    assert (await abstains.ask(FOREIGN, "citewise-expert", 0)).abstained


async def test_gold_passages_are_the_evidence(make_pipeline: MakePipeline) -> None:
    target = GivenEvidenceTarget(make_pipeline(answer_mode="compose"), Sampling(), "gold")
    found = await target.ask(ASKED, "citewise-expert", 0)
    assert [hit.ref for hit in found.hits] == ["kv-cache/faq/1"]
    assert not found.abstained
    nothing = await target.ask(case("n", gold=(), answerable=False), "citewise-expert", 0)
    assert nothing.abstained


async def test_the_whole_topic_is_the_evidence(make_pipeline: MakePipeline) -> None:
    target = GivenEvidenceTarget(make_pipeline(answer_mode="compose"), Sampling(), "topic")
    found = await target.ask(ASKED, "citewise-expert", 0)
    assert len(found.hits) > 6
    assert {hit.topic for hit in found.hits} == {"kv-cache"}


async def test_closed_book_is_the_model_alone(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(["I don't", " know."])
    asked = case(history=(EarlierMessage("user", "hello"), EarlierMessage("assistant", "hi")))
    found = await ClosedBookTarget(pipeline, Sampling()).ask(asked, "citewise-expert", 0)
    assert (found.text, found.abstained, found.hits) == ("I don't know.", True, ())
    prompt = pipeline.model.prompts[0]  # type: ignore[attr-defined]
    assert [message.role for message in prompt] == ["system", "user", "assistant", "user"]


GROUNDED = {
    "model": "m",
    "choices": [{"message": {"content": "It takes 2 GB [1]."}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7},
    "x_grounding": {
        "abstained": False, "retrieval_confidence": 0.8, "index_fingerprint": "f",
        "standalone_query": "q", "conflicts": [],
        "sources": [{
            "n": 1, "refs": ["kv-cache/faq/1"], "title": "t", "url": "https://x",
            "quotes": ["It takes 2 GB."], "score": 0.9,
        }],
        "claims": [{"start": 0, "end": 18, "cites": [1], "status": "supported"}],
    },
}  # fmt: skip


def test_a_grounded_reply_is_read_whole() -> None:
    found = output_of(GROUNDED, 12.0)
    assert (found.confidence, found.index_fingerprint, found.completion_tokens) == (0.8, "f", 7)
    scores = score(sample(case(), found)).scores
    assert scores["right"] == scores["citation_recall"] == scores["gold_cited"] == 1.0


def test_a_perplexity_reply_has_citations() -> None:
    reply = {
        "choices": [{"message": {"content": "It takes 2 GB [1]. And more is said [2]."}}],
        "search_results": [{"title": "t", "url": "https://x", "snippet": "It takes 2 GB."}],
    }
    scores = score(sample(case(), output_of(reply, 1.0))).scores
    assert scores["valid_ids"] == 0.5
    assert scores["right"] == 1.0


def test_a_bare_reply_is_told_by_its_words() -> None:
    bare = {"choices": [{"message": {"content": "I don't know."}}]}
    found = output_of(bare, 1.0)
    assert found.abstained
    assert found.confidence is None
    assert score(sample(case(), found)).scores["truthfulness"] == 0.0


@asynccontextmanager
async def _served(reply: Callable[[dict[str, Any]], web.Response]) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return reply(await request.json())

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


async def test_an_endpoint_by_url() -> None:
    seen: list[dict[str, Any]] = []

    def reply(body: dict[str, Any]) -> web.Response:
        seen.append(body)
        return web.json_response(GROUNDED)

    async with _served(reply) as url:
        target = EndpointTarget(url, sampling={"temperature": 0.0, "top_p": None})
        try:
            found = await target.ask(ASKED, "citewise-expert", 5)
        finally:
            await target.close()
    assert found.text == "It takes 2 GB [1]."
    assert (seen[0]["model"], seen[0]["seed"]) == ("citewise-expert", 5)
    assert "top_p" not in seen[0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (web.Response(status=503, text="busy"), "503, expected 200: busy"),
        (web.Response(text="<html>"), "no JSON"),
        (web.json_response({"choices": []}), "no chat completion"),
    ],
)
async def test_what_is_no_answer_is_an_error(answer: web.Response, said: str) -> None:
    async with _served(lambda _: answer) as url:
        target = EndpointTarget(url)
        try:
            with pytest.raises(EvaluationError, match=said):
                await target.ask(ASKED, "p", None)
        finally:
            await target.close()


async def test_no_server_is_an_error() -> None:
    target = EndpointTarget("http://127.0.0.1:9/v1")
    try:
        with pytest.raises(EvaluationError, match="check --target"):
            await asyncio.wait_for(target.ask(ASKED, "p", None), 20)
    finally:
        await target.close()


async def test_ranks_of_bm25_and_minilm_are_fused(make_pipeline: MakePipeline) -> None:
    found = await RetrievalTarget(rank_fusion(make_pipeline()), "rank-fusion").ask(
        ASKED, "citewise-expert", 0
    )
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[0] <= 2 / 61


def test_gold_passages_are_named_by_their_words(make_pipeline: MakePipeline) -> None:
    target = RetrievalTarget(make_pipeline())
    passage = target.pipeline.index.passages[0]
    words = f"words:{passage.text[:60].upper()}"
    (found,) = with_gold([case(gold=(words, "other/faq/0"))], target)
    assert passage.id in found.gold
    assert "other/faq/0" in found.gold
    with pytest.raises(SuiteError, match="stand nowhere at all"):
        with_gold([case(gold=("words:these words stand nowhere at all",))], target)
