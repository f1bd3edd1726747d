"""`app ask` and `app retrieve`: one question for a person, or many for a program."""

from __future__ import annotations

import argparse
import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from app.answer.pipeline import Pipeline
from app.config import personas
from app.config.flags import chosen
from app.config.settings import load_settings
from app.record.errors import CitewiseError, RequestError
from app.record.sanitize import one_line, web_address
from app.record.types import (
    Answer,
    Delta,
    Event,
    Final,
    Message,
    Question,
    Retrieved,
    Rewrite,
    Role,
    Sampling,
    final_answer,
)
from app.service import open_pipeline
from index.cli import print_json, say
from index.errors import wrong_fields

__all__ = [
    "BatchLine",
    "answer_line",
    "ask",
    "batch_line",
    "decoded",
    "opened_pipeline",
    "print_sources",
    "retrieve",
    "retrieved_line",
]

_WIDTH = 96
_MOST_WORKS = 3


class _BatchMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: Role
    content: str


class BatchLine(BaseModel):
    """A line of `--batch`: what is asked, and what was said before."""

    model_config = ConfigDict(extra="ignore")
    id: str | int
    question: str
    history: list[_BatchMessage] | None = None

    @property
    def said_before(self) -> tuple[Message, ...]:
        """The turns before the question."""
        return tuple(Message(turn.role, turn.content) for turn in self.history or ())


def ask(options: argparse.Namespace) -> int:
    """Answer one question, or each line of standard input."""

    async def run(pipeline: Pipeline) -> int:
        make = _question_maker(options, pipeline)
        if options.batch:
            return await _batch(lambda line: _answer_line(pipeline, make, line))
        question = make(_asked(options), ())
        if options.json:
            answer = await final_answer(pipeline.answer(question))
            print_json(answer_line(answer.id, answer))
        else:
            await _show(pipeline, question, explain=options.explain)
        return 0

    return asyncio.run(_with_pipeline(options, run))


def retrieve(options: argparse.Namespace) -> int:
    """Show what is found for one question, or for each line of standard input."""
    if not 1 <= options.k <= 50:
        raise RequestError(f"-k is {options.k}, expected 1 to 50", field="k")

    async def line_of(pipeline: Pipeline, line: BatchLine) -> dict[str, Any]:
        asked = Question(
            line.question, line.said_before, passages=options.k, sources=tuple(options.source)
        )
        found = await pipeline.retrieve(asked)
        return retrieved_line(line.id, found)

    async def run(pipeline: Pipeline) -> int:
        if options.batch:
            return await _batch(lambda line: line_of(pipeline, line))
        asked = _asked(options)
        found = await pipeline.retrieve(
            Question(asked, passages=options.k, sources=tuple(options.source))
        )
        if options.json:
            print_json(retrieved_line("", found))
        else:
            _show_retrieved(found)
        return 0

    return asyncio.run(_with_pipeline(options, run))


def retrieved_line(identity: str | int, found: Retrieved) -> dict[str, Any]:
    """Return the JSON form of what was retrieved."""
    return {
        "id": identity,
        "standalone_query": found.standalone_query,
        "answerable": found.answerable,
        "confidence": round(found.confidence, 4),
        "missing": list(found.gap.what) if found.gap else [],
        "hits": [
            {"ref": hit.passage.id, "topic": hit.passage.topic, "score": round(hit.score, 4)}
            for hit in found.hits
        ],
        "conflicts": [asdict(conflict) for conflict in found.conflicts],
    }


def answer_line(identity: str | int, answer: Answer) -> dict[str, Any]:
    """Return the JSON form of an answer, the whole record included."""
    return {**answer.as_dict(), "outcome": answer.outcome, "id": identity}


async def _with_pipeline(
    options: argparse.Namespace, command: Callable[[Pipeline], Awaitable[int]]
) -> int:
    async with _pipeline(options) as pipeline:
        return await command(pipeline)


