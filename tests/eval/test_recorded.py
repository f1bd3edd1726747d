"""Recorded generations of the embedded model, scored anew: a metric that changes is seen here."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from eval import commands, runner
from eval.__main__ import main
from eval.provenance import ROOT

RECORDED = ROOT / "eval" / "baselines" / "recorded"


def test_every_metric_gives_what_was_committed() -> None:
    _, scored, _ = commands.load(RECORDED)
    lines = (RECORDED / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(scored) == 40
    for line, each in zip(lines, scored, strict=True):
        before = json.loads(line)
        now = {"id": each.case.id, "persona": each.sample.persona,
               "repeat": each.sample.repeat, **each.scores}  # fmt: skip
        assert now == pytest.approx(before), (
            f"{each.case.id} is scored otherwise now; if that is meant: "
            "python -m eval score eval/baselines/recorded"
        )


def test_they_were_drafted_and_hold_what_metrics_must_tell_apart() -> None:
    samples = runner.read_samples(RECORDED)
    modes = Counter(sample.output.mode for sample in samples)
    assert modes["draft"] + modes["mixed"] >= 6
    assert modes["composed"] >= 10
    assert modes["abstained"] >= 5
    assert any(sample.output.dropped for sample in samples)
    _, scored, _ = commands.load(RECORDED)
    for name in ("right", "citation_recall", "number_recall", "persona_adherence"):
        assert len({each.scores.get(name) for each in scored}) >= 2, name


def test_the_gate_holds_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    baseline = str(RECORDED.with_name("recorded.json"))
    status = main(["gate", str(RECORDED), "--baseline", baseline, "--json"])
    assert status == 0, capsys.readouterr().out
    checks = json.loads(capsys.readouterr().out)["checks"]
    compared = [check for check in checks if check["kind"] == "non-inferior"]
    assert compared
    assert {check["value"] for check in compared} == {0.0}
