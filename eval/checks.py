"""`eval checks`: statements with the verdict that a careful reader gave them, checked as served."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.cli.ask import opened_pipeline
from app.record.checked import VERDICTS, Verdict
from eval.cases import SUITES
from eval.errors import SuiteError
from eval.statistics import wilson
from index.cli import print_json, progress_bar
from index.errors import wrong_fields

__all__ = ["CHECKS", "CheckCase", "Outcome", "checks", "read_checks", "table"]

CHECKS: Path = SUITES / "checks" / "checks.jsonl"
Kind = Literal["material-close", "material-free", "own", "absent"]
_TOLD: dict[Verdict, str] = {
    "supported": "supported",
    "contradicted": "contradicted",
    "not_in_sources": "not in the sources",
}


class CheckCase(BaseModel):
    """A text whose last sentence has a known verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    verdict: Verdict
    kind: Kind
    change: str = Field("", description="what was altered, of a false restatement")
    ref: str = Field("", description="the passage that bears it or speaks against it")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case with the verdict that it got, and whether its passage was among those shown."""

    case: CheckCase
    verdict: Verdict
    shown: bool


def read_checks(path: Path = CHECKS) -> tuple[CheckCase, ...]:
    """Read the suite.

    Raises:
        SuiteError: it can't be read, or a line in it is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return tuple(CheckCase.model_validate_json(line) for line in lines)
    except OSError as error:
        raise SuiteError(f"{path} can't be read ({error}); expected a JSONL file") from error
    except ValidationError as error:
        raise SuiteError(f"{path}: {wrong_fields(error, 'a line', most=1)}") from error


def checks(options: argparse.Namespace) -> int:
    """Check every statement of the suite and print the table."""
    cases = read_checks(options.suite)
    found = asyncio.run(_checked(options, cases))
    if options.json:
        for one in found:
            print_json({**one.case.model_dump(), "found": one.verdict, "shown": one.shown})
    else:
        sys.stdout.write(table(found))
    return 0


async def _checked(options: argparse.Namespace, cases: Sequence[CheckCase]) -> list[Outcome]:
    pipeline = opened_pipeline(options)
    found = []
    try:
        with progress_bar("checking") as tell:
            for number, case in enumerate(cases, start=1):
                sentence = (await pipeline.check(case.text)).sentences[-1]
                refs = [passage.ref for passage in sentence.passages]
                found.append(Outcome(case, sentence.verdict, case.ref in refs))
                tell(number, len(cases))
    finally:
        await pipeline.model.close()
    return found


def table(found: Sequence[Outcome]) -> str:
    """The verdicts by what is right, then the two ways of being wrong that matter most."""
    kinds = list(dict.fromkeys((one.case.verdict, one.case.kind) for one in found))
    rows = [
        "| right | statements | n | " + " | ".join(_TOLD.values()) + " |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for verdict, kind in sorted(kinds, key=lambda pair: (VERDICTS.index(pair[0]), pair[1])):
        own = [one for one in found if (one.case.verdict, one.case.kind) == (verdict, kind)]
        shares = (f"{_share(own, each):.2f}" for each in _TOLD)
        rows.append(f"| {_TOLD[verdict]} | {kind} | {len(own)} | {' | '.join(shares)} |")
    for wrong in ("supported", "contradicted"):
        others = [one for one in found if one.case.verdict != wrong]
        times = sum(one.verdict == wrong for one in others)
        low, high = wilson(times, len(others))
        rows.append(
            f"\nWrongly {wrong}: {times} of {len(others)}, {times / len(others):.3f} "
            f"({low:.3f} to {high:.3f})."
        )
    right = sum(one.verdict == one.case.verdict for one in found)
    rows.append(f"\nRight: {right} of {len(found)}, {right / len(found):.2f}.")
    return "\n".join(rows) + "\n"


def _share(found: Iterable[Outcome], verdict: Verdict) -> float:
    got = [one.verdict == verdict for one in found]
    return sum(got) / len(got)
