"""The command lines as people type them: standard output, standard error and the status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def command(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def asked(shipped_index: Path) -> dict[str, object]:
    shown = command(
        "app", "ask", "--json", "--index", str(shipped_index), "How large does a KV cache get?"
    )
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert isinstance(found, dict)
    return found


def test_ask_prints_the_whole_answer_as_json(asked: dict[str, object]) -> None:
    assert {
        "id", "text", "abstained", "citations", "claims", "conflicts", "usage", "timings",
    } <= set(asked)  # fmt: skip
    assert "[1]" in str(asked["text"])
    citations = asked["citations"]
    assert isinstance(citations, list)
    assert {"n", "ref", "url", "title", "quote"} <= set(citations[0])


def test_ask_lists_its_sources_for_a_person(shipped_index: Path) -> None:
    shown = command(
        "app", "ask", "--index", str(shipped_index), "What is nucleus sampling?", "--explain"
    )
    assert shown.returncode == 0
    assert "Sources\n[1] " in shown.stdout
    assert "https://" in shown.stdout
    assert "confidence" in shown.stderr


def test_batches_answer_each_line(shipped_index: Path) -> None:
    lines = [
        {"id": 1, "question": "What is LoRA?", "history": []},
        {
            "id": "b",
            "question": "and why is it cheap?",
            "history": [{"role": "user", "content": "What is LoRA?"}],
        },
    ]
    stdin = "\n".join(json.dumps(line) for line in lines)
    shown = command("app", "retrieve", "--batch", "--index", str(shipped_index), stdin=stdin)
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["id"] for line in found] == [1, "b"]
    for line in found:
        assert set(line) == {
            "id", "standalone_query", "answerable", "confidence", "hits", "conflicts",
        }  # fmt: skip
        assert len(line["hits"]) == 8
        assert set(line["hits"][0]) == {"ref", "topic", "score"}
        assert line["hits"][0]["topic"] == "lora-fine-tuning"
    answers = command("app", "ask", "--batch", "--index", str(shipped_index), stdin=stdin)
    assert [json.loads(line)["abstained"] for line in answers.stdout.splitlines()] == [False, False]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["app", "ask", ""], "question is empty"),
        (["app", "ask"], "no question"),
        (["app", "ask", "What?", "--persona", "nobody"], "citewise-expert"),
        (["app", "ask", "What?", "--temperature", "3"], "--temperature is 3.0, expected 0 to 2"),
        (["app", "ask", "What?", "--top-p", "0"], "--top-p"),
        (["app", "ask", "What?", "--index", "/nowhere"], "python -m index build"),
        (["app", "retrieve", "What?", "-k", "0"], "-k is 0"),
        (["app", "serve", "--port", "99999"], "port"),
        (["app", "frobnicate"], "--help"),
        (["index", "build", "--kb", "/nowhere.json", "--out", "/tmp/none"], "/nowhere.json"),
        (["index", "search", "What?", "-k", "zero"], "-k"),
        (["app", "keys", "add"], "keys file"),
        (["app", "serve", "--database", "mysql://host/name"], "kind 'mysql'"),
        (
            ["app", "db", "upgrade", "--database", "/proc/none/a.db"],
            "/proc/none/a.db can't be made",
        ),
        (["app", "feedback", "export", "--database", "/nowhere/a.db"], "no database /nowhere/a.db"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(
    words: list[str], said: str, shipped_index: Path
) -> None:
    shown = command(*words)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert said in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert "Traceback" not in shown.stderr


def test_a_bad_batch_line_is_named(shipped_index: Path) -> None:
    for line in ('{"id": 1}', "[1]", "{oops", '{"id": 1, "question": 5}', "[" * 5000):
        shown = command("app", "retrieve", "--batch", stdin=line)
        assert shown.returncode == 2
        assert "line 1 of standard input" in shown.stderr
        assert "Traceback" not in shown.stderr


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    shown = command("app", "retrieve", "What?", CITEWISE_PASSAGES="500")
    assert shown.returncode == 2
    assert "passages" in shown.stderr


def test_a_mistyped_variable_is_refused_with_the_name_that_was_meant() -> None:
    shown = command("app", "retrieve", "What?", CITEWISE_API_KEY_FILE="keys.json")
    assert shown.returncode == 2
    assert "CITEWISE_API_KEYS_FILE" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_persons_own_persona_file_works(tmp_path: Path, shipped_index: Path) -> None:
    own = tmp_path / "poet.md"
    own.write_text("# Poet\n\nYou speak of models in plain images.\n", encoding="utf-8")
    shown = command(
        "app", "ask", "--json", "--persona", str(own), "--index", str(shipped_index),
        "What is LoRA?",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["persona"] == "poet"
