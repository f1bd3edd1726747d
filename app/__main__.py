"""`python -m app`: serve the page, the endpoint and the tools, or ask from the terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from index.cli import Parser, escape_unprintable, run, text


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    escape_unprintable()
    options = _parser().parse_args(arguments)
    return run(f"app {options.command}", lambda: _dispatch(options))


def _parser() -> Parser:
    parser = Parser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the chat page and the endpoint")
    serve.add_argument("--host", help="the address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, help="the port to listen on (7860; 0 picks one)")
    _add_database(serve)
    _add_common(serve)
    _add_model(serve)

    ask = commands.add_parser("ask", help="answer a question, with its sources")
    _add_question(ask)
    ask.add_argument("--persona", help="a persona's name, or the path of your own persona file")
    ask.add_argument("--temperature", type=float, help="0 is greedy, 2 is the most")
    ask.add_argument("--top-p", type=float, help="nucleus sampling, above 0 and at most 1")
    ask.add_argument("--max-tokens", type=int, help="the longest answer, in tokens")
    ask.add_argument("--seed", type=int, help="makes sampling repeatable")
    ask.add_argument("--explain", action="store_true", help="show how the answer was made")
    _add_common(ask)
    _add_model(ask)

    retrieve = commands.add_parser("retrieve", help="show what is found for a question")
    _add_question(retrieve)
    retrieve.add_argument("-k", type=int, default=8, help="how many hits (8)")
    _add_common(retrieve)

    tools = commands.add_parser(
        "mcp", help="serve the tools of the Model Context Protocol on standard input and output"
    )
    _add_common(tools)
    _add_model(tools)

    keys = commands.add_parser("keys", help="add, list or revoke the endpoint's keys")
    keys.add_argument("action", choices=["add", "list", "revoke"])
    keys.add_argument("name", nargs="?", help="whom the key is for")
    keys.add_argument("--file", type=Path, help="the keys file (setting api_keys_file)")
    keys.add_argument("--requests-per-minute", type=int, metavar="N", help="a new key's rate")
    keys.add_argument("--tokens-per-day", type=int, metavar="N", help="a new key's budget")
    told = commands.add_parser("settings", help="list every setting with its default")
    told.add_argument("--markdown", action="store_true", help="print the documentation's page")
    told.add_argument("--json", action="store_true", help="print one JSON list")
    _add_store_commands(commands)
    return parser


def _add_store_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    database = commands.add_parser(
        "db", help="upgrade the database's tables, or tell their version"
    )
    database.add_argument("action", choices=["upgrade", "current"])
    database.add_argument("--json", action="store_true", help="print one JSON object")
    _add_database(database)

    feedback = commands.add_parser("feedback", help="export what readers said, as JSON lines")
    feedback.add_argument("action", choices=["export"])
    feedback.add_argument("--since", help="only from this date or moment on (ISO 8601)")
    _add_database(feedback)


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database", help="the path of an SQLite file, or a PostgreSQL URL (setting database)"
    )


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "question", nargs="?", type=text, help="the question; - reads standard input"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--batch", action="store_true",
        help='read JSONL on standard input, {"id", "question", "history"}; print JSONL',
    )  # fmt: skip


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, help="the index directory")
    parser.add_argument("--encoder", help="the encoder that the index was made with")
    parser.add_argument("--encoder-engine", choices=["auto", "openvino", "torch"])
    parser.add_argument("--reranker", help="a cross-encoder's folder or hub name")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=["auto", "openvino", "openai", "transformers"])
    parser.add_argument("--model", help="the served model's name, or a local path")
    parser.add_argument("--model-url", help="an OpenAI-compatible server, /v1 included")
    parser.add_argument("--answer-mode", choices=["auto", "draft", "compose"])
    parser.add_argument("--rewrite", choices=["auto", "model", "rules"])
    parser.add_argument("--unsupported", choices=["drop", "mark", "keep"])
    parser.add_argument("--verifier", help="builtin, model, or a sequence classifier")
    parser.add_argument("--personas", type=Path, help="a folder of your own persona files")


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "serve":
        from app.cli.serve import serve

        return serve(options)
    if options.command == "mcp":
        from app.cli.mcp import mcp

        return mcp(options)
    if options.command == "keys":
        from app.cli.keys import keys

        return keys(options)
    if options.command == "settings":
        from app.cli.settings import settings

        return settings(options)
    if options.command in ("db", "feedback"):
        from app.cli import store

        return store.db(options) if options.command == "db" else store.feedback(options)
    from app.cli.ask import ask, retrieve

    return ask(options) if options.command == "ask" else retrieve(options)


if __name__ == "__main__":
    sys.exit(main())
