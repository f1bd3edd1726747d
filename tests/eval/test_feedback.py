"""Readers' feedback becomes cases only through a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.answer.pipeline import Pipeline
from app.cli.database import feedback_line
from app.record.types import Final, Question, Retrieved
from app.store.records import Exchange, Feedback, Judgement
from eval.__main__ import main
from eval.cases import read_suite
from eval.errors import SuiteError
from eval.reader_cases import accepted, drafts_of, merged, read_drafts, rendered
from tests.conftest import MakePipeline

GOOD, BAD = "How large is a KV cache?", "how long does a roast chicken take in the oven"


async def _exchange(pipeline: Pipeline, question: str) -> Exchange:
    events = [event async for event in pipeline.answer(Question(question))]
    found, final = events[0], events[-1]
    assert isinstance(found, Retrieved)
    assert isinstance(final, Final)
    return Exchange(question, final.answer, found)


@pytest.fixture
async def lines(make_pipeline: MakePipeline) -> list[dict[str, Any]]:
    """What `app feedback export` writes: praise, a complaint, and the complaint taken back."""
    pipeline = make_pipeline(answer_mode="compose")
    good, bad = await _exchange(pipeline, GOOD), await _exchange(pipeline, BAD)
    told = [
        (good, "a-1", Judgement("up")),
        (good, "a-2", Judgement("down", ("wrong",), "it is 3 GB", 0)),
        (bad, "a-3", Judgement("up")),
        (bad, "a-3", Judgement("down", ("should_have_answered",), "surely you know")),
        (good, "a-4", Judgement("down", ("should_not_have_answered",))),
    ]
    return [
        feedback_line(
            Feedback(f"fb_{i}", subject, "reader-1", datetime.now(UTC), judgement, exchange)
        )
        for i, (exchange, subject, judgement) in enumerate(told)
    ]


def _text(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


async def test_drafts_guess_and_vouch_for_nothing(lines: list[dict[str, Any]]) -> None:
    praised, wrong, refused, unanswerable = drafts_of(_text(lines), "export")
    assert not any(draft.reviewed for draft in (praised, wrong, refused, unanswerable))
    assert praised.case.gold == list(dict.fromkeys(praised.case.gold))
    assert praised.case.gold[0].startswith("kv-cache")
    assert praised.case.topic.startswith("kv-cache")
    assert praised.case.nuggets
    assert "[1]" not in praised.case.reference
    assert (wrong.case.gold, wrong.case.nuggets, wrong.case.reference) == ([], [], "")
    assert wrong.said.comment == "it is 3 GB"
    assert wrong.said.claim
    assert "kv-cache" in " ".join(wrong.said.candidates)
    # the later judgement of the same answer holds
    assert (refused.said.feedback, refused.case.answerable) == ("fb_3", True)
    assert not unanswerable.case.answerable


async def test_who_the_reader_was_is_left_behind(lines: list[dict[str, Any]]) -> None:
    assert "reader-1" not in rendered(drafts_of(_text(lines), "export"))


async def test_only_reviewed_cases_become_a_suite(
    lines: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, drafts, suite = (tmp_path / f"{name}.jsonl" for name in ("export", "drafts", "suite"))
    export.write_text(_text(lines))
    assert main(["import-feedback", str(export), "--out", str(drafts), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == 4
    accept = ["import-feedback", str(drafts), "--accept", "--out", str(suite)]
    assert main(accept) == 2
    assert "none of 4 drafts is reviewed" in capsys.readouterr().err
    assert not suite.exists()

    found = read_drafts(drafts)
    found[0] = found[0].model_copy(update={"reviewed": "E. Ditor, 2026-01-02"})
    drafts.write_text(rendered(found))
    assert main([*accept, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cases"] == 1
    assert [case.id for case in read_suite(str(suite))] == ["feedback-fb_0"]
    assert read_suite(str(suite))[0].question == GOOD

    # importing again adds what is new and leaves a reviewed draft as it is
    export.write_text(_text([*lines, {**lines[0], "id": "fb_9", "subject": "a-9"}]))
    assert main(["import-feedback", str(export), "--out", str(drafts), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 1
    assert read_drafts(drafts)[0].reviewed


async def test_a_reviewed_case_must_have_something_to_score_by(lines: list[dict[str, Any]]) -> None:
    wrong = drafts_of(_text(lines), "export")[1].model_copy(update={"reviewed": "me"})
    with pytest.raises(SuiteError, match="lacks gold passages"):
        accepted([wrong])


def test_what_is_no_export_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SuiteError, match=r"export:1: .*app feedback export"):
        drafts_of('{"id": 1}', "export")
    missing = ["import-feedback", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert main(missing) == 2
    assert "app feedback export" in capsys.readouterr().err
    (tmp_path / "own.jsonl").write_text('{"case": {}}\n')
    with pytest.raises(SuiteError, match=r"own\.jsonl:1"):
        read_drafts(tmp_path / "own.jsonl")


async def test_merging_keeps_the_order(lines: list[dict[str, Any]]) -> None:
    made = drafts_of(_text(lines), "export")
    assert merged(made[:2], made) == made
