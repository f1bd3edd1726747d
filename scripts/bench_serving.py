"""`python -m scripts.bench_serving` (`make bench-serving`): through Citewise against vLLM alone.

Starts vLLM as `make vllm` does (on the CPU where there is no GPU) and the product in front of it,
both as processes of their own, and asks. Parts: `compare` (the same questions directly and
through Citewise, in turns), `cache` (how much of what users of a persona share is found cached),
`relay` (processor time a relayed token), `best_of`, and `speculation` (vLLM with and without
proposing tokens; starts it twice). Markdown on standard output; --write puts it into
docs/serving.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import aiohttp
import numpy as np
import uvloop

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models import Decoding, Piece
from app.chat_models.breaker import Breaker
from app.chat_models.guarded import GuardedModel
from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.record.types import Final, Message, Question, Sampling
from index.cli import Parser, say
from scripts.bench.asking import Load, Prompts, client, load, to_citewise
from scripts.bench.engines import Marks, VllmEndpoint, engine_at, vllm
from scripts.bench.measure import ROOT, machine, replace_section, table
from scripts.bench.serving import Server, questions, scripted_model, server

_PARTS = ("compare", "cache", "relay", "best_of", "speculation")
_DRAFTED, _ACCEPTED = (
    "vllm:spec_decode_num_draft_tokens_total",
    "vllm:spec_decode_num_accepted_tokens_total",
)
_HITS = "vllm:prefix_cache_hits_total"
# Sixteen prompts at once keep an engine on two cores busy for longer than a person would wait.
_SETTINGS = {
    "answer_mode": "draft", "model_first_token_seconds": 1800, "model_total_seconds": 3600,
    "model_timeout": 600,
}  # fmt: skip


async def compare(options: argparse.Namespace, engine: VllmEndpoint, citewise: Server) -> str:
    """Each number of conversations, directly and through Citewise in turns."""
    prompts = Prompts(engine.url, options.index)
    asked = await prompts.answerable(questions(), 16 * options.answers)
    rows = []
    async with client(engine.url) as direct, client(f"{citewise.address}/v1") as through:
        for conversations in options.conversations:
            alone, ours, spent = list[Load](), list[Load](), list[float]()
            some = asked[: conversations * options.answers]
            # One round that does not count: caches and connections are warm for both.
            for number in range(-1, options.rounds):
                bodies = [await prompts.body(text, options.tokens) for text in some]
                first = await load(direct, bodies, conversations)
                wanted = [to_citewise(text, options.tokens) for text in some]
                before = citewise.processor_seconds()
                second = await load(through, wanted, conversations)
                if number >= 0:
                    alone.append(first)
                    ours.append(second)
                    spent.append((citewise.processor_seconds() - before) / len(some) * 1e3)
            rows.append([*_compared(conversations, alone, ours), float(np.median(spent))])
            say(f"  {conversations} conversations: {rows[-1]}")
    await prompts.model.close()
    return table(
        ["conversations", "vLLM: first token s", "answer s", "tokens/s", "tokens an answer",
         "Citewise: first sentence s", "answer s", "tokens/s", "tokens an answer",
         "answer's time, times vLLM's", "throughput, times vLLM's", "Citewise's processor ms"],
        rows,
    )  # fmt: skip


def _compared(conversations: int, alone: Sequence[Load], ours: Sequence[Load]) -> list[object]:
    def median(loads: Sequence[Load], name: str) -> float:
        return float(np.median([getattr(each, name) for each in loads]))

    def of(loads: Sequence[Load]) -> list[object]:
        length = sum(each.tokens for each in loads) / sum(len(each.answers) for each in loads)
        return [*(median(loads, name) for name in ("first", "answer", "rate")), length]

    longer = float(np.median([b.answer / a.answer for a, b in zip(alone, ours, strict=True)]))
    rate = float(np.median([b.rate / a.rate for a, b in zip(alone, ours, strict=True)]))
    return [conversations, *of(alone), *of(ours), longer, rate]


async def cache(options: argparse.Namespace, engine: VllmEndpoint, citewise: Server) -> str:
    """Users of one persona, one question each, all different."""
    rows = []
    for persona in ("citewise-architect", "citewise-engineer+research"):
        prompts = Prompts(engine.url, options.index, persona)
        asked = (await prompts.answerable(questions()[1::3], options.users)) or []
        shared = await prompts.shared_tokens(await prompts.body(asked[0], 8))
        marks = Marks(engine, [_HITS])
        async with client(f"{citewise.address}/v1") as through:
            done = await load(through, [to_citewise(text, 8, persona) for text in asked], 1)
        await prompts.model.close()
        could = shared * (len(asked) - 1)
        hits = marks.grown(_HITS)
        read = sum(each.prompt_tokens for each in done.answers)
        rows.append([persona, len(asked), shared, read // len(asked), hits / could, hits / read])
    return table(
        ["persona", "users", "tokens shared", "tokens of a prompt", "of what can be shared, cached",
         "of all prompt tokens, cached"],
        rows,
    )  # fmt: skip


async def relay() -> str:
    """Processor time of this process a token that the client relays, from a scripted server."""
    rows = []
    paces = (("one in 7 ms", 0.007, 1000), ("one in 1 ms", 0.001, 3000), ("at once", 0.0, 30_000))
    for what, between, tokens in paces:
        with scripted_model(between=between, tokens=-1) as url:
            model = GuardedModel(OpenAiCompatibleModel(url), Breaker(5, 10))
            wanted = [Message("user", "[1] A passage to repeat, again and again.")]
            await model.load()
            await model.count_tokens(wanted)
            begun, relayed = time.process_time(), 0
            async with aclosing(model.stream(wanted, Decoding(0, 1, tokens))) as events:
                async for event in events:
                    relayed += event.tokens if isinstance(event, Piece) else 0
            spent = time.process_time() - begun
            await model.close()
            bare = await _bare(url, wanted, relayed)
        rows.append([what, relayed, spent / relayed * 1e6, bare / relayed * 1e6, "≤ 60"])
    return table(
        ["tokens arrive", "tokens", "processor time a token, µs", "reading the bytes alone, µs",
         "goal"],
        rows,
    )  # fmt: skip


async def _bare(url: str, messages: Sequence[Message], tokens: int) -> float:
    """Processor seconds of reading such a stream's bytes and doing nothing with them."""
    wanted = [{"role": each.role, "content": each.content} for each in messages]
    body = {"model": "scripted", "messages": wanted, "stream": True, "max_tokens": tokens}
    async with aiohttp.ClientSession() as http:
        begun = time.process_time()
        async with http.post(f"{url}/chat/completions", json=body) as reply:
            async for _ in reply.content.iter_any():
                pass
        return time.process_time() - begun


