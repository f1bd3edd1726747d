"""`python -m eval`: ask a suite of the product or any endpoint, score, compare, guard, report."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from eval.baseline_names import BASELINES
from index.cli import Parser, escape_unprintable, run

# Where a command is carried out, if not in `eval.commands`.
_MODULES = {
    "judge": "judge_commands",
    "calibrate": "judge_commands",
    "checks": "checks",
    "dialogues": "dialogue_commands",
    "export": "exchange_commands",
    "import-feedback": "exchange_commands",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    escape_unprintable()
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given[0] if given else "").parse_args(given)
    return run(f"eval {options.command}", lambda: _dispatch(options))


def _dispatch(options: argparse.Namespace) -> int:
    # The commands bring numpy and pydantic: --help stays quick without them.
    module = importlib.import_module(f"eval.{_MODULES.get(options.command, 'commands')}")
    name = "rescore" if options.command == "score" else options.command.replace("-", "_")
    return int(getattr(module, name)(options))


def _parser(named: str) -> Parser:
    """The parser; flags that are settings are read for the named command alone."""
    parser = Parser(prog="python -m eval", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asking = commands.add_parser("run", help="ask a suite of a target, and score the answers")
    playing = commands.add_parser("dialogues", help="play conversations, and score them")
    checking = commands.add_parser("checks", help="check statements, and count right verdicts")
    if named == "run":
        _add_run(asking)
    if named == "checks":
        _add_checks(checking)
    if named == "dialogues":
        _add_dialogues(playing)

    score = commands.add_parser("score", help="score a run's samples anew")
    score.add_argument("run_dir", type=Path, metavar="DIR")
    score.add_argument(
        "--embeddings", action="store_true",
        help="also compare answers with references token by token, by the encoder",
    )  # fmt: skip
    score.add_argument("--encoder", help="the encoder for it (the configured one)")

    compare = commands.add_parser("compare", help="compare two runs on the same cases")
    compare.add_argument("a", type=Path, metavar="A")
    compare.add_argument("b", type=Path, metavar="B")

    compare.add_argument("--page", type=Path, metavar="FILE", help="write won and lost as HTML")

    gate = commands.add_parser("gate", help="check limits; exit with 1 if one fails")
    gate.add_argument("run_dir", type=Path, metavar="DIR")
    gate.add_argument("--baseline", type=Path, help="a committed baseline to hold against")
    gate.add_argument("--strict", action="store_true", help="refuse what is undecided too")
    gate.add_argument("--update", action="store_true", help="write the baseline from this run")

    report = commands.add_parser("report", help="write HTML, Markdown and JSON of runs")
    report.add_argument("run_dirs", type=Path, nargs="+", metavar="DIR")
    report.add_argument("--out", type=Path, help="where to write (the first DIR)")

    export = commands.add_parser("export", help="write a run for another tool")
    export.add_argument("run_dir", type=Path, metavar="DIR")
    export.add_argument("--format", choices=["trec", "ragas", "inspect"], required=True)
    export.add_argument("--out", type=Path, metavar="DIR", help="(a folder in the run)")

    for each in (score, compare, gate, report, export):
        each.add_argument("--json", action="store_true", help="print the result as JSON")
    _add_judging(commands)
    return parser


def _add_judging(commands: argparse._SubParsersAction[Parser]) -> None:
    judge = commands.add_parser(
        "judge", help="have a language model judge a run, or one run's answers against another's"
    )
    judge.add_argument("run_dir", type=Path, metavar="DIR")
    judge.add_argument("--against", type=Path, metavar="DIR", help="compare answers with these")
    judge.add_argument("--out", type=Path, metavar="FILE", help="write each comparison as JSONL")
    _add_judge(judge, required=True)

    calibrate = commands.add_parser(
        "calibrate", help="hold verifiers and a judge against hand-labelled claims"
    )
    calibrate.add_argument("--claims", type=Path, metavar="FILE", help="(the shipped ones)")
    calibrate.add_argument("--index", type=Path, help="the index that weighs words")
    _add_judge(calibrate, required=False)

    imported = commands.add_parser(
        "import-feedback", help="make case drafts of readers' feedback, and cases of reviewed ones"
    )
    imported.add_argument(
        "source", type=Path, metavar="FILE",
        help="what `python -m app feedback export` wrote; with --accept, the drafts",
    )  # fmt: skip
    imported.add_argument("--out", type=Path, required=True, metavar="FILE", help="what is written")
    imported.add_argument(
        "--accept", action="store_true", help="write the reviewed ones as a suite"
    )

    view = commands.add_parser("view", help="open a run's page in the browser")
    view.add_argument("run_dir", type=Path, metavar="DIR")

    make = commands.add_parser("make", help="derive suites from any knowledge base")
    make.add_argument("--kb", action="append", metavar="[NAME=]PATH", help="(the shipped one)")
    make.add_argument("--out", type=Path, metavar="DIR", help="where the suites are written")
    make.add_argument(
        "--seal", action="store_true", help="write eval/suites/schema.json and sealed.json anew"
    )
    for each in (judge, calibrate, imported, make):
        each.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "suite", metavar="SUITE",
        help="a name in eval/suites, `all`, `smoke` (40 questions), a derived one (verbatim, "
        "leave-out, counterfactual, conflict), or a JSONL file",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="holds the run")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    cases = parser.add_argument_group("cases")
    cases.add_argument("--slice", action="append", help="only this slice; may be repeated")
    cases.add_argument("--limit", type=_positive, help="only so many, chosen by hash")
    cases.add_argument("--split", choices=["dev", "sealed", "all"], default="dev")
    cases.add_argument("--open-sealed", action="store_true", help="allow the sealed half")
    cases.add_argument("--repeats", type=_positive, default=1, help="samples a question (1)")
    target = _add_target(parser)
    target.add_argument("--retrieval-only", action="store_true", help="write no answers")
    target.add_argument("--parallel", type=_positive, help="how many at once")
    target.add_argument("--no-cache", action="store_true", help="keep and use no earlier answers")


def _add_dialogues(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "suite", metavar="SUITE", nargs="?", default="all",
        help="dialogue, leak, false-act, `all` of them (the default), or a JSONL file",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="where what was said is written")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--show", action="store_true", help="list what failed")
    parser.add_argument("--only", action="append", metavar="ACT", help="or an id; may be repeated")
    parser.add_argument("--split", choices=["dev", "sealed", "all"], default="dev")
    parser.add_argument("--open-sealed", action="store_true", help="allow the sealed half")
    _add_target(parser)
    parser.set_defaults(retrieval_only=False)


def _add_checks(parser: argparse.ArgumentParser) -> None:
    from app.config.flags import add_settings
    from app.config.settings import AnswerSettings, ModelSettings, SearchSettings
    from eval.checks import CHECKS

    parser.add_argument(
        "suite", metavar="FILE", nargs="?", type=Path, default=CHECKS, help="a JSONL file (ours)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON line a statement")
    add_settings(parser, SearchSettings, ModelSettings, AnswerSettings)


def _add_target(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    from app.config.flags import add_settings
    from app.config.settings import AnswerSettings, ModelSettings, SearchSettings

    target = parser.add_argument_group("target (the product in process, unless said otherwise)")
    target.add_argument("--target", metavar="URL", help="an OpenAI-compatible API, /v1 included")
    target.add_argument("--key-env", metavar="NAME", help="the variable that holds its key")
    target.add_argument(
        "--baseline", choices=list(BASELINES), metavar="NAME",
        help="; ".join(f"{name}: {what}" for name, what in BASELINES.items()),
    )  # fmt: skip
    target.add_argument("--kb", action="append", metavar="[NAME=]PATH", help="index this first")
    target.add_argument("--persona", action="append", help="may be repeated: each is asked")
    target.add_argument("--temperature", type=float)
    target.add_argument("--top-p", type=float)
    target.add_argument("--max-tokens", type=_positive)
    target.add_argument("--seed", type=int, help="the first sample's seed (0)")
    add_settings(parser, SearchSettings, ModelSettings, AnswerSettings)
    return target


def _add_judge(parser: argparse.ArgumentParser, *, required: bool) -> None:
    judge = parser.add_argument_group("judge")
    judge.add_argument(
        "--judge", metavar="URL", required=required,
        help="an OpenAI-compatible API, /v1 included; `local` is the embedded model, or the one "
        "that --judge-model names",
    )  # fmt: skip
    judge.add_argument("--judge-model", metavar="NAME", help="the judge's name, or a GGUF file")
    judge.add_argument("--judge-key-env", metavar="NAME", help="the variable that holds its key")
    judge.add_argument("--judge-parallel", type=_positive, help="how many at once (8; local 1)")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