def opened_pipeline(options: argparse.Namespace) -> Pipeline:
    """Open the pipeline that a command's flags describe; its model is to be closed."""
    return open_pipeline(load_settings(**chosen(options)))


@asynccontextmanager
async def _pipeline(options: argparse.Namespace) -> AsyncIterator[Pipeline]:
    pipeline = opened_pipeline(options)
    try:
        yield pipeline
    finally:
        await pipeline.model.close()


def _question_maker(
    options: argparse.Namespace, pipeline: Pipeline
) -> Callable[[str, tuple[Message, ...]], Question]:
    name = options.persona or "citewise-expert"
    path = Path(name)
    if path.is_file():
        own = personas.load(path)
        pipeline.personas = {**pipeline.personas, own.name: own}
        name = own.name
    personas.resolve(name, pipeline.personas)
    sampling = _sampling(options)
    sources = tuple(options.source)
    return lambda text, history: Question(
        text, history, persona=name, sampling=sampling, sources=sources
    )


def _sampling(options: argparse.Namespace) -> Sampling:
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1), ("max_tokens", 1, 100_000)):
        value = getattr(options, name)
        if value is not None and (not low <= value <= high or (name == "top_p" and value == 0)):
            flag = name.replace("_", "-")
            above = " and above 0" if name == "top_p" else ""
            raise RequestError(f"--{flag} is {value}, expected {low} to {high}{above}", field=name)
    return Sampling(options.temperature, options.top_p, options.max_tokens, options.seed)


def _asked(options: argparse.Namespace) -> str:
    if options.question is None:
        raise RequestError(
            "no question was given; write it in quotes, or - to read it from standard input",
            field="question",
        )
    if options.question != "-":
        return str(options.question)
    return decoded(sys.stdin.buffer.read())


def decoded(raw: bytes) -> str:
    """Text from standard input; a byte order mark is no part of it.

    Raises:
        RequestError: it is not UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"got byte 0x{raw[error.start]:02x} at offset {error.start}, expected "
            "UTF-8 text; convert it, for instance with: iconv -f LATIN1 -t UTF-8"
        ) from error


async def _batch(answer: Callable[[BatchLine], Awaitable[dict[str, Any]]]) -> int:
    """Answer each line; one that can't be answered is told, and the rest goes on (status 2)."""
    status = 0
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        try:
            if text := decoded(raw).strip():
                print_json(await answer(batch_line(text)))
        except CitewiseError as error:
            say(f"line {number} of standard input: {error}")
            status = 2
    return status


def batch_line(text: str) -> BatchLine:
    """What a line of `--batch` asks.

    Raises:
        RequestError: it is not JSON of that form.
    """
    try:
        return BatchLine.model_validate_json(text)
    except ValidationError as error:
        raise RequestError(
            f'{wrong_fields(error, "the line", most=1)}; expected {{"id", "question", '
            '"history": [{"role", "content"}]}'
        ) from error


async def _answer_line(
    pipeline: Pipeline, make: Callable[[str, tuple[Message, ...]], Question], line: BatchLine
) -> dict[str, Any]:
    question = make(line.question, line.said_before)
    return answer_line(line.id, await final_answer(pipeline.answer(question)))


async def _show(pipeline: Pipeline, question: Question, *, explain: bool) -> None:
    async for event in pipeline.answer(question):
        _show_event(event, explain=explain)


def _show_event(event: Event, *, explain: bool) -> None:
    if isinstance(event, Delta):
        print(event.text, end="", flush=True)
    elif isinstance(event, Final):
        print()
        print_sources(event.answer)
        if explain:
            _show_record(event.answer)


