"""`eval export` and `eval import-feedback`: what leaves for other tools, and what comes in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from eval import exports, reader_cases
from eval.cases import read_suite
from eval.commands import load
from eval.errors import SuiteError
from index.cli import print_json, say
from index.files import put

__all__ = ["export", "import_feedback"]


def export(options: argparse.Namespace) -> int:
    """Write a run for another tool."""
    header, scored, summary = load(options.run_dir)
    out: Path = options.out or options.run_dir / options.format
    out.mkdir(parents=True, exist_ok=True)
    files = exports.export(options.format, header, scored, summary)
    for name, text in files.items():
        put(out / name, text)
    if options.json:
        print_json({"format": options.format, "files": [str(out / name) for name in files]})
    else:
        sys.stdout.write("".join(f"{out / name}\n" for name in files))
    return 0


def import_feedback(options: argparse.Namespace) -> int:
    """Make drafts of readers' feedback, or a suite of the drafts that were reviewed."""
    counts = _accept(options) if options.accept else _draft(options)
    if options.json:
        print_json({"file": str(options.out), **counts})
    else:
        sys.stdout.write(f"{options.out}\n")
    return 0


def _accept(options: argparse.Namespace) -> dict[str, int]:
    drafts = reader_cases.read_drafts(options.source)
    cases = reader_cases.accepted(drafts)
    put(options.out, reader_cases.rendered(cases))
    # What is written must be a suite: the same reader that a run uses says so.
    read_suite(str(options.out))
    left = len(drafts) - len(cases)
    say(f"{len(cases)} reviewed cases written, {left} drafts left out")
    return {"cases": len(cases), "left_out": left}


def _draft(options: argparse.Namespace) -> dict[str, int]:
    before = reader_cases.read_drafts(options.out) if options.out.exists() else []
    drafts = reader_cases.merged(
        before, reader_cases.drafts_of(_text(options.source), str(options.source))
    )
    put(options.out, reader_cases.rendered(drafts))
    new, waiting = len(drafts) - len(before), sum(not each.reviewed.strip() for each in drafts)
    say(
        f"{new} new drafts, {waiting} to review in {options.out}; then: "
        f"python -m eval import-feedback {options.out} --accept --out SUITE.jsonl"
    )
    return {"new": new, "waiting": waiting}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(
            f"{path} can't be read ({error}); make it with: python -m app feedback export > {path}"
        ) from error
