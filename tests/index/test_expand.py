"""Expansion: what is kept and why, and that it can be stopped at any moment."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.build import build
from index.encoders import Encoder
from index.errors import KnowledgeBaseError
from index.expand.progress import ProgressFile
from index.expand.questions import ExpansionReport, ExpansionSettings, choose, write_questions
from index.export import write
from index.passages import passages_of
from index.retrieve import HybridRetriever
from index.sources import read
from index.store import LoadedIndex, load
from index.types import KnowledgeBase, Passage, PassageKind
from tests.conftest import ROOT
from tests.index.question_writers import FixedWriter

WRITER = {"model": "fixed"}


@pytest.fixture(scope="module")
def retriever(small_index: LoadedIndex, minilm: Encoder) -> HybridRetriever:
    return HybridRetriever(small_index, minilm)


@pytest.fixture(scope="module")
def expanded(
    tmp_path_factory: pytest.TempPathFactory, small_kb: KnowledgeBase, retriever: HybridRetriever
) -> tuple[KnowledgeBase, ExpansionReport]:
    with ProgressFile(tmp_path_factory.mktemp("expand") / "p.jsonl", WRITER) as done:
        asyncio.run(write_questions(small_kb, FixedWriter(), done, 3))
        return choose(small_kb, done, retriever, ExpansionSettings(count=3, within=3))


def test_each_question_is_kept_or_dropped_for_a_reason(
    expanded: tuple[KnowledgeBase, ExpansionReport],
) -> None:
    _, report = expanded
    passages = 15
    assert report.written == 8 * passages == report.kept + sum(report.dropped.values())
    assert report.dropped["asked already"] >= passages
    assert report.dropped["speaks of the text"] == passages
    assert report.dropped["no question"] == passages
    # A question that fits none is found under three of them at most, once it is asked already.
    elsewhere = report.dropped["does not find its passage"] + report.dropped["asked already"]
    assert elsewhere >= 2 * passages - 3
    assert report.dropped["too short or too long"] == 2 * passages
    assert report.kept >= passages / 2


def test_what_is_kept_finds_its_passage_and_is_new(
    expanded: tuple[KnowledgeBase, ExpansionReport],
    retriever: HybridRetriever,
    small_kb: KnowledgeBase,
) -> None:
    again, report = expanded
    assert report.added
    every = Counter(question for kept in report.added.values() for question in kept)
    assert set(every.values()) == {1}
    for ref, kept in report.added.items():
        for question in kept:
            assert ref in {hit.passage.id for hit in retriever.search(question, 3).hits}
            assert not question.startswith(("-", "1.", '"'))
    for before, after in zip(small_kb.topics, again.topics, strict=True):
        for i, (old, new) in enumerate(zip(before.faqs, after.faqs, strict=True)):
            added = report.added.get(f"{before.slug}/faq/{i}", ())
            assert new == replace(old, also_asked=old.also_asked + added)
    held = {entry.text for entry in retriever.index.texts}
    assert not held & set(every)


def test_the_expanded_one_is_written_read_and_indexed_like_any(
    expanded: tuple[KnowledgeBase, ExpansionReport], minilm: Encoder, tmp_path: Path
) -> None:
    again, report = expanded
    write(again, tmp_path / "kb", "yaml")
    back = read(tmp_path / "kb", name=again.name, strict=True).knowledge_base
    assert back == again
    built = build(back, tmp_path / "index", minilm)
    texts = {entry.text for entry in load(tmp_path / "index").texts}
    assert built.passages == sum(len(passages_of(topic)) for topic in back.topics)
    assert {question for kept in report.added.values() for question in kept} <= texts


def test_no_more_than_asked_for(
    small_kb: KnowledgeBase, retriever: HybridRetriever, tmp_path: Path
) -> None:
    with ProgressFile(tmp_path / "p.jsonl", WRITER) as done:
        passage = passages_of(small_kb.topics[0])[0]
        topics = (replace(small_kb.topics[0], data_points=(), faqs=small_kb.topics[0].faqs[:1]),)
        heading = passage.heading.rstrip("?")
        done.add(passage, "\n".join(f"{heading} {word}?" for word in ("alpha", "beta", "gamma")))
        _, report = choose(
            KnowledgeBase("one", topics), done, retriever, ExpansionSettings(count=2)
        )
    assert report.kept == 2
    assert report.dropped == {"more than asked for": 1}


def passages(count: int = 4) -> list[Passage]:
    return [
        Passage(f"t/faq/{i}", PassageKind.FAQ, "t", "T", f"question {i}?", f"text {i}\u2028é")
        for i in range(count)
    ]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 10_000))
def test_a_file_cut_off_anywhere_loses_a_line_at_most(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "p.jsonl"
    with ProgressFile(path, WRITER) as done:
        for passage in passages():
            done.add(passage, f"{passage.heading}\nother ü")
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % (len(whole) + 1)])
    lines = path.read_bytes().count(b"\n")
    with ProgressFile(path, WRITER) as done:
        known = [done.get(passage) is not None for passage in passages()]
        assert known == [i < lines - 1 for i in range(4)]
        for passage in passages():
            if done.get(passage) is None:
                done.add(passage, f"{passage.heading}\nother ü")
    assert path.read_bytes() == whole


def test_a_changed_passage_is_asked_about_again(tmp_path: Path) -> None:
    passage = passages(1)[0]
    with ProgressFile(tmp_path / "p.jsonl", WRITER) as done:
        done.add(passage, "one?")
        assert done.get(passage) == "one?"
        assert done.get(replace(passage, text="changed")) is None


def test_a_progress_file_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    again = ProgressFile(path, WRITER)
    with (
        ProgressFile(path, WRITER),
        pytest.raises(KnowledgeBaseError, match="being written by another run"),
    ):
        again.__enter__()
    with pytest.raises(KnowledgeBaseError, match=r"model 'fixed' != 'other'.*--progress"):
        ProgressFile(path, {"model": "other"}).__enter__()
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(KnowledgeBaseError, match=":2: no line of a progress file"):
        ProgressFile(path, WRITER).__enter__()
    with pytest.raises(KnowledgeBaseError, match="can't be written"):
        ProgressFile(tmp_path, WRITER).__enter__()


class Failing(FixedWriter):
    async def questions(self, passage: Passage, count: int) -> str:
        if len(self.asked) == 4:
            raise KnowledgeBaseError("the writer fails here")
        return await super().questions(passage, count)


def test_a_writer_that_fails_loses_nothing(tmp_path: Path, small_kb: KnowledgeBase) -> None:
    path = tmp_path / "p.jsonl"
    with ProgressFile(path, WRITER) as done, pytest.raises(KnowledgeBaseError, match="fails here"):
        asyncio.run(write_questions(small_kb, Failing(), done, 3))
    rest = FixedWriter()
    seen: list[tuple[int, int]] = []
    with ProgressFile(path, WRITER) as done:
        asyncio.run(write_questions(small_kb, rest, done, 3, lambda n, of: seen.append((n, of))))
    assert len(rest.asked) == 15 - 4
    assert (seen[0], seen[-1]) == ((4, 15), (15, 15))


BLOCKED = (
    "import sys; sys.modules['app'] = sys.modules['prompts'] = None\n"
    "from index.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `index expand` where neither app nor prompts can be imported."""
    writer = ["--writer", "tests.index.question_writers", "--encoder", "all-MiniLM-L6-v2"]
    return subprocess.run(
        [sys.executable, "-c", BLOCKED, "expand", *writer, *words],
        cwd=ROOT, capture_output=True, text=True, timeout=200,
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_killed_and_interrupted_gives_what_an_undisturbed_one_gives(
    small_kb: KnowledgeBase, tmp_path: Path
) -> None:
    write(small_kb, tmp_path / "kb.json", "tower")
    shared = ["--kb", str(tmp_path / "kb.json"), "--count", "3", "--json"]
    whole = command(*shared, "--out", str(tmp_path / "whole.json"))
    assert whole.returncode == 0, whole.stderr
    out = ["--out", str(tmp_path / "again.json")]
    killed = command(*shared, *out, "--dies-after", "3")
    assert killed.returncode == -9
    progress = tmp_path / "again.json.progress.jsonl"
    assert progress.read_bytes().count(b"\n") == 4
    with progress.open("ab") as file:
        file.write(b'{"ref":"half a li')
    interrupted = command(*shared, *out, "--dies-after", "4", "--how", "interrupt")
    assert interrupted.returncode == 130
    assert f"what was written is kept in {progress}" in interrupted.stderr
    assert interrupted.stderr.rstrip().endswith("interrupted")
    assert not (tmp_path / "again.json").exists()
    last = command(*shared, *out)
    assert last.returncode == 0, last.stderr
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
    one, other = json.loads(whole.stdout), json.loads(last.stdout)
    assert {**one, "out": "", "seconds": 0} == {**other, "out": "", "seconds": 0}
    assert one["kept"] > 0
    assert "writing questions: 15/15" in last.stderr
    nothing_to_write = command(*shared, *out, "--dies-after", "0")
    assert json.loads(nothing_to_write.stdout)["kept"] == one["kept"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.txt"], "expected a folder"),
        (["--out", "x", "--writer", "no.such.module"], "can't be imported"),
        (["--out", "x", "--writer", "json"], "expected add_arguments and open_writer"),
        (["--out", "x", "--count", "0"], "expected 1 or more"),
        ([], "--out"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words: list[str], said: str) -> None:
    shown = command(*words)
    assert shown.returncode == 2
    assert said in shown.stderr
    assert shown.stderr.count("\n") == 1
