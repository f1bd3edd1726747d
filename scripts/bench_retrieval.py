"""`python -m scripts.bench_retrieval`: how fast retrieval is, alone and beside its peers.

Without flags it measures Citewise itself (two minutes). Results are Markdown on standard output;
with --write they also replace their section of docs/speed.md.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from index.cli import Parser
from scripts.bench.measure import ROOT, machine, replace_section, work_dir

_PEERS = ["langchain", "llamaindex", "txtai", "haystack"]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that were asked for; return the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given)
    shown = [word for word in given if word != "--write"]
    command = shlex.join(["python", "-m", "scripts.bench_retrieval", *shown])
    where = f"`{command}` on {machine()}.\n\n"
    if options.peers is not None or options.million is not None:
        if options.million is not None:
            _report(options, "ladder", where + _ladder(options))
        if options.peers is not None:
            _report(options, "peers", where + _peers(options))
        return 0
    if options.documents is not None:
        from scripts.bench import documents

        text = documents.figures(options.documents or [10_000, 25_000, 50_000])
        _report(options, "documents", where + text)
        return 0
    if options.newcomer:
        from scripts.bench import newcomer

        text = newcomer.figures(options.questions, from_nothing=options.from_nothing)
        _report(options, "newcomer", where + text)
        return 0
    from scripts.bench import ours

    if options.threads is not None:
        print(where + ours.scaling(options.questions, options.threads), flush=True)
        return 0
    _report(options, "own figures", where + ours.figures(options.questions))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m scripts.bench_retrieval", description=__doc__)
    parser.add_argument("--questions", type=int, default=300, help="questions to time (300)")
    parser.add_argument(
        "--peers", nargs="*", choices=_PEERS, metavar="NAME",
        help=f"time peers ({', '.join(_PEERS)}; all of them when none is named), each in an "
        "environment that is made for it",
    )  # fmt: skip
    parser.add_argument("--passages", type=int, default=1000, help="passages for the peers (1000)")
    parser.add_argument(
        "--venvs", type=Path, default=work_dir("venvs"), help="where the peers' environments are"
    )
    parser.add_argument(
        "--million", nargs="*", type=int, metavar="SIZE",
        help="synthetic vectors in each kind of store (10,000, 100,000 and 1,000,000)",
    )  # fmt: skip
    parser.add_argument(
        "--documents", nargs="*", type=int, metavar="SIZE",
        help="so many passages of documents, built with vectors that are made up, then followed "
        "and asked with the shipped encoder (10,000, 25,000 and 50,000)",
    )  # fmt: skip
    parser.add_argument(
        "--kinds", nargs="+", choices=["flat", "hnsw", "ivf"], default=["flat", "hnsw", "ivf"]
    )
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="N",
        help="only how queries from that many threads scale, and whether their results agree",
    )  # fmt: skip
    parser.add_argument(
        "--newcomer", action="store_true",
        help="only what one waits for with the index in var/index: a start, first hits, a query",
    )  # fmt: skip
    parser.add_argument(
        "--from-nothing", action="store_true",
        help="with --newcomer: also `make run` in a fresh clone (minutes; fetches the packages)",
    )  # fmt: skip
    parser.add_argument("--write", action="store_true", help="also write docs/speed.md")
    return parser


def _ladder(options: argparse.Namespace) -> str:
    from scripts.bench import ladder

    return ladder.figures(options.million or [10_000, 100_000, 1_000_000], options.kinds)


def _peers(options: argparse.Namespace) -> str:
    from scripts.bench import peers

    return peers.figures(options.peers or _PEERS, options.passages, options.venvs)


def _report(options: argparse.Namespace, section: str, text: str) -> None:
    print(text, flush=True)
    if options.write:
        replace_section(ROOT / "docs" / "speed.md", section, text)


if __name__ == "__main__":
    sys.exit(main())
