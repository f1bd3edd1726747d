"""What this machine's GPU does with Citewise: `python -m scripts.gpu_report` (`make gpu-report`).

Starts vLLM with the model that fits, as `make vllm` does, and measures, the most telling first: the
model as judge of sentences, what judging costs, questions of the suites drafted and by plain RAG
with the same model, and serving beside bare vLLM. Nothing begins later than `--minutes` after the
model answers, and what goes on then is broken off. Written are report.json and report.md in
`--out`. `--engine` takes a server that runs already; `--embedded` the model in process behind an
endpoint, which needs no GPU and tries everything but vLLM.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from app.config.settings import load_settings
from app.record.errors import CitewiseError
from app.record.hooks import ModelCall
from app.record.types import Answer, Final, Question
from app.service import open_pipeline
from index.cli import Parser, run, say
from index.files import put
from scripts.bench.engines import engine_at
from scripts.bench.measure import ROOT, machine, table
from scripts.bench.serving import process
from scripts.dev_cases import dev_cases

__all__ = ["Measured", "Report", "measured", "parts"]

_SLICES = ("field", "unanswerable")
# What an engine on a busy processor takes; a GPU is never waited for so long.
_PATIENCE = {"model_timeout": 600, "model_first_token_seconds": 600}
_WORD = 1  # tokens that a judgement may write: what tells it from a draft's call


@dataclass(frozen=True, slots=True)
class Part:
    """A measurement: the words after `python -m` that make it, and the JSON that it leaves."""

    name: str
    title: str
    command: tuple[str, ...]
    result: Path | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a part, as a page and as figures.

    `why` says what is missing, empty where nothing is; `figures` are None where a part has none.
    """

    name: str
    title: str
    command: str
    seconds: float
    text: str
    why: str = ""
    figures: Any = None


@dataclass(slots=True)
class Report:
    """All that was measured of one engine on one machine."""

    engine: str
    machine: str
    parts: list[Measured] = field(default_factory=list)

    def markdown(self) -> str:
        """The report as a page."""
        told = [f"# Citewise with {self.engine}\n\n{self.machine}.\n"]
        for part in self.parts:
            missing = f"\n**Not done**: {part.why}\n" if part.why else ""
            made = f"`{part.command}`, {part.seconds:.0f} s"
            told.append(f"## {part.title}\n\n{made}\n{missing}\n{part.text}\n")
        return "\n".join(told).rstrip() + "\n"


def parts(url: str, out: Path, *, questions: int, pairs: int, serving: bool) -> list[Part]:
    """The parts that are commands of their own, the most telling first."""
    asked = ["--model-url", url]
    for name, seconds in _PATIENCE.items():
        asked += [f"--{name.replace('_', '-')}", str(seconds)]
    suites = ["eval", "run", "all", "--split", "all", "--open-sealed", *asked]
    suites += [word for one in _SLICES for word in ("--slice", one)]
    suites += ["--limit", str(questions)]
    judged = out / "judged.jsonl"
    judging = ["scripts.calibrate_judge", *asked, "--pairs", str(pairs), "--out", str(judged)]
    found = [
        Part("judge", "The model as judge", tuple(judging), judged.with_suffix(".json")),
        Part(
            "drafted", "Questions, drafted and verified",
            (*suites, "--answer-mode", "draft", "--out", str(out / "drafted")),
            out / "drafted" / "summary.json",
        ),
        Part(
            "plain-rag", "The same questions by plain RAG",
            (*suites, "--baseline", "plain-rag", "--out", str(out / "plain-rag")),
            out / "plain-rag" / "summary.json",
        ),
    ]  # fmt: skip
    if serving:
        bench = ["scripts.bench_serving", "--engine", url, "--parts", "compare,cache,best_of"]
        bench += ["--conversations", "1,4,16", "--answers", "1", "--rounds", "1", "--users", "8"]
        found.append(Part("serving", "Serving beside bare vLLM", tuple(bench)))
    return found


def measured(part: Part, until: float) -> Measured:
    """Make a part's measurement, broken off at `until` (`time.monotonic`)."""
    shown = f"python -m {' '.join(part.command)}"
    begun = time.monotonic()
    left = until - begun
    if left <= 0:
        return Measured(part.name, part.title, shown, 0.0, "", "no time was left")
    say(f"• {part.title} ({left:.0f} s left)")
    words = [sys.executable, "-m", *part.command]
    why, text = "", ""
    try:
        done = subprocess.run(
            words, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=left, check=False
        )
        text = done.stdout
        if done.returncode:
            why = f"it ended with status {done.returncode}"
    except subprocess.TimeoutExpired as error:
        why = "broken off when the time was up; the same command goes on with it"
        text = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else ""
    found = None
    if not why and part.result is not None:
        found = json.loads(part.result.read_text(encoding="utf-8"))
    seconds = time.monotonic() - begun
    return Measured(part.name, part.title, shown, seconds, text.strip(), why, found)


