"""`app chat`: a conversation on standard input, with its history and commands."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app.__main__ import main


def talk(
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *flags: str,
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    status = main(["chat", "--answer-mode", "compose", *flags])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.usefixtures("shipped_index")
def test_a_follow_up_knows_what_was_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    written = tmp_path / "talk.md"
    lines = ["What is LoRA?", "does it slow down inference?", f"/export {written}", "/sources"]
    status, out, _ = talk(lines, monkeypatch, capsys)
    assert status == 0
    assert out.count("LoRA") >= 2
    assert "Sources" in out
    text = written.read_text(encoding="utf-8")
    assert text.startswith("## What is LoRA?")
    assert "## does it slow down inference?" in text


@pytest.mark.usefixtures("shipped_index")
def test_commands_change_who_answers_and_end_the_talk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["/persona engineer", "/persona nobody", "/help", "/new", "/quit", "What is LoRA?"]
    status, out, err = talk(lines, monkeypatch, capsys)
    assert status == 0
    assert out == ""
    assert "citewise-engineer" in err
    assert "'nobody'" in err
    assert "/export" in err


@pytest.mark.usefixtures("shipped_index")
def test_an_unknown_persona_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = talk(["hi"], monkeypatch, capsys, "--persona", "citewise-nobody")
    assert status == 2
    assert "expected one of" in err
