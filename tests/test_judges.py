"""The judges' own machinery: what is missing is said, and a section is replaced in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.judges import environments
from scripts.judges.asking import ALL
from scripts.judges.environments import CLIENTS, Missing, node_env, python_env, versions_of
from scripts.judges.report import JudgeReport, publish, table
from tests.conftest import ROOT


def test_a_section_is_replaced_in_its_place(tmp_path: Path) -> None:
    document = tmp_path / "judges.md"
    publish(JudgeReport("a", "First", "old", True), document)
    publish(JudgeReport("b", "Second", "kept", True), document)
    publish(JudgeReport("a", "First", table(["x"], [["1|2\n3"]]), True), document)
    text = document.read_text()
    assert text.startswith("# Judges\n")
    assert text.index("## First") < text.index("1\\|2 3") < text.index("## Second")
    assert "old" not in text
    assert list(tmp_path.iterdir()) == [document]


def test_the_published_document_has_every_judge() -> None:
    text = (ROOT / "docs" / "judges.md").read_text(encoding="utf-8")
    for name in ("comply", "schema", "suite", "clients", "faults"):
        assert f"<!-- {name} -->" in text
    assert all(client.title in text for client in ALL)
    assert "**an answer** |" not in text


def test_every_client_is_pinned() -> None:
    for client in ALL:
        assert (CLIENTS / client.script).is_file()
        if client.environment != "curl":
            assert versions_of(client.environment)


def test_a_tool_that_is_not_there_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(environments, "HOME", tmp_path / "judges")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Missing, match="apt-get install nodejs npm"):
        node_env()
    with pytest.raises(Missing, match="apt-get install curl"):
        ALL[-1].command()
    with pytest.raises(Missing, match="make setup-dev"):
        python_env("llm")


def test_an_unknown_judge_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.judges", "everyone"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected of: comply, schema, suite, clients, faults" in done.stderr
