"""`python -m app`: serve the page, the endpoint and the tools, or ask from the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from index.cli import Parser, escape_unprintable, run, text


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    escape_unprintable()
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given[0] if given else "").parse_args(given)
    return run(f"app {options.command}", lambda: _dispatch(options))


def _parser(named: str) -> Parser:
    """The parser, with the flags of the named command alone: to list commands loads nothing."""
    parser = Parser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (what, add_flags) in _COMMANDS.items():
        command = commands.add_parser(name, help=what)
        if name == named:
            add_flags(command)
    return parser


def _serve(parser: Parser) -> None:
    from app.config.flags import add_settings
    from app.config.settings import GROUPS

    add_settings(parser, *GROUPS)


def _ask(parser: Parser) -> None:
    _question(parser)
    _sources(parser)
    parser.add_argument("--persona", help="a persona's name, or the path of your own persona file")
    parser.add_argument("--temperature", type=float, help="0 is greedy, 2 is the most")
    parser.add_argument("--top-p", type=float, help="nucleus sampling, above 0 and at most 1")
    parser.add_argument("--max-tokens", type=int, help="the longest answer, in tokens")
    parser.add_argument("--seed", type=int, help="makes sampling repeatable")
    parser.add_argument("--explain", action="store_true", help="show how the answer was made")
    _answering(parser)


def _sources(parser: Parser) -> None:
    parser.add_argument(
        "--source", action="append", default=[], metavar="NAME",
        help="ask within this source alone; may be repeated (python -m index sources)",
    )  # fmt: skip


def _chat(parser: Parser) -> None:
    _sources(parser)
    parser.add_argument("--persona", help="a persona's name, such as citewise-engineer")
    _answering(parser)


def _retrieve(parser: Parser) -> None:
    from app.config.flags import add_settings
    from app.config.settings import SearchSettings

    _question(parser)
    _sources(parser)
    parser.add_argument("-k", type=int, default=8, help="how many hits (8)")
    add_settings(parser, SearchSettings)


def _question(parser: Parser) -> None:
    parser.add_argument(
        "question", nargs="?", type=text, help="the question; - reads standard input"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--batch", action="store_true",
        help='read JSONL on standard input, {"id", "question", "history"}; print JSONL',
    )  # fmt: skip


def _answering(parser: Parser) -> None:
    from app.config.flags import add_settings
    from app.config.settings import AnswerSettings, ModelSettings, SearchSettings

    add_settings(parser, SearchSettings, ModelSettings, AnswerSettings)


def _check(parser: Parser) -> None:
    parser.add_argument(
        "text", nargs="?", type=text, help="a sentence or a paragraph; - reads standard input"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _answering(parser)


def _keys(parser: Parser) -> None:
    parser.add_argument("action", choices=["add", "list", "revoke"])
    parser.add_argument("name", nargs="?", help="whom the key is for")
    parser.add_argument("--file", type=Path, help="the keys file (setting api_keys_file)")
    parser.add_argument("--requests-per-minute", type=int, metavar="N", help="a new key's rate")
    parser.add_argument("--tokens-per-day", type=int, metavar="N", help="a new key's budget")
    parser.add_argument(
        "--write", action="store_true", help="the new key may add and delete documents"
    )


def _calculate(parser: Parser) -> None:
    parser.add_argument("--list", action="store_true", help="name what can be calculated")
    parser.add_argument("--markdown", action="store_true", help="print the documentation's page")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("name", nargs="?", help="the calculation; NAME --help shows its inputs")
    parser.add_argument(
        "inputs", nargs=argparse.REMAINDER, metavar="--input value",
        help="such as: kv-cache --model llama-3.1-70b --tokens 128k",
    )  # fmt: skip


def _settings(parser: Parser) -> None:
    parser.add_argument("--markdown", action="store_true", help="print the documentation's page")
    parser.add_argument("--json", action="store_true", help="print one JSON list")


def _db(parser: Parser) -> None:
    parser.add_argument("action", choices=["upgrade", "current"])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _database(parser)


def _feedback(parser: Parser) -> None:
    parser.add_argument("action", choices=["export"])
    parser.add_argument("--since", help="only from this date or moment on (ISO 8601)")
    _database(parser)


def _database(parser: Parser) -> None:
    from app.config.flags import add_settings
    from app.config.settings import RecordSettings

    add_settings(parser, RecordSettings, only=["database"])


_COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "serve": ("serve the chat page and the endpoint", _serve),
    "ask": ("answer a question, with its sources", _ask),
    "chat": ("talk in the terminal: follow-ups, shorter, sources", _chat),
    "retrieve": ("show what is found for a question", _retrieve),
    "check": ("tell of each sentence of a text whether the sources bear it out", _check),
    "mcp": (
        "serve the tools of the Model Context Protocol on standard input and output",
        _answering,
    ),
    "calculate": (
        "work a formula out: memory, compute, speed, cost, statistics",
        _calculate,
    ),
    "keys": ("add, list or revoke the endpoint's keys", _keys),
    "settings": ("list every setting with its default", _settings),
    "db": ("upgrade the database's tables, or tell their version", _db),
    "feedback": ("export what readers said, as JSON lines", _feedback),
}


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "serve":
        from app.cli.serve import serve

        return serve(options)
    if options.command == "mcp":
        from app.cli.mcp import mcp

        return mcp(options)
    if options.command == "chat":
        from app.cli.chat import chat

        return chat(options)
    if options.command == "keys":
        from app.cli.keys import keys

        return keys(options)
    if options.command == "check":
        from app.cli.check import check_command

        return check_command(options)
    if options.command == "calculate":
        from app.cli.calculate import calculate_command

        return calculate_command(options)
    if options.command == "settings":
        from app.cli.settings import settings

        return settings(options)
    if options.command in ("db", "feedback"):
        from app.cli import database

        return database.db(options) if options.command == "db" else database.feedback(options)
    from app.cli.ask import ask, retrieve

    return ask(options) if options.command == "ask" else retrieve(options)


if __name__ == "__main__":
    sys.exit(main())