def print_sources(answer: Answer) -> None:
    """Print what an answer cites, a number each."""
    if not answer.citations:
        return
    print("\nSources")
    for n in dict.fromkeys(citation.n for citation in answer.citations):
        cited = [citation for citation in answer.citations if citation.n == n]
        print(f"[{n}] {cited[0].title}")
        if cited[0].place:
            print(f"    {cited[0].place.path}")
        if cited[0].url:
            print(f"    {cited[0].url}")
        for work in cited[0].works[:_MOST_WORKS]:
            print(f"    {one_line(work.label)} {web_address(work.url) or ''}".rstrip())
        if len(cited[0].works) > _MOST_WORKS:
            print(f"    and {len(cited[0].works) - _MOST_WORKS} more")
        for ref in dict.fromkeys(citation.ref for citation in cited):
            print(f"    {ref}")


def _show_record(answer: Answer) -> None:
    say("")
    say(f"question    {_short(answer.standalone_query)}")
    say(f"rewritten   {_rewritten(answer.rewrite)}")
    say(f"made by     {answer.model}, {answer.mode}, persona {answer.persona}")
    say(f"confidence  {answer.confidence:.2f}   index {answer.index_fingerprint}")
    used = answer.sampling
    say(
        f"sampling    temperature {used.temperature}, top-p {used.top_p}, at most "
        f"{used.max_tokens} tokens, seed {used.seed}"
    )
    say(f"tokens      {answer.usage.prompt_tokens} read, {answer.usage.completion_tokens} written")
    if answer.prompt_sha256:
        say(f"prompt      {answer.prompt_sha256[:16]}, begins with {answer.prefix_sha256[:16]}")
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in answer.timings.items())
    say(textwrap.fill(f"ms          {stages}", _WIDTH, subsequent_indent=" " * 12))
    for claim in answer.claims:
        say(f"  {claim.status:11} {claim.basis:8} {claim.support:.2f}  {_short(claim.text)}")
        for position in claim.evidence:
            cited = answer.citations[position]
            place = f"[{cited.n}] {cited.ref} {cited.start}-{cited.end}"
            say(f"                        {place}: {_short(cited.quote)}")
    for conflict in answer.conflicts:
        values = " / ".join(f"{_short(value.value)} ({value.ref})" for value in conflict.values)
        say(f"  conflict    {_short(conflict.quantity)}: {values}")
    for premise in answer.premises:
        say(f"  premise     {_short(premise.text)} (contradicted by {premise.ref})")
    for dropped in answer.dropped:
        say(f"  dropped     {_short(dropped.text)} ({dropped.reason})")


def _short(text: str) -> str:
    """Show text that others wrote on one line; a terminal obeys what it can't show."""
    line = one_line(text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _rewritten(rewrite: Rewrite) -> str:
    ways = {"none": "no", "rules": "by rules", "model": "by the model"}
    way = ways[rewrite.method]
    return f"{way}, not by the model: {_short(rewrite.reason)}" if rewrite.reason else way


def _show_retrieved(found: Retrieved) -> None:
    print(f"question    {_short(found.standalone_query)}")
    if found.rewrite.method != "none":
        print(f"rewritten   {_rewritten(found.rewrite)}")
    print(f"answerable  {'yes' if found.answerable else 'no'} (confidence {found.confidence:.2f})")
    if found.gap:
        print(f"missing     {_short(', '.join(found.gap.what))}")
    for rank, hit in enumerate(found.hits, start=1):
        stages = ("dense", "lexical", "late", "asked")
        trace = ", ".join(f"{name} {hit.trace[name]:.2f}" for name in stages if name in hit.trace)
        if "rerank" in hit.trace:
            trace += f", reranked {hit.trace['rerank']:.2f} from {hit.trace['fused_rank']:.0f}"
        print(
            f"{rank:2} {hit.score:.3f}  {hit.passage.id}  {_short(hit.passage.heading)}  ({trace})"
        )
    for conflict in found.conflicts:
        values = " / ".join(f"{_short(value.value)} ({value.ref})" for value in conflict.values)
        print(f"conflict: {_short(conflict.quantity)}: {values}")
