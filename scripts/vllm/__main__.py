"""`python -m scripts.vllm` (`make vllm`): serve a model that fits this machine, with vLLM."""

from __future__ import annotations

import argparse
import signal
import sys

from index.cli import Parser, run, say
from scripts.vllm.choice import LaunchPlan, Table, VllmError, detect_gpus, pretended_gpus
from scripts.vllm.environment import HOME, Kind, ready_environment, small_model
from scripts.vllm.server import command, running, shown

_DEFAULT_PORT = 8000
LOCAL = f"http://127.0.0.1:{_DEFAULT_PORT}/v1"  # where `make run` looks


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; status 2 where this machine can't."""
    given = sys.argv[1:] if arguments is None else arguments
    split = given.index("--") if "--" in given else len(given)
    options = _parser().parse_args(given[:split])
    return run("make vllm", lambda: _serve(options, given[split + 1 :]))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m scripts.vllm", description=__doc__, epilog="What follows -- goes to vLLM."
    )
    parser.add_argument("--model", help="a hub's name or a folder, instead of the table's choice")
    parser.add_argument("--context", type=int, help="tokens of context, instead of the table's")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=_DEFAULT_PORT, help="the port (8000)")
    parser.add_argument("--cpu", action="store_true", help="the small model, without a GPU")
    parser.add_argument(
        "--no-speculation", action="store_true", help="propose no tokens by n-grams of the prompt"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the command and end")
    parser.add_argument(
        "--as-if", metavar="GPUS", help="with --dry-run: choose for these, such as 24 or 2x80@8.0"
    )
    parser.add_argument(
        "--wait", type=float, default=3600, help="seconds until it must be ready, download included"
    )
    return parser


def _serve(options: argparse.Namespace, more: list[str]) -> int:
    kind: Kind = "cpu" if options.cpu else "gpu"
    plan = _plan(options)
    words = command(plan, kind, options.host, options.port, more)
    if options.dry_run:
        print(shown(plan, words))
        return 0
    say(f"• {plan.remark}")
    ready_environment(kind)
    if kind == "cpu":
        small_model()
    address = f"http://{options.host}:{options.port}/v1"
    log = HOME / "server.log"
    # However this is ended, the server ends with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say(f"• starting; its log is {log}")
    with running(plan, words, address, log, options.wait) as server:
        say(_pointing(server.url, server.model, server.context))
        status = server.process.wait()
    raise VllmError(f"vLLM ended with status {status}; see {log}")


def _plan(options: argparse.Namespace) -> LaunchPlan:
    table = Table.shipped()
    if options.cpu:
        folder = HOME / str(table.cpu["model"])
        return table.for_cpu(folder, context=options.context)
    if options.as_if and not options.dry_run:
        raise VllmError("--as-if chooses for GPUs that are not here: it goes with --dry-run only")
    gpus = pretended_gpus(options.as_if) if options.as_if else detect_gpus()
    speculate = not options.no_speculation
    return table.for_gpus(gpus, model=options.model, context=options.context, speculate=speculate)


def _pointing(url: str, model: str, context: int) -> str:
    port = url.rpartition(":")[2]
    found = url == LOCAL
    here = "make run   (finds it by itself)" if found else f'make run ARGS="--model-url {url}"'
    return (
        f"vLLM serves {model} at {url}, {context} tokens of context\n"
        f"  in another terminal   {here}\n"
        f"  on another machine    CITEWISE_MODEL_URL=http://THIS-MACHINE:{port} make run\n"
        "                        (start this with --host 0.0.0.0 and a key in VLLM_API_KEY, and "
        "name the key there in CITEWISE_MODEL_KEY)\n"
        "  Ctrl-C stops it"
    )


if __name__ == "__main__":
    sys.exit(main())
