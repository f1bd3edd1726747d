"""Calibrating a judge: the threshold holds its limit, and a model's worth is measured."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.chat_models.scripted import ScriptedChatModel
from app.verifying.supports import LexicalVerifier
from scripts.calibrate_judge import Judged, calibrate, shown, threshold

JUDGED = st.builds(
    Judged,
    claim=st.just(""),
    true=st.booleans(),
    kind=st.sampled_from(["close", "free"]),
    builtin=st.booleans(),
    asked=st.just(True),
    chance=st.floats(0, 1),
)


@given(st.lists(JUDGED, min_size=1, max_size=120))
def test_at_most_two_percent_of_the_false_ones_are_shown(judged: list[Judged]) -> None:
    at = threshold(judged)
    false = [each for each in judged if not each.true]
    assert sum(each.shown(at) for each in false) <= 0.02 * len(false)
    # The next lower chance would show too many, or shows no more than this one does.
    lower = [each.chance for each in judged if each.chance is not None and each.chance < at - 1e-3]
    if lower and at <= 1:
        more = sum(each.shown(max(lower)) for each in false)
        assert more > 0.02 * len(false) or more <= sum(each.shown(at) for each in false)


async def test_a_judge_is_measured_beside_the_built_in_one_and_goes_on(tmp_path: Path) -> None:
    calls: list[str] = []

    def yes(prompt: str) -> float:
        calls.append(prompt)
        return 0.5 + (len(prompt) % 7) / 100

    model, words = ScriptedChatModel([], yes=yes), LexicalVerifier(lambda word: 3.0)
    kept = tmp_path / "judged.jsonl"
    report = await calibrate(model, words, 12, 4, kept)
    assert report.calibration.pairs == 12
    assert sum(n for n, _, _ in report.groups.values()) == 12
    assert report.told == 1
    assert math.isnan(report.auroc) or 0 <= report.auroc <= 1
    assert "scripted" in shown(report)
    asked = len(calls)
    assert 0 < asked <= 24
    again = await calibrate(model, words, 12, 4, kept)
    assert again.calibration == report.calibration
    assert len(calls) == asked


async def test_a_model_that_tells_nothing_shows_nothing_of_its_own(tmp_path: Path) -> None:
    model = ScriptedChatModel([])
    words = LexicalVerifier(lambda word: 3.0)
    report = await calibrate(model, words, 6, 1, tmp_path / "judged.jsonl")
    assert report.told == 0
    assert report.calibration.model == report.calibration.builtin
    assert not report.calibration.is_better
