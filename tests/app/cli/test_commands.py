"""The command lines as people type them: standard output, standard error and the status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.ask import BatchLine, batch_line, decoded
from app.record.errors import RequestError
from tests.commands import command
from tests.conftest import ROOT


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
            "id", "standalone_query", "answerable", "confidence", "missing", "hits", "conflicts",
        }  # fmt: skip
        assert len(line["hits"]) == 8
        assert set(line["hits"][0]) == {"ref", "topic", "score"}
        assert "lora-fine-tuning" in [hit["topic"] for hit in line["hits"]]
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
        (["app", "frobnicate"], "--help"),
        (["index", "build", "--kb", "/nowhere.json", "--out", "/tmp/none"], "/nowhere.json"),
        (["index", "search", "What?", "-k", "zero"], "-k"),
        (["app", "keys", "add"], "keys file"),
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


def raw(*words: str, stdin: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    import os

    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT, input=stdin, capture_output=True, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--port", "99999"], b"port"), (["--database", "mysql://host/name"], b"kind 'mysql'")],
)
def test_a_server_that_cannot_start_says_why_in_one_line(
    words: list[str], said: bytes, shipped_index: Path
) -> None:
    shown = raw("app", "serve", *words, stdin=b"")
    assert (shown.returncode, shown.stdout) == (2, b"")
    assert said in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


BAD_LINES = [
    b'{"id": 1}', b"[1]", b"{oops", b'{"id": 1, "question": 5}', b"[" * 5000, b"null",
    b'{"id": 1, "question": "caf\xe9"}', b'{"id": 1, "question": "\\ud800"}', b"\xff\xfe{\0",
    b'{"id": 1, "question": ""}', b'{"id": 1, "question": "What?", "history": "x"}',
    b'{"id": 1, "question": "What?", "history": [{"role": "user", "content": null}]}',
    b'{"id": 1, "question": "' + b"x" * 9000 + b'"}', b'{"id": NaN, "question": "What?"}',
    b'{"id": ' + b"9" * 5000 + b', "question": "What?"}',
]  # fmt: skip


@pytest.mark.parametrize("name", ["ask", "retrieve"])
def test_a_bad_batch_line_is_told_and_the_rest_goes_on(name: str, shipped_index: Path) -> None:
    good = [
        b'\xef\xbb\xbf{"id": "bom", "question": "What is LoRA?"}',
        b'{"id": "none", "question": "What is RLHF?", "history": null}\r',
        b'{"id": "last", "question": "What is a KV cache?", "history": []}',
    ]
    stdin = b"\n".join([good[0], *BAD_LINES, *good[1:]])
    shown = command("app", name, "--batch", "--index", str(shipped_index), stdin=stdin)
    found = [json.loads(line)["id"] for line in shown.stdout.splitlines()]
    assert found == ["bom", "none", "last"]
    assert shown.returncode == 2
    told = shown.stderr.splitlines()
    assert len(told) == len(BAD_LINES)
    assert all(f"line {n} of standard input" in line for n, line in enumerate(told, start=2))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
_LINES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda fields: json.dumps(fields).encode(),
        st.fixed_dictionaries({"id": _JSON, "question": _JSON}, optional={"history": _JSON}),
    ),
)


@given(_LINES)
def test_any_line_is_read_or_refused_in_one_line(line: bytes) -> None:
    try:
        text = decoded(line)
        assert isinstance(batch_line(text), BatchLine)
    except RequestError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert len(refusal.splitlines()) <= 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_in_another_encoding_is_still_output(encoding: str, shipped_index: Path) -> None:
    where = ("--index", str(shipped_index))
    question = "Why are attention scores divided by √d_k?".encode()
    told = raw("app", "ask", *where, "-", stdin=question, PYTHONIOENCODING=encoding)
    assert told.returncode == 0
    assert "d_k" in told.stdout.decode(encoding)
    told = raw("app", "ask", "--json", *where, "-", stdin=question, PYTHONIOENCODING=encoding)
    assert "√" in json.loads(told.stdout)["question"]["text"]
    assert raw("app", "ask", "--help", stdin=b"", PYTHONIOENCODING=encoding).returncode == 0


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["app", "ask", "-"], b"caf\xe9?"),
        (["app", "ask", "-"], "Why?".encode("utf-16")),
        (["app", "retrieve", b"caf\xe9?"], b""),
        (["index", "search", b"caf\xe9?"], b""),
    ],
)
def test_what_is_no_utf8_is_told_in_one_line(
    words: list[str | bytes], stdin: bytes, shipped_index: Path
) -> None:
    shown = raw(*words, stdin=stdin)  # type: ignore[arg-type]
    assert shown.returncode == 2
    assert b"UTF-8" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


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
