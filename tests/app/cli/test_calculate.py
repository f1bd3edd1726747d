"""`app calculate` as people type it, and the documentation that is made from it."""

from __future__ import annotations

import json

import pytest

from app.__main__ import main
from index.calculations.describe import page
from tests.conftest import ROOT


def test_a_calculation_is_printed_with_its_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("calculate kv-cache --model llama-3.1-70b --tokens 128k".split()) == 0
    shown = capsys.readouterr().out
    assert "42.95 GB (40 GiB)" in shown
    assert "Assumed" in shown
    assert "https://" in shown


@pytest.mark.parametrize("words", [["--json"], []])
def test_json_stands_before_or_after_the_name(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    after = [] if words else ["--json"]
    assert main(["calculate", *words, "weights", "--parameters", "7B", *after]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["result"]["value"] == 14e9
    assert found["result"]["unit"] == "bytes"


def test_what_there_is_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calculate", "--list", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert {"kv-cache", "mfu"} <= {each["name"] for each in known["data"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("calculate", "--list"),
        ("calculate kv-cash", "kv-cache"),
        ("calculate weights --parameters 7GB", "in parameters"),
        ("calculate kv-cache --model llama-3.1-8b", "tokens"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


def test_the_documentation_is_what_the_command_prints() -> None:
    assert (ROOT / "docs" / "calculations.md").read_text(encoding="utf-8") == page(), (
        "make it anew: python -m app calculate --markdown > docs/calculations.md"
    )