class _Calls:
    """Adds up the tokens of judgements and of drafts."""

    def __init__(self) -> None:
        self.judged = self.judging = self.cached = self.drafting = 0

    def stage(self, name: str, seconds: float, details: Mapping[str, Any]) -> None:
        """Stages are not counted."""

    def answered(self, answer: Answer) -> None:
        """Nor are answers."""

    def model_called(self, call: ModelCall) -> None:
        """Take in one call."""
        tokens = call.usage.prompt_tokens + call.usage.completion_tokens
        if call.request["max_tokens"] == _WORD:
            self.judged += 1
            self.judging += tokens
            self.cached += call.cached
        else:
            self.drafting += tokens


async def _judging(url: str, index: Path, count: int) -> dict[str, float]:
    """What judging costs: its tokens beside the answers', and its part of their time."""
    settings = load_settings(
        index=index, model_url=url, verifier="model", answer_mode="draft", rewrite="rules",
        **_PATIENCE,
    )  # fmt: skip
    pipeline, calls = open_pipeline(settings), _Calls()
    pipeline.observers.add(calls)
    asked = [case["question"] for case in islice(dev_cases("paraphrase"), count)]
    waited = 0.0
    begun = time.monotonic()
    for text in asked:
        async with aclosing(pipeline.answer(Question(text))) as events:
            async for event in events:
                if isinstance(event, Final):
                    waited += event.answer.timings.get("verify", 0.0) / 1000
    whole = time.monotonic() - begun
    await pipeline.model.close()
    return {
        "questions": count,
        "judgements": calls.judged,
        "tokens of judgements": calls.judging,
        "of them cached": calls.cached,
        "tokens of drafts": calls.drafting,
        "share, cached ones left out": (calls.judging - calls.cached) / max(1, calls.drafting),
        "seconds an answer": whole / count,
        "of them waiting for a verdict": waited / count,
    }


def _cost(url: str, options: Any, until: float) -> Measured:  # noqa: ANN401 - a namespace
    title, begun = "What judging costs", time.monotonic()
    shown = "python -m scripts.gpu_report"
    if begun >= until:
        return Measured("cost", title, shown, 0.0, "", "no time was left")
    say(f"• {title} ({until - begun:.0f} s left)")
    work = _judging(url, options.index, options.cost)
    try:
        found = asyncio.run(asyncio.wait_for(work, until - begun))
    except TimeoutError:
        text, why, found = "", "broken off when the time was up", {}
    except CitewiseError as error:
        text, why, found = "", str(error), {}
    else:
        text, why = table(list(found), [list(found.values())]), ""
    return Measured("cost", title, shown, time.monotonic() - begun, text, why, found)


@contextmanager
def _engine(options: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a namespace
    if options.embedded:
        words = [sys.executable, "-m", "scripts.embedded_server"]
        with process([*words, *(["--model", options.model] if options.model else [])]) as url:
            yield url, f"{options.model or 'the embedded model'} in process"
        return
    with engine_at(options.engine) as engine:
        yield engine.url, engine.what


def _written(report: Report, out: Path) -> None:
    """Keep what there is so far: a report that is cut off is still one."""
    out.mkdir(parents=True, exist_ok=True)
    whole: Mapping[str, Any] = asdict(report)
    put(out / "report.json", json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    put(out / "report.md", report.markdown())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; status 1 where a part is missing."""
    options = _parser().parse_args(arguments)
    with _engine(options) as (url, what):
        until = time.monotonic() + 60 * options.minutes
        report = Report(what, machine())
        report.parts.append(_cost(url, options, until))
        _written(report, options.out)
        rest = parts(
            url, options.out, questions=options.questions, pairs=options.pairs,
            serving=not options.embedded,
        )  # fmt: skip
        for part in rest:
            report.parts.append(measured(part, until))
            _written(report, options.out)
    print(report.markdown())
    say(f"written: {options.out / 'report.json'} and report.md")
    return int(any(part.why for part in report.parts))


def _parser() -> Parser:
    parser = Parser(prog="python -m scripts.gpu_report", description=__doc__)
    parser.add_argument(
        "--index", type=Path, default=load_settings().index, help="(as in settings)"
    )
    parser.add_argument("--engine", metavar="URL", help="a server that runs already, /v1 included")
    parser.add_argument("--embedded", action="store_true", help="the model in process, no vLLM")
    parser.add_argument("--model", help="with --embedded: a GGUF file")
    parser.add_argument("--minutes", type=float, default=12, help="once the model answers (12)")
    parser.add_argument("--questions", type=int, default=200, help="of the suites (200)")
    parser.add_argument("--pairs", type=int, default=400, help="of each half, to judge (400)")
    parser.add_argument(
        "--cost", type=int, default=20, help="questions for what judging costs (20)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "gpu-report")
    return parser


if __name__ == "__main__":
    sys.exit(run("python -m scripts.gpu_report", main))
