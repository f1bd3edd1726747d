"""`eval dialogues`: play conversations and say how they went."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime

from eval import playing, provenance, runner
from eval.dialogues import Dialogue, read_dialogues
from eval.errors import SuiteError
from eval.run_setup import CasesToAsk, open_target, read_knowledge
from index.cli import print_json, progress_bar, say
from index.files import put

__all__ = ["dialogues"]

_SUMMARY, _TRANSCRIPT = "summary.json", "dialogues.md"


def dialogues(options: argparse.Namespace) -> int:
    """Play dialogues of a target; 1 if one broke off."""
    chosen = _chosen(options)
    knowledge = read_knowledge(options.kb) if options.kb else None
    target = open_target(options, CasesToAsk((), knowledge, options.suite))
    persona = (options.persona or ["citewise-expert"])[0]
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)

    async def ask() -> list[playing.Played]:
        try:
            with progress_bar("playing") as tell:
                return await playing.play_all(
                    chosen, target, persona=persona, seed=options.seed or 0, tell=tell
                )
        finally:
            await target.close()

    played = asyncio.run(ask())
    summary = playing.summarize(played)
    if options.out:
        header = {
            "target": target.identity(),
            "suite": options.suite,
            "split": options.split,
            "opened_sealed": any(each.split == "sealed" for each in chosen),
            "persona": persona,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": " ".join(["python -m eval", *sys.argv[1:]]),
            **provenance.git_state(),
            "versions": provenance.versions(),
        }
        put(options.out / runner.HEADER, json.dumps(header, indent=2, ensure_ascii=False) + "\n")
        put(options.out / playing.PLAYED, playing.rendered(played))
        put(options.out / _TRANSCRIPT, playing.transcript(played))
        put(options.out / _SUMMARY, json.dumps(summary.as_dict(), indent=1) + "\n")
        say(f"written: {options.out / playing.PLAYED}, {_TRANSCRIPT} and {_SUMMARY} beside it")
    if options.show:
        sys.stderr.write(playing.told(played))
    if options.json:
        print_json(summary.as_dict())
    else:
        sys.stdout.write(playing.table(summary))
    return 1 if summary.broken else 0


def _chosen(options: argparse.Namespace) -> list[Dialogue]:
    """Read the suite and choose by half and act.

    Raises:
        SuiteError: nothing is left, or the sealed half was asked for without its flag.
    """
    if options.split != "dev" and not options.open_sealed:
        raise SuiteError(
            f"--split {options.split} asks for the sealed half; add --open-sealed, which the "
            "result will say"
        )
    every = read_dialogues(options.suite)
    only = set(options.only or ())
    known = {each.act for each in every} | {each.id for each in every}
    if unknown := sorted(only - known):
        acts = ", ".join(sorted({each.act for each in every}))
        raise SuiteError(f"no act or id {', '.join(unknown)}; expected an id, or one of {acts}")
    found = [
        each
        for each in every
        if options.split in ("all", each.split) and (not only or {each.act, each.id} & only)
    ]
    if not found:
        raise SuiteError(f"suite {options.suite}: no dialogue is left in half {options.split}")
    return found
