"""What an index is made from: added, changed, removed, and told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from index import store
from index.__main__ import main
from index.errors import KnowledgeBaseError
from index.recipe import (
    SourceSpec,
    keep_recipe,
    read_recipe,
    read_sources,
    read_states,
    with_source,
    without_source,
    write_recipe,
)
from index.sources import Kept
from index.sources.bounded_files import Document
from index.sources.problems import Problems
from index.types import KnowledgeBase, Topic


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "keys.md").write_text("# Keys\n\nKeys are rotated monthly.\n", encoding="utf-8")
    (folder / "logs.md").write_text("# Logs\n\nLogs are kept for a week.\n", encoding="utf-8")
    (folder / "logo.png").write_bytes(b"\x89PNG")
    return folder


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


def test_a_round_trip(tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "index")
    table = tmp_path / "faq.csv"
    table.write_text("question,answer\nWho is on call?,Ada\n", encoding="utf-8")

    status, printed, told = _run(capsys, "add", str(notes), "--index", out, "--json")
    first = json.loads(printed)
    assert (status, first["passages"], first["encoded"]) == (0, 2, 2)
    assert "logo.png" in told

    _, printed, _ = _run(capsys, "add", str(table), "--name", "oncall", "--index", out, "--json")
    assert json.loads(printed)["passages"] == 3

    (notes / "logs.md").write_text("# Logs\n\nLogs are kept for a month.\n", encoding="utf-8")
    (notes / "new.txt").write_text("Something new.", encoding="utf-8")
    _, printed, _ = _run(capsys, "sync", "--index", out, "--json")
    assert (json.loads(printed)["passages"], json.loads(printed)["encoded"]) == (4, 2)
    assert _run(capsys, "sync", "--index", out, "--json")[0] == 0
    texts = {passage.text for passage in store.load(Path(out)).passages}
    assert {"Logs are kept for a month.", "Something new.", "Ada"} < texts

    _, printed, _ = _run(capsys, "sources", "--index", out, "--json")
    assert [(one["name"], one["passages"]) for one in json.loads(printed)] == [
        ("notes", 3), ("oncall", 1),
    ]  # fmt: skip
    _, printed, _ = _run(capsys, "remove", "notes", "--index", out, "--json")
    assert json.loads(printed)["passages"] == 1
    assert [passage.text for passage in store.load(Path(out)).passages] == ["Ada"]


def test_a_failure_changes_neither_index_nor_recipe(
    tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "index"
    assert _run(capsys, "add", str(notes), "--index", str(out))[0] == 0
    before = (store.current_fingerprint(out), read_recipe(out), read_states(out))
    for words in (
        ("add", str(tmp_path / "nothing")),
        ("add", "http://127.0.0.1:9/"),
        ("add", str(notes), "--branch", "main"),
        ("remove", "other"),
        ("remove", "notes"),
    ):
        status, _, told = _run(capsys, *words, "--index", str(out))
        assert status == 2
        assert told.splitlines()[-1].startswith(f"index {words[0]}: ")
        assert (store.current_fingerprint(out), read_recipe(out), read_states(out)) == before
    for path in notes.iterdir():
        path.unlink()
    notes.rmdir()
    status, _, told = _run(capsys, "sync", "--index", str(out))
    assert (status, "index remove notes" in told) == (2, True)


def test_no_recipe_where_nothing_was_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("sync", "sources"):
        status, _, told = _run(capsys, command, "--index", str(tmp_path / "none"))
        assert (status, "index add PATH" in told) == (2, True)


def test_a_recipe_is_kept_as_it_was_written(tmp_path: Path) -> None:
    specs = (
        SourceSpec("ai", "shipped"),
        SourceSpec('a "b" \\ é', "/x y/[z].md", "https://x.org/{page}"),
    )
    assert read_recipe(tmp_path) is None
    write_recipe(tmp_path, specs)
    assert read_recipe(tmp_path) == specs


@pytest.mark.parametrize(
    "text",
    [
        "[[source]]\nname = 'a'\n",
        "[[source]]\nname = 'a'\npath = 'b'\nurl = 'c'\n",
        "[[source]]\nname = 'a'\npath = 5\n",
        "[[source]]\nname = 'a'\npath = 'b'\n[[source]]\nname = 'a'\npath = 'c'\n",
        "source = 5",
        "[[source]",
    ],
)
def test_a_recipe_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"sources\.toml"):
        read_recipe(tmp_path)


def test_names_are_distinct_and_one_source_is_left() -> None:
    specs = (SourceSpec("a", "/a"),)
    assert with_source(specs, SourceSpec("a", "/a", "https://x.org"))[0].base_url
    with pytest.raises(KnowledgeBaseError, match="--name"):
        with_source(specs, SourceSpec("a", "/b"))
    with pytest.raises(KnowledgeBaseError, match="the name of a source"):
        without_source(specs, "b")
    with pytest.raises(KnowledgeBaseError, match="the last source"):
        without_source(specs, "a")


def test_a_whole_build_leaves_its_recipe(tmp_path: Path, notes: Path) -> None:
    keep_recipe(tmp_path, None, [])
    assert read_recipe(tmp_path) == (SourceSpec("ai", "shipped"),)
    keep_recipe(tmp_path, [f"n={notes}"], ["n=https://x.org/{path}"])
    assert read_recipe(tmp_path) == (SourceSpec("n", str(notes), "https://x.org/{path}"),)
    keep_recipe(tmp_path, [str(notes), str(notes)], [])
    assert read_recipe(tmp_path) is None


def test_two_sources_may_have_the_same_files(tmp_path: Path, notes: Path) -> None:
    base, states = read_sources([SourceSpec("a", str(notes)), SourceSpec("b", str(notes))])
    ids = [section.id for topic in base.topics for section in topic.sections]
    assert len(set(ids)) == len(ids) == 4
    assert [state.topics for state in states] == [2, 2]


def _parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed from now on."""
    from index import sources
    from index.sources.detect import Format

    told: list[str] = []
    markdown = sources._READERS[Format.MARKDOWN]

    def reader(path: Path, problems: Problems, document: Document) -> list[Topic]:
        told.append(path.name)
        return markdown(path, problems, document)

    monkeypatch.setitem(sources._READERS, Format.MARKDOWN, reader)
    return told


