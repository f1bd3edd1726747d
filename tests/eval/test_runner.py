"""A run keeps every answer at once, goes on where it stopped, and never mixes two runs."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eval import runner
from eval.errors import EvaluationError
from eval.runner import RunPlan
from eval.samples import sample_from_json
from tests.eval.helpers import ScriptedTarget, case, sample

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = tuple(case(f"c-{i}") for i in range(6))
PLAN = RunPlan("own", CASES, ("p",))


def silent(done: int, total: int) -> None:
    """Tell nobody."""


async def test_each_case_is_asked_once_within_the_bound(tmp_path: Path) -> None:
    target = ScriptedTarget(delay=0.01)
    done = await runner.run(PLAN, target, tmp_path, tell=silent)
    assert (done.asked, done.kept, done.failed) == (6, 0, 0)
    assert target.most == 2
    assert sorted(s.case.id for s in runner.read_samples(tmp_path)) == [c.id for c in CASES]


async def test_a_second_run_asks_only_what_failed(tmp_path: Path) -> None:
    first = await runner.run(PLAN, ScriptedTarget(fails=("c-3",)), tmp_path, tell=silent)
    assert first.failed == 1
    assert [s.error for s in runner.read_samples(tmp_path) if s.error] == ["ValueError: it broke"]
    target = ScriptedTarget()
    again = await runner.run(PLAN, target, tmp_path, tell=silent)
    assert target.asked == ["c-3"]
    assert (again.asked, again.kept) == (1, 5)
    assert not any(s.error for s in runner.read_samples(tmp_path))


INTERRUPTED = """
import asyncio, sys
from pathlib import Path
from eval import runner
from tests.eval.helpers import ScriptedTarget
from tests.eval.test_runner import PLAN, silent
asyncio.run(runner.run(PLAN, ScriptedTarget(stop_at=4), Path(sys.argv[1]), tell=silent))
"""


def test_an_interruption_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode in (130, -signal.SIGINT), ended.stderr
    assert "KeyboardInterrupt" in ended.stderr
    kept = [s.case.id for s in runner.read_samples(tmp_path)]
    assert 3 <= len(kept) <= 4
    target = ScriptedTarget()
    asyncio.run(runner.run(PLAN, target, tmp_path, tell=silent))
    assert sorted([*kept, *target.asked]) == [c.id for c in CASES]


async def test_a_torn_line_is_asked_again(tmp_path: Path) -> None:
    await runner.run(PLAN, ScriptedTarget(), tmp_path, tell=silent)
    place = tmp_path / runner.SAMPLES
    place.write_bytes(place.read_bytes()[:-40])
    target = ScriptedTarget()
    await runner.run(PLAN, target, tmp_path, tell=silent)
    assert len(target.asked) == 1
    assert len(runner.read_samples(tmp_path)) == 6


async def test_answers_are_kept_by_content(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    await runner.run(PLAN, ScriptedTarget(), _made(tmp_path / "a"), tell=silent, cache=cache)
    target = ScriptedTarget()
    done = await runner.run(PLAN, target, _made(tmp_path / "b"), tell=silent, cache=cache)
    assert (done.cached, target.asked) == (6, [])
    other = RunPlan("own", CASES, ("another persona",))
    done = await runner.run(other, target, _made(tmp_path / "c"), tell=silent, cache=cache)
    assert done.cached == 0


async def test_repeats_count_their_seeds_up(tmp_path: Path) -> None:
    plan = RunPlan("own", CASES[:1], ("p", "q"), repeats=3, seed=7)
    await runner.run(plan, ScriptedTarget(), tmp_path, tell=silent)
    found = {(s.persona, s.seed) for s in runner.read_samples(tmp_path)}
    assert found == {(persona, seed) for persona in "pq" for seed in (7, 8, 9)}


def test_another_run_is_refused(tmp_path: Path) -> None:
    header = {"target": {"target": "a"}, "plan": {"cases": 1}}
    runner.open_run(tmp_path, header)
    runner.open_run(tmp_path, header)
    with pytest.raises(EvaluationError, match="another run: its target is 'a'"):
        runner.open_run(tmp_path, {**header, "target": {"target": "b"}})


def test_no_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="python -m eval run"):
        runner.read_header(tmp_path)


def test_a_sample_survives_its_file() -> None:
    import json

    before = sample()
    assert sample_from_json(json.dumps(before.as_dict())) == before


def test_a_line_that_is_no_sample_is_named(tmp_path: Path) -> None:
    (tmp_path / runner.SAMPLES).write_text('{"key": 1}\n')
    with pytest.raises(EvaluationError, match=r"samples\.jsonl:1"):
        runner.read_samples(tmp_path)


def _made(path: Path) -> Path:
    path.mkdir()
    return path
