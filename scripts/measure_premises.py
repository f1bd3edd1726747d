"""How often a corrected premise was wrong, over questions whose premises are known.

`python -m scripts.measure_premises` asks the questions of eval/suites/premises/premises.jsonl of
the shipped index, or those of another file, and tells what was corrected. A correction is right
where the premise is false and the sentence against it has one of the row's words for what is true.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.answer.pipeline import Pipeline
from app.answer.premises import Correction, corrections
from app.config.settings import ROOT, load_settings
from app.record.evidence import evidence_of
from app.record.types import Question
from app.service import open_pipeline
from index.cli import Parser, run

__all__ = ["QUESTIONS", "PremiseRow", "corrected", "read_rows"]

QUESTIONS = ROOT / "eval" / "suites" / "premises" / "premises.jsonl"


@dataclass(frozen=True, slots=True)
class PremiseRow:
    """A question, whether its premise is true, false, or of another model, and what is true."""

    id: str
    question: str
    premise: str
    truth: str = ""

    def is_right(self, found: Sequence[Correction]) -> bool:
        """Whether what was corrected is false, and the sentences against it say what is true."""
        words = self.truth.split("|")
        return self.premise == "false" and all(
            any(word in one.said for word in words) for one in found
        )


def read_rows(path: Path = QUESTIONS) -> list[PremiseRow]:
    """The questions of a file, a JSON object a line."""
    return [
        PremiseRow(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()
    ]


async def corrected(
    pipeline: Pipeline, rows: Iterable[PremiseRow]
) -> AsyncIterator[tuple[PremiseRow, list[Correction]]]:
    """Each question whose premises an answer would correct, with the corrections."""
    for row in rows:
        found = await pipeline.retrieve(Question(row.question))
        evidence, idf = evidence_of(found.hits), pipeline.index.lexical.idf
        if wrong := corrections(found.standalone_query, evidence, idf):
            yield row, wrong


async def _measure(pipeline: Pipeline, rows: Sequence[PremiseRow]) -> int:
    spoken: Counter[str] = Counter()
    right = 0
    async for row, found in corrected(pipeline, rows):
        good = row.is_right(found)
        right += good
        spoken[row.premise] += 1
        print(f"{'right' if good else 'WRONG'}  {row.id}: {row.question}")
        for one in found:
            print(f"       {one.said}")
    asked = Counter(row.premise for row in rows)
    for kind, count in asked.items():
        print(f"{kind}: {spoken[kind]} of {count} corrected")
    total = spoken.total()
    print(f"precision: {right} of {total}" + (f" = {right / total:.2f}" if total else ""))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = Parser(prog="python -m scripts.measure_premises", description=__doc__)
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="a file of such rows")
    options = parser.parse_args(arguments)
    rows = read_rows(options.questions)
    return run(
        "measure_premises", lambda: asyncio.run(_measure(open_pipeline(load_settings()), rows))
    )


if __name__ == "__main__":
    sys.exit(main())