async def best_of(options: argparse.Namespace, engine: VllmEndpoint) -> str:
    """What more drafts cost, and what they bring."""
    prompts = Prompts(engine.url, options.index)
    asked = await prompts.answerable(questions()[2::5], options.users)
    rows = []
    for n in (1, 2, 4):
        settings = PipelineSettings(answer_mode="draft", best_of=n)
        pipeline = Pipeline(prompts.pipeline.live_index, prompts.model, settings)
        begun = time.perf_counter()
        answers = []
        for seed, text in enumerate(asked):
            sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=128, seed=seed)
            async for event in pipeline.answer(Question(text, sampling=sampling)):
                if isinstance(event, Final):
                    answers.append(event.answer)
        count = len(answers)
        rows.append([
            n,
            (time.perf_counter() - begun) / count,
            sum(each.usage.completion_tokens for each in answers) / count,
            sum(each.mode == "draft" for each in answers) / count,
            sum(each.mode != "composed" for each in answers) / count,
            sum(len(each.dropped) for each in answers) / count,
        ])  # fmt: skip
    await prompts.model.close()
    return table(
        ["drafts", "seconds an answer", "tokens written", "answers that stand as drafted",
         "with a drafted sentence", "sentences dropped an answer"],
        rows,
    )  # fmt: skip


