"""`python -m index expand`: have questions written for a knowledge base, and keep the good ones.

Who writes them is a plug-in, named by `--writer`: a module with `add_arguments(parser)`, which
adds its own flags, and `open_writer(options)`, which gives a `QuestionWriter`. The default's name
is a string here: this package knows no more of it, and works without it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from index.cli import Parser, print_json, progress_bar, say
from index.errors import CitewiseError, KnowledgeBaseError
from index.expand.progress import ProgressFile
from index.expand.questions import (
    ExpansionReport,
    ExpansionSettings,
    QuestionWriter,
    choose,
    write_questions,
)
from index.export import ExportFormat, write
from index.types import KnowledgeBase

__all__ = ["expand"]

DEFAULT_WRITER = "app.cli.question_writer"
_SUFFIXES: dict[str, ExportFormat] = {"": "yaml", ".json": "tower", ".jsonl": "jsonl"}


class _WriterModule(Protocol):
    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def open_writer(self, options: argparse.Namespace) -> QuestionWriter: ...


def expand(arguments: list[str], add_kb: Callable[[argparse.ArgumentParser], None]) -> int:
    """Run the command.

    Args:
        arguments: what follows `expand`.
        add_kb: adds the flags that name a knowledge base.
    """
    first = Parser(prog="python -m index expand", add_help=False)
    first.add_argument("--writer", default=DEFAULT_WRITER)
    writers = _load(first.parse_known_args(arguments)[0].writer)
    options = _parser(add_kb, writers).parse_args(arguments)
    kind = _kind(options.out)
    started = time.perf_counter()
    base = _knowledge_base(options)
    writer = writers.open_writer(options)
    settings = ExpansionSettings(count=options.count, within=options.within)
    place = options.progress or options.out.with_name(f"{options.out.name}.progress.jsonl")
    identity = {**writer.identity, "count": str(settings.count)}
    with ProgressFile(place, identity) as done:
        with progress_bar("writing questions") as progress:
            asyncio.run(_write(base, writer, done, settings.count, progress, place))
        expanded, report = _choose(base, done, settings, options)
    write(expanded, options.out, kind)
    _tell(report, options, time.perf_counter() - started)
    return 0


def _parser(add_kb: Callable[[argparse.ArgumentParser], None], writers: _WriterModule) -> Parser:
    parser = Parser(
        prog="python -m index expand",
        description="Have other ways of asking written for each FAQ and data point, and keep those "
        "that find their passage. It can be interrupted and started again at any time.",
    )
    add_kb(parser)
    parser.add_argument(
        "--out", type=Path, required=True,
        help="the expanded knowledge base: a folder of YAML, or a file .json (tower) or .jsonl",
    )  # fmt: skip
    parser.add_argument(
        "--progress", type=Path, help="what was written so far (OUT.progress.jsonl)"
    )
    parser.add_argument("--count", type=_at_least_one, default=5, help="questions a passage (5)")
    parser.add_argument(
        "--within", type=_at_least_one, default=5,
        help="a question must bring its passage back among this many hits (5)",
    )  # fmt: skip
    parser.add_argument("--encoder", help="the encoder that the questions are tried with")
    parser.add_argument("--encoder-engine", choices=["auto", "openvino", "torch"], default="auto")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--writer", default=DEFAULT_WRITER, metavar="MODULE",
        help=f"who writes: a module with add_arguments and open_writer ({DEFAULT_WRITER})",
    )  # fmt: skip
    writers.add_arguments(parser)
    return parser


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def _load(name: str) -> _WriterModule:
    try:
        module: ModuleType = importlib.import_module(name)
    except ImportError as error:
        raise KnowledgeBaseError(
            f"--writer {name} can't be imported ({error}); expected a module, run from the "
            "project's root"
        ) from error
    if not (hasattr(module, "add_arguments") and hasattr(module, "open_writer")):
        raise KnowledgeBaseError(f"--writer {name}: expected add_arguments and open_writer in it")
    return cast(_WriterModule, module)


def _kind(out: Path) -> ExportFormat:
    if out.suffix.lower() not in _SUFFIXES:
        raise KnowledgeBaseError(
            f"--out {out}: expected a folder (no suffix) or a name ending in .json or .jsonl"
        )
    return _SUFFIXES[out.suffix.lower()]


def _knowledge_base(options: argparse.Namespace) -> KnowledgeBase:
    from index.sources import SHIPPED, read_all

    result = read_all(
        options.kb or [f"ai={SHIPPED}"], strict=options.strict, base_urls=options.base_url
    )
    for problem in result.problems:
        say(f"left out: {problem.place}: expected {problem.expected}, found {problem.found}")
    return result.knowledge_base


async def _write(
    base: KnowledgeBase,
    writer: QuestionWriter,
    done: ProgressFile,
    count: int,
    progress: Callable[[int, int], None],
    place: Path,
) -> None:
    try:
        await write_questions(base, writer, done, count, progress)
    except (CitewiseError, asyncio.CancelledError):
        say(f"what was written is kept in {place}; the same command goes on from there")
        raise
    finally:
        await writer.close()


def _choose(
    base: KnowledgeBase,
    done: ProgressFile,
    settings: ExpansionSettings,
    options: argparse.Namespace,
) -> tuple[KnowledgeBase, ExpansionReport]:
    """Try the questions on an index of the knowledge base as it was."""
    from index import store
    from index.build import build
    from index.encoders import DEFAULT_ENCODER, load_encoder
    from index.retrieve import HybridRetriever

    encoder = load_encoder(options.encoder or DEFAULT_ENCODER, engine=options.encoder_engine)
    with tempfile.TemporaryDirectory(prefix="citewise-expand-") as folder:
        with progress_bar("encoding") as progress:
            build(base, Path(folder), encoder, progress)
        retriever = HybridRetriever(store.load(Path(folder), encoder.info), encoder)
        with progress_bar("trying questions") as progress:
            return choose(base, done, retriever, settings, progress)


def _tell(report: ExpansionReport, options: argparse.Namespace, seconds: float) -> None:
    if options.json:
        print_json(
            {
                "out": str(options.out),
                "passages": len(report.added),
                "written": report.written,
                "kept": report.kept,
                "dropped": dict(report.dropped),
                "added": {ref: list(questions) for ref, questions in report.added.items()},
                "seconds": round(seconds, 1),
            }
        )
        return
    dropped = ", ".join(f"{number} {reason}" for reason, number in report.dropped.items())
    print(
        f"{options.out}: {report.kept} questions for {len(report.added)} passages, of "
        f"{report.written} written; dropped: {dropped or 'none'}; {seconds:.1f} s"
    )
