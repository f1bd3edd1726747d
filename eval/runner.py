"""Runs a plan: one line of samples.jsonl an answer, as soon as it is there.

A run that is cut off, by Ctrl-C or worse, goes on where it stopped when the same command is given
again. Samples that failed are tried again. Answers are also kept by content, so that another run
of the same question against the same product need not be computed anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from eval.cases import Case
from eval.errors import EvaluationError
from eval.samples import Output, Sample, sample_from_json
from eval.targets import Target
from index.files import put

__all__ = [
    "HEADER",
    "SAMPLES",
    "RunPlan",
    "RunReport",
    "open_run",
    "read_header",
    "read_samples",
    "run",
]

HEADER, SAMPLES = "run.json", "samples.jsonl"
_IDENTITY = ("target", "plan")
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What is asked: each case under each persona, `repeats` times, seeds counted from `seed`."""

    suite: str
    cases: tuple[Case, ...]
    personas: tuple[str, ...]
    repeats: int = 1
    seed: int | None = 0
    parallel: int | None = None

    def identity(self) -> dict[str, Any]:
        """Return what two runs must share to be one."""
        cases = sorted(hashlib.sha256(repr(case).encode()).hexdigest() for case in self.cases)
        return {
            "suite": self.suite,
            "cases": len(self.cases),
            "cases_sha256": hashlib.sha256("".join(cases).encode()).hexdigest(),
            "personas": list(self.personas),
            "repeats": self.repeats,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `kept` samples were there already."""

    directory: Path
    asked: int
    kept: int
    cached: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Job:
    key: str
    case: Case
    persona: str
    repeat: int
    seed: int | None


def open_run(directory: Path, header: dict[str, Any]) -> None:
    """Begin a run in a directory, or go on with the one that is there.

    Raises:
        EvaluationError: another run lies there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / HEADER
    if place.exists():
        before = read_header(directory)
        for part in _IDENTITY:
            for name in {*before[part], *header[part]}:
                was, now = before[part].get(name), header[part].get(name)
                if was != now:
                    raise EvaluationError(
                        f"{directory} holds another run: its {name} is {was!r:.80}, this one's "
                        f"is {now!r:.80}; choose another --out, or remove that one"
                    )
        return
    put(place, json.dumps(header, indent=2, ensure_ascii=False) + "\n")


def read_header(directory: Path) -> dict[str, Any]:
    """Read a run's header.

    Raises:
        EvaluationError: there is no run in the directory.
    """
    try:
        found: dict[str, Any] = json.loads((directory / HEADER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"no run in {directory} ({error}); make one with: python -m eval run SUITE "
            f"--out {directory}"
        ) from error
    return found


def read_samples(directory: Path) -> list[Sample]:
    """Read a run's samples, the last of each key; a torn last line is left out.

    Raises:
        EvaluationError: a line is no sample.
    """
    place = directory / SAMPLES
    if not place.is_file():
        return []
    found: dict[str, Sample] = {}
    raw = place.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            sample = sample_from_json(line)
        except ValidationError as error:
            raise EvaluationError(
                f"{place}:{number} is no sample ({error.errors()[0]['msg']}); remove the line, "
                "and the same run command asks it again"
            ) from error
        found[sample.key] = sample
    return list(found.values())


async def run(
    plan: RunPlan, target: Target, directory: Path, *, tell: Tell, cache: Path | None = None
) -> RunReport:
    """Ask what is not answered yet, several at a time, keeping each answer at once.

    Args:
        plan: what is asked.
        target: what answers.
        directory: holds the run; `open_run` has begun it.
        tell: called with how many are done, and of how many.
        cache: the folder of answers kept by content; None keeps none.
    """
    started = time.monotonic()
    jobs = _jobs(plan, target.identity())
    done = {sample.key for sample in read_samples(directory) if not sample.error}
    waiting = [job for job in jobs if job.key not in done]
    kept, cached, failed = len(jobs) - len(waiting), 0, 0
    tell(kept, len(jobs))
    queue = iter(waiting)
    finished = kept
    with _opened(directory / SAMPLES) as file:

        async def work() -> None:
            nonlocal finished, cached, failed
            for job in queue:
                sample = await _sampled(job, target, cache)
                file.write(json.dumps(sample.as_dict(), ensure_ascii=False) + "\n")
                file.flush()
                finished += 1
                cached += sample.cached
                failed += bool(sample.error)
                tell(finished, len(jobs))

        workers = max(1, min(plan.parallel or target.parallel, len(waiting)))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    return RunReport(directory, len(waiting), kept, cached, failed, time.monotonic() - started)


def _jobs(plan: RunPlan, identity: dict[str, Any]) -> list[_Job]:
    return [
        _Job(_key(identity, case, persona, seed), case, persona, repeat, seed)
        for repeat in range(plan.repeats)
        for case in plan.cases
        for persona in plan.personas
        for seed in [None if plan.seed is None else plan.seed + repeat]
    ]


def _key(identity: dict[str, Any], case: Case, persona: str, seed: int | None) -> str:
    asked: list[Any] = [identity, case.id, case.question, repr(case.history), persona, seed]
    asked += [list(case.gold), case.topic] if identity["target"] in ("gold", "topic") else []
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _opened(path: Path) -> TextIO:
    """Open for appending, after cutting off a line that an earlier run left torn."""
    if path.exists():
        raw = path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            with path.open("r+b") as file:
                file.truncate(whole)
    return path.open("a", encoding="utf-8")


async def _sampled(job: _Job, target: Target, cache: Path | None) -> Sample:
    sample = Sample(job.key, job.case, job.persona, job.repeat, job.seed, Output())
    sample = replace(sample, at=datetime.now(UTC).isoformat(timespec="seconds"))
    place = cache / job.key[:2] / f"{job.key}.json" if cache else None
    if place and (before := _cached(place)):
        return replace(sample, output=before.output, cached=True)
    try:
        output = await target.ask(job.case, job.persona, job.seed)
    except Exception as error:  # noqa: BLE001 - whatever breaks the target is a result
        return replace(sample, error=f"{type(error).__name__}: {error}")
    sample = replace(sample, output=output)
    if place:
        put(place, json.dumps(sample.as_dict(), ensure_ascii=False))
    return sample


def _cached(place: Path) -> Sample | None:
    try:
        return sample_from_json(place.read_bytes())
    except (OSError, ValidationError):
        return None


def cases_in(samples: Sequence[Sample]) -> list[Case]:
    """Return the cases of a run, each once."""
    return list({sample.case.id: sample.case for sample in samples}.values())