def test_only_changed_files_are_parsed(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs, place = [SourceSpec("notes", str(notes))], tmp_path / "read.jsonl"
    told = _parsed(monkeypatch)

    def read() -> KnowledgeBase:
        kept = Kept.open(place)
        base, _ = read_sources(specs, kept)
        kept.save()
        return base

    first = read()
    assert sorted(told) == ["keys.md", "logs.md"]
    told.clear()
    assert read() == first
    assert told == []
    (notes / "keys.md").write_text("# Keys\n\nKeys are rotated daily.\n", encoding="utf-8")
    (notes / "logs.md").rename(notes / "older.md")
    assert read() == read_sources(specs)[0]
    assert told[:2] == ["keys.md", "older.md"]
    assert len(place.read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize("damage", ["", "x", "0" * 64 + "\nkey {}", "\x00\n\n"])
def test_what_was_kept_may_be_damaged(tmp_path: Path, notes: Path, damage: str) -> None:
    specs, place = [SourceSpec("notes", str(notes))], tmp_path / "read.jsonl"
    kept = Kept.open(place)
    base, _ = read_sources(specs, kept)
    kept.save()
    lines = place.read_text(encoding="utf-8").splitlines()
    broken = damage or f"{lines[0]}\n{lines[1][:80]}\n{lines[2]} and more"
    place.write_text(broken, encoding="utf-8")
    assert read_sources(specs, Kept.open(place))[0] == base


def test_a_folder_is_followed(tmp_path: Path, notes: Path) -> None:
    out = tmp_path / "index"
    out.mkdir()
    write_recipe(out, [SourceSpec("notes", str(notes))])
    command = [sys.executable, "-m", "index", "sync", "--watch", "--index", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = process.stdout
        assert lines is not None
        try:
            assert "2 passages" in lines.readline()
            (notes / "new.md").write_text("# New\n\nSomething new.\n", encoding="utf-8")
            assert "3 passages" in lines.readline()
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
