"""What the commands do; `eval.__main__` only reads the arguments."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval import compare as comparing
from eval import gate as gating
from eval import judging, playing, provenance, runner, shadow, similarity
from eval.cases import SUITES, read_suite, rendered_schema, seal_of, suite_names
from eval.claims import CLAIMS, rendered_claims_schema
from eval.dialogues import SCHEMA as DIALOGUE_SCHEMA
from eval.dialogues import dialogue_seals, rendered_dialogue_schema
from eval.errors import EvaluationError
from eval.report import markdown, page, versus
from eval.run_setup import chosen_cases, open_target, read_knowledge, with_gold
from eval.scoring import Scored, score
from eval.summary import Summary, summarize
from index.cli import print_json, progress_bar, say
from index.files import put

__all__ = ["compare", "gate", "load", "make", "report", "rescore", "run", "show", "view"]

_SCORES, _SUMMARY = "scores.jsonl", "summary.json"


def run(options: argparse.Namespace) -> int:
    """Ask a suite of a target, then score it."""
    asked = chosen_cases(options)
    target = open_target(options, asked)
    asked = replace(asked, cases=with_gold(asked.cases, target))
    personas = tuple(options.persona or ["citewise-expert"])
    seed = None if options.target and options.seed is None else options.seed or 0
    plan = runner.RunPlan(
        options.suite, asked.cases, personas, options.repeats, seed, options.parallel
    )
    header = {
        "target": target.identity(),
        "plan": plan.identity(),
        "split": options.split,
        "opened_sealed": any(case.split == "sealed" for case in asked.cases),
        "retrieval_only": options.retrieval_only,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m eval", *sys.argv[1:]]),
        **provenance.git_state(),
        "versions": provenance.versions(),
    }
    runner.open_run(options.out, header)
    # Retrieval is quick to do and its timings count; what is behind a URL may change.
    fresh = options.no_cache or options.target or options.retrieval_only
    cache = None if fresh else _cache_folder()

    async def ask() -> runner.RunReport:
        try:
            return await runner.run(plan, target, options.out, tell=_telling(), cache=cache)
        finally:
            await target.close()

    try:
        done = asyncio.run(ask())
    except (KeyboardInterrupt, asyncio.CancelledError):
        kept = len(runner.read_samples(options.out))
        say(f"{kept} samples are kept in {options.out}; the same command goes on from there")
        raise KeyboardInterrupt from None
    say(
        f"{done.asked} asked ({done.cached} from the cache), {done.kept} kept, {done.failed} "
        f"failed, {done.seconds:.1f} s"
    )
    show(options.out, as_json=options.json)
    return 1 if done.failed else 0


def _cache_folder() -> Path:
    from app.config.settings import load_settings

    return Path(load_settings().cache) / "eval" / "answers"


def _telling() -> Callable[[int, int], None]:
    """Show progress with the time left: a bar on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        bar = progress_bar("asking")
        return bar.__enter__()
    started, first, last = time.monotonic(), -1, time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal first, last
        now = time.monotonic()
        if first < 0:
            first = done
        elif now - last >= 10 or done == total:
            last = now
            left = (now - started) / max(1, done - first) * (total - done)
            say(f"asking: {done}/{total}, {left:.0f} s left")

    return tell


def load(directory: Path) -> tuple[dict[str, Any], list[Scored], Summary]:
    """Read a run and score it anew, so that a better metric needs no new answers.

    Raises:
        EvaluationError: there is no run, or it has no sample.
    """
    header = runner.read_header(directory)
    scored = [score(sample) for sample in runner.read_samples(directory)]
    if not scored:
        raise EvaluationError(
            f"{directory} has no sample yet; go on with: {header.get('command', 'eval run')}"
        )
    scored = judging.attached(similarity.attached(scored, directory), directory)
    return header, scored, summarize(scored)


def rescore(options: argparse.Namespace) -> int:
    """Score a run's samples anew and write scores.jsonl and summary.json beside them."""
    if options.embeddings:
        _embed(options)
    show(options.run_dir, as_json=options.json)
    return 0


def show(directory: Path, *, as_json: bool) -> None:
    """Score a run, write scores.jsonl and summary.json beside it, and print its tables."""
    header, scored, summary = load(directory)
    rows = [
        {"id": s.case.id, "persona": s.sample.persona, "repeat": s.sample.repeat, **s.scores}
        for s in scored
    ]
    put(directory / _SCORES, "".join(json.dumps(row) + "\n" for row in rows))
    put(directory / _SUMMARY, json.dumps(summary.as_dict(), indent=1) + "\n")
    if as_json:
        print_json({"directory": str(directory), **summary.as_dict()})
    else:
        sys.stdout.write(markdown.one_run(header, summary))


def _embed(options: argparse.Namespace) -> None:
    from app.config.settings import load_settings
    from index.encoders import TokenEncoder, load_encoder

    settings = load_settings(encoder=options.encoder)
    encoder = load_encoder(settings.encoder, engine=settings.encoder_engine)
    if not isinstance(encoder, TokenEncoder):
        raise EvaluationError(
            f"the encoder {settings.encoder} gives no token vectors, which --embeddings compares; "
            "choose one that OpenVINO runs, such as --encoder all-MiniLM-L6-v2"
        )
    _, scored, _ = load(options.run_dir)
    with progress_bar("encoding") as tell:
        found = similarity.measured(scored, encoder, tell)
    put(options.run_dir / similarity.SIMILARITY, json.dumps(found, indent=0) + "\n")


