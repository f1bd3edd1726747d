"""`python -m index`: build an index, search it, audit, expand and export knowledge."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from index.cli import Parser, escape_unprintable, print_json, progress_bar, run, say, text
from index.manage import add_commands

DEFAULT_INDEX = Path(__file__).resolve().parent.parent / "var" / "index"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    escape_unprintable()
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["expand"]:
        from index.expand.command import expand

        return run("index expand", lambda: expand(given[1:], _add_kb))
    options = _parser().parse_args(given)
    return run(f"index {options.command}", lambda: int(options.run(options)))


def _parser() -> Parser:
    parser = Parser(prog="python -m index", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    _add_build(commands.add_parser("build", help="build the index of a knowledge base"))
    _add_search(commands.add_parser("search", help="find the passages for a query"))
    _add_audit(commands.add_parser("audit", help="find what is wrong inside a knowledge base"))
    # Whoever writes the questions brings flags of their own: it has a parser for itself.
    commands.add_parser("expand", help="have more ways of asking written", add_help=False)
    _add_export(commands.add_parser("export", help="write a knowledge base in another format"))
    add_commands(commands, _add_index)
    _add_info(commands.add_parser("info", help="tell what an index was made from and how"))
    return parser


def _add_build(build: Parser) -> None:
    _add_kb(build)
    build.add_argument("--out", type=Path, default=DEFAULT_INDEX, help="the index directory")
    build.add_argument("--encoder", help="the encoder: a name, a folder or a hub's name")
    build.add_argument("--encoder-engine", choices=["auto", "openvino", "torch"], default="auto")
    build.add_argument(
        "--vectors", choices=["auto", "flat", "hnsw", "ivf"], default="auto",
        help="how vectors are searched; auto is exact up to a size (docs/store.md)",
    )  # fmt: skip
    build.add_argument(
        "--late-interaction", choices=["auto", "on", "off"], default="auto",
        help="keep the passages' token vectors, by which the best candidates are read again",
    )  # fmt: skip
    build.add_argument(
        "--ray", nargs="?", const="local", metavar="ADDRESS",
        help="encode with Ray: a cluster's address, auto, or processes of this machine "
        "(docs/scaling.md)",
    )  # fmt: skip
    build.add_argument(
        "--ray-workers", type=_positive, default=2, metavar="N", help="that encode at once (2)"
    )
    build.add_argument("--json", action="store_true", help="print the report as JSON")
    build.set_defaults(run=_build)


def _add_search(search: Parser) -> None:
    search.add_argument("query", type=text)
    search.add_argument("-k", type=_positive, default=8, help="how many hits (8)")
    _add_index(search)
    search.add_argument("--reranker", help="a cross-encoder's folder or hub name")
    search.add_argument("--json", action="store_true", help="print the hits as JSON")
    search.set_defaults(run=_search)


def _add_audit(audit: Parser) -> None:
    _add_kb(audit)
    audit.add_argument("--json", action="store_true", help="print the findings as JSON")
    audit.add_argument(
        "--severity", choices=["error", "warning", "note"], default="warning",
        help="the least severity that is shown (warning)",
    )  # fmt: skip
    audit.add_argument(
        "--fail-on", choices=["error", "warning", "note"],
        help="exit with status 1 if there is a finding of this severity or worse",
    )  # fmt: skip
    audit.set_defaults(run=_audit)


def _add_export(export: Parser) -> None:
    _add_kb(export)
    export.add_argument("--format", choices=["yaml", "tower", "jsonl"], default="yaml")
    export.add_argument("--out", type=Path, required=True, help="a folder (yaml) or a file")
    export.set_defaults(run=_export)


def _add_info(info: Parser) -> None:
    _add_index(info)
    info.add_argument("--json", action="store_true", help="print the manifest as JSON")
    info.set_defaults(run=_info)


def _add_kb(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kb", action="append", metavar="[NAME=]PATH",
        help="a Citewise YAML folder, tower JSON, FAQ as CSV or JSONL, or documents, one or a "
        "folder with anything in it (docs/documents.md); may be given several times "
        "(default: the shipped one)",
    )  # fmt: skip
    parser.add_argument(
        "--base-url", action="append", default=[], metavar="[NAME=]URL",
        help="where a folder's files can be read on the web, so that citations lead there; {path} "
        "in it is a file's path, {page} the path without its ending",
    )  # fmt: skip
    parser.add_argument(
        "--strict", action="store_true", help="refuse bad records instead of leaving them out"
    )


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX, help="the index directory")
    parser.add_argument("--encoder", help="the encoder that the index was made with")
    parser.add_argument("--encoder-engine", choices=["auto", "openvino", "torch"], default="auto")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


def _read(options: argparse.Namespace):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from index.sources import SHIPPED, read_all

    specs = options.kb or [f"ai={SHIPPED}"]
    result = read_all(specs, strict=options.strict, base_urls=options.base_url)
    for problem in result.problems:
        say(f"left out: {problem.place}: expected {problem.expected}, found {problem.found}")
    for skipped in result.skipped:
        say(f"not read: {skipped}")
    if result.problems:
        say(f"{len(result.problems)} problems; --strict refuses instead")
    return result.knowledge_base


def _build(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from index.build import build
    from index.encoders import DEFAULT_ENCODER, load_encoder
    from index.recipe import keep_recipe

    started = time.perf_counter()
    knowledge_base = _read(options)
    name = options.encoder or DEFAULT_ENCODER
    encoder = load_encoder(name, engine=options.encoder_engine)
    if options.ray:
        from index.encoders.ray_encoder import ray_encoder

        encoder = ray_encoder(
            encoder, name, options.encoder_engine, address=options.ray, workers=options.ray_workers
        )
    with progress_bar("encoding") as progress:
        report = build(
            knowledge_base,
            options.out,
            encoder,
            progress,
            vectors=options.vectors,
            late_interaction=options.late_interaction,
        )
    keep_recipe(options.out, options.kb, options.base_url)
    if options.json:
        print_json({**asdict(report), "directory": str(report.directory)})
    elif report.unchanged:
        print(f"{report.directory} is up to date ({report.passages} passages)")
    else:
        print(
            f"{report.directory}: {report.topics} topics, {report.passages} passages, "
            f"{report.encoded} texts encoded, {report.reused} reused, "
            f"{time.perf_counter() - started:.1f} s"
        )
    return 0


def _search(options: argparse.Namespace) -> int:
    from index import rerankers, store
    from index.encoders import DEFAULT_ENCODER, load_encoder
    from index.retrieve import HybridRetriever

    encoder = load_encoder(options.encoder or DEFAULT_ENCODER, engine=options.encoder_engine)
    retriever = HybridRetriever(store.load(options.index, encoder.info), encoder)
    reranker = None
    if options.reranker is not None:
        reranker = rerankers.load_reranker(options.reranker, engine=options.encoder_engine)
    result = retriever.search(options.query, max(options.k, rerankers.DEPTH if reranker else 0))
    if reranker is not None:
        result = rerankers.rerank(reranker, result)
    hits = result.hits[: options.k]
    if options.json:
        print_json(
            {
                "query": result.query,
                "hits": [
                    {
                        "ref": hit.passage.id, "topic": hit.passage.topic,
                        "heading": hit.passage.heading, "text": hit.passage.text,
                        "score": round(hit.score, 4), "trace": dict(hit.trace),
                    }
                    for hit in hits
                ],
                "timings_ms": dict(result.timings_ms),
            }
        )  # fmt: skip
        return 0
    for rank, hit in enumerate(hits, start=1):
        moved = f"  (was {hit.trace['fused_rank']:.0f})" if "rerank" in hit.trace else ""
        print(f"{rank:2} {hit.score:.3f}  {hit.passage.id}  {hit.passage.heading}{moved}")
    return 0


def _audit(options: argparse.Namespace) -> int:
    from index import audit

    findings = audit.audit(_read(options))
    shown = audit.at_least(findings, audit.Severity(options.severity))
    render = audit.as_json if options.json else audit.as_text
    print(render(shown))
    failing = options.fail_on and audit.at_least(findings, audit.Severity(options.fail_on))
    return 1 if failing else 0


def _export(options: argparse.Namespace) -> int:
    from index.export import write

    write(_read(options), options.out, options.format)
    say(f"written: {options.out}")
    return 0


def _info(options: argparse.Namespace) -> int:
    import json

    from index import store

    manifest = store.load(options.index).manifest
    if options.json:
        print_json(json.loads(manifest.to_json()))
        return 0
    encoder = manifest.encoder
    counts = ", ".join(f"{number} {what}" for what, number in sorted(manifest.counts.items()))
    print(f"index           {options.index / manifest.fingerprint}")
    print(f"knowledge base  {manifest.knowledge_base} ({manifest.knowledge_base_sha256[:12]})")
    print(f"counts          {counts}")
    print(
        f"encoder         {encoder.name} {encoder.revision}, {encoder.dimension} dimensions, "
        f"{encoder.pooling} pooling"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
