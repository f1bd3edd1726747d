"""The README's commands do what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.settings import page
from tests.commands import command
from tests.conftest import ROOT
from tests.test_end_to_end import serving, wait_for

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ") and ".venv/bin/python" in line
]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, shipped_index: Path) -> Path:
    """The project's folders, with a `var` of its own that the commands may write to."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in ROOT.iterdir():
        if path.name not in ("var", ".venv", ".git"):
            (folder / path.name).symlink_to(path)
    (folder / "var").mkdir()
    (folder / "var" / "index").symlink_to(shipped_index)
    return folder


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) >= 12
    assert len(PYTHON) == 1


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_succeeds(
    line: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    before, _, named = line.rpartition(".venv/bin/python -m ")
    # What comes before it is what is piped into it.
    assert not before or re.fullmatch(r"echo '[^']*' \| ", before)
    piped = "".join(shlex.split(before)[1:-1])
    shown = command(*shlex.split(named, comments=True), stdin=piped)
    assert shown.returncode == 0, shown.stderr[-2000:]


def test_the_shown_answer_is_what_the_command_prints(checkout: Path) -> None:
    asked, _, shown = README.partition('square root of d_k?"\n')
    expected = shown.partition("```")[0].strip()
    assert asked
    assert expected.startswith("Dividing by")
    words = [sys.executable, "-m", "app", "ask"]
    words.append("Why are attention scores divided by the square root of d_k?")
    real = subprocess.run(
        words, cwd=checkout, capture_output=True, text=True, timeout=100, check=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )  # fmt: skip
    assert real.stdout.strip() == expected


def test_the_python_example_works(shipped_index: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--index", str(shipped_index)) as address:
        wait_for(address, "/readyz")
        code = PYTHON[0].replace("http://127.0.0.1:7860", address)
        shown = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=100
        )
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert "[1]" in shown.stdout
    assert "https://" in shown.stdout


def test_the_page_of_settings_is_what_the_command_prints() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(), (
        "make it anew with: python -m app settings --markdown > docs/settings.md"
    )