def _scored(directory: Path) -> list[Scored]:
    """Read a run of cases, or of dialogues."""
    if (directory / playing.PLAYED).is_file():
        return playing.scored(playing.read_played(directory))
    return load(directory)[1]


def compare(options: argparse.Namespace) -> int:
    """Compare two runs, B against A."""
    a, b = _scored(options.a), _scored(options.b)
    found, names = comparing.compare(a, b), (str(options.a), str(options.b))
    if options.page:
        put(options.page, versus.render(found, names, a, b))
        say(f"written: {options.page}")
    if options.json:
        print_json(found.as_dict())
    else:
        sys.stdout.write(comparing.markdown(found, names))
    return 0


def gate(options: argparse.Namespace) -> int:
    """Check a run's limits; 1 if any fails."""
    header, scored, _ = load(options.run_dir)
    if options.update:
        if options.baseline is None:
            raise EvaluationError("--update writes a baseline; name it with --baseline PATH")
        short = {name: header[name] for name in ("git_commit", "git_dirty", "split", "target")}
        command = f"{header['command']}; python -m eval gate RUN --baseline PATH --update"
        put(options.baseline, gating.baseline_text(short, scored, command))
        say(f"written: {options.baseline}")
        return 0
    baseline = gating.read_baseline(options.baseline) if options.baseline else None
    checks = gating.gate(scored, baseline)
    refused = ("fail", "undecided") if options.strict else ("fail",)
    failing = [check for check in checks if check.verdict in refused]
    if options.json:
        print_json({"passed": not failing, "checks": [check.as_dict() for check in checks]})
    else:
        sys.stdout.write(markdown.checks(checks))
    return 1 if failing else 0


def report(options: argparse.Namespace) -> int:
    """Write report.md, report.json and report.html of one run or several."""
    runs = [(str(directory), *load(directory)) for directory in options.run_dirs]
    out: Path = options.out or options.run_dirs[0]
    out.mkdir(parents=True, exist_ok=True)
    text = markdown.several([(name, header, summary) for name, header, _, summary in runs])
    put(out / "report.md", text)
    data = {
        name: {"header": header, "summary": summary.as_dict()} for name, header, _, summary in runs
    }
    put(out / "report.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    put(out / "report.html", page.render(runs))
    if options.json:
        print_json(data)
    else:
        sys.stdout.write(text)
    say(f"written: {out / 'report.html'}, report.md and report.json beside it")
    return 0


def view(options: argparse.Namespace) -> int:
    """Open a run's page in the browser, writing it first."""
    import webbrowser

    runs = [(str(options.run_dir), *load(options.run_dir))]
    place = options.run_dir.resolve() / "report.html"
    put(place, page.render(runs))
    sys.stdout.write(f"{place}\n")
    if not webbrowser.open(place.as_uri()):
        say("no browser was found to open it with")
    return 0


def _needs(kind: str) -> str:
    """Say what a knowledge base lacks for a derived suite."""
    if kind == "cloze":
        return "needs documents with running text"
    return "needs questions with answers" + ("" if kind == "verbatim" else " or figures")


def make(options: argparse.Namespace) -> int:
    """Derive suites and shadow knowledge bases; or write the schemas and the seals anew."""
    if options.seal:
        put(SUITES / "schema.json", rendered_schema())
        put(CLAIMS.with_name("schema.json"), rendered_claims_schema())
        put(DIALOGUE_SCHEMA, rendered_dialogue_schema())
        seals = {name: seal_of(read_suite(name)) for name in suite_names()} | dialogue_seals()
        put(SUITES / "sealed.json", json.dumps(seals, indent=2) + "\n")
        say(f"written: {SUITES / 'schema.json'}, {SUITES / 'sealed.json'}")
        return 0
    if options.out is None:
        raise EvaluationError("--out DIR is needed: where the derived suites are written")
    from index.export import write as export

    knowledge = read_knowledge(options.kb)
    options.out.mkdir(parents=True, exist_ok=True)
    counts = {}
    for kind in shadow.DERIVED:
        made = shadow.derive(kind, knowledge)
        counts[kind] = len(made.cases)
        lines = (json.dumps(shadow.record_of(case), ensure_ascii=False) for case in made.cases)
        put(options.out / f"{kind}.jsonl", "".join(f"{line}\n" for line in lines))
        if made.knowledge_base != knowledge:
            export(made.knowledge_base, options.out / f"{kind}-kb", "yaml")
    if options.json:
        print_json({"directory": str(options.out), "cases": counts})
    else:
        for kind, count in counts.items():
            if not count:
                sys.stdout.write(f"{kind:15}    0 cases   {_needs(kind)}\n")
                continue
            kb = f" --kb {options.out / kind}-kb" if kind != "verbatim" else ""
            alone = " --retrieval-only" if kind == "cloze" else ""
            sys.stdout.write(
                f"{kind:15} {count:4} cases   python -m eval run {options.out / kind}.jsonl{kb} "
                f"--split all --open-sealed{alone} --out DIR\n"
            )
    return 0