async def decode(options: argparse.Namespace, engine: VllmEndpoint) -> list[list[object]]:
    """Tokens a second of the engine alone, and how many proposed tokens were right."""
    prompts = Prompts(engine.url, options.index)
    asked = await prompts.answerable(questions(), 16 * options.answers)
    rows = list[list[object]]()
    async with client(engine.url) as direct:
        for conversations in (1, 4, 16):
            some = asked[: conversations * options.answers]
            await load(direct, [await prompts.body(t, 8) for t in some[:conversations]], 1)
            bodies = [await prompts.body(text, options.tokens) for text in some]
            marks = Marks(engine, [_DRAFTED, _ACCEPTED])
            done = await load(direct, bodies, conversations)
            drafted = marks.grown(_DRAFTED)
            right = marks.grown(_ACCEPTED) / drafted if drafted else "–"
            rows.append([conversations, done.rate, done.answer, right])
    await prompts.model.close()
    return rows


def measured(options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Each part's name, what it was measured on, and its table."""
    parts = set(options.parts)
    if "relay" in parts:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as it serves
            yield "relay", "a scripted server", runner.run(relay())
    if parts & {"compare", "cache", "best_of"}:
        with tempfile.TemporaryDirectory() as folder, engine_at(options.engine) as engine:
            say(f"• {engine.what}")
            if parts & {"compare", "cache"}:
                with server(engine.url, options.index, Path(folder), **_SETTINGS) as ours:
                    for name, part in (("compare", compare), ("cache", cache)):
                        if name in parts:
                            found = asyncio.run(part(options, engine, ours))
                            yield name, engine.what, found
            if "best_of" in parts:
                yield "best_of", engine.what, asyncio.run(best_of(options, engine))
    if "speculation" in parts:
        ways = []
        for speculate in (False, True):
            with vllm(speculate=speculate) as engine:
                ways.append(asyncio.run(decode(options, engine)))
        yield "speculation", engine.what, _speculation(*ways)


def _speculation(without: Sequence[list[object]], with_it: Sequence[list[object]]) -> str:
    rows = [
        [*off[:3], *on[1:], float(str(on[1])) / float(str(off[1]))]
        for off, on in zip(without, with_it, strict=True)
    ]
    return table(
        ["conversations", "without: tokens/s", "answer s", "with: tokens/s", "answer s",
         "proposed tokens that were right", "times as fast"],
        rows,
    )  # fmt: skip


def main() -> int:
    """Measure and print."""
    options = _parser().parse_args()
    if not (options.index / "current").exists():
        say(f"no index in {options.index}; build one with: make index")
        return 2
    words = " ".join(word for word in sys.argv[1:] if word != "--write")
    told = machine()
    for part, what, found in measured(options):
        command = f"python -m scripts.bench_serving {words}".strip()
        text = f"`{command}`; {what}; {told}.\n\n{found}"
        print(text)
        if options.write:
            replace_section(ROOT / "docs" / "serving.md", part, text)
    return 0


def _parser() -> Parser:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = Parser(prog="python -m scripts.bench_serving", description=__doc__)
    parser.add_argument("--index", type=Path, default=ROOT / "var" / "index")
    parser.add_argument("--engine", help="a vLLM that runs already, /v1 included, to ask instead")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(_PARTS),
                        help=f"what to measure, of {','.join(_PARTS)} (all)")  # fmt: skip
    parser.add_argument("--conversations", type=numbers, default=[1, 2, 4, 8, 16],
                        help="at once (1,2,4,8,16)")  # fmt: skip
    parser.add_argument("--answers", type=int, default=3, help="a conversation and round (3)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (3)")
    parser.add_argument("--tokens", type=int, default=64, help="of an answer at most (64)")
    parser.add_argument("--users", type=int, default=24, help="of cache and best_of (24)")
    parser.add_argument("--write", action="store_true", help="put it into docs/serving.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
