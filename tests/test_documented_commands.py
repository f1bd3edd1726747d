"""The commands that README and docs name: there are such targets and modules, and they run."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts import check_commands
from scripts.check_commands import Command, commands_of, documented, run_command
from tests.conftest import ROOT

_MODULE = re.compile(r"python3? -m ([a-z_.]+)")
_TARGET = re.compile(r"(?:^|\s)make ([a-z][a-z-]*)")


def test_commands_are_read_from_blocks_and_from_prose() -> None:
    text = (
        "Run `python -m app settings` or `make run`.\n\n```console\n$ make test   # all\n"
        "$ python -m index build --kb a \\\n    --out b\nwhat it says\n```\n"
        "`python -m pip install x`"
    )
    shown = [one.shown for one in commands_of(text, "page.md")]
    assert shown == [
        "python -m app settings",
        "make run",
        "make test",
        "python -m index build --kb a      --out b",
    ]


def test_placeholders_are_filled_in() -> None:
    command = Command("p", "python -m eval run NAME [--baseline NAME] --out DIR")
    assert command.runnable("py") == "py -m eval run data-point --out var/check"
    assert Command("p", 'make run ARGS="-x"').runnable("py") == 'make -n run ARGS="-x"'
    for one in documented():
        if not one.needs:
            left = re.search(r"\b(?:NAME|PATH|DIR|OUT|KB|ACT|URL)\b|…", one.runnable("py"))
            assert left is None, f"{one}: say in scripts/check_commands.py what {left} stands for"


@pytest.mark.parametrize("one", documented(), ids=lambda one: one.shown[:60])
def test_what_a_command_names_is_there(one: Command) -> None:
    rules = re.findall(r"^([a-z- ]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    targets = " ".join(rules).split()
    for module in _MODULE.findall(one.shown):
        assert find_spec(module) is not None
    for target in _TARGET.findall(one.shown):
        assert target in targets


def test_a_command_that_fails_is_told_and_one_that_lasts_is_stopped(tmp_path: Path) -> None:
    assert run_command(Command("p", "true"), tmp_path, 20) == ""
    assert run_command(Command("p", "sleep 60"), tmp_path, 0.5) == ""
    assert "no such thing" in run_command(Command("p", "echo no such thing; exit 3"), tmp_path, 20)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_command_runs_from_a_fresh_clone(shipped_index: Path) -> None:
    del shipped_index  # the clone borrows it
    assert check_commands.main(["--seconds", "60"]) == 0
