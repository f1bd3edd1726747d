"""Suites of dialogues: read strictly, sealed, and fair to what the knowledge base holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from eval.dialogues import (
    DIALOGUE_SUITES,
    DIALOGUES,
    SCHEMA,
    read_dialogues,
    rendered_dialogue_schema,
)
from eval.errors import SuiteError
from index.sources import SHIPPED

LINE = {
    "id": "x-1", "act": "shorten", "topic": "kv-cache", "turns": ["What is it?", "shorter"],
    "expect": [None, {"kind": "answer", "topics": ["kv-cache"], "max_words": 40}],
}  # fmt: skip
LEAST = {"dialogue": 150, "leak": 125, "false-act": 300}


def test_the_published_schema_is_the_one_that_is_read_with() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == rendered_dialogue_schema(), (
        "write it anew with: python -m eval make --seal"
    )


@pytest.mark.parametrize("name", DIALOGUE_SUITES)
def test_each_line_follows_the_schema(name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(rendered_dialogue_schema()))
    for line in (DIALOGUES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        validator.validate(json.loads(line))


@pytest.mark.parametrize("name", DIALOGUE_SUITES)
def test_there_are_enough_and_about_half_are_sealed(name: str) -> None:
    found = read_dialogues(name)
    halves = Counter(each.split for each in found)
    assert len(found) >= LEAST[name]
    assert min(halves.values()) >= 0.4 * len(found)


def test_expectations_are_fair() -> None:
    """Topics exist, and of the figures asked for one stands in a topic that may be cited."""
    texts = {
        path.stem: re.sub(r"(?<=\d),(?=\d{3})", "", " ".join(path.read_text("utf-8").split()))
        for path in Path(SHIPPED).glob("*.yaml")
    }
    for dialogue in read_dialogues("all"):
        for want in filter(None, dialogue.expect):
            assert {*want.topics, *want.not_topics} <= texts.keys(), dialogue.id
            assert not {*want.topics} & {*want.not_topics}, dialogue.id
            if want.must_any and want.kind == "answer" and dialogue.act != "calc":
                held = [
                    needle
                    for needle in want.must_any
                    if any(needle.lower() in texts[topic].lower() for topic in want.topics)
                ]
                assert held, (dialogue.id, want.must_any)


def test_leaks_end_off_the_subject_and_false_acts_are_single_questions() -> None:
    for dialogue in read_dialogues("leak"):
        assert len(dialogue.turns) >= 2
        assert dialogue.expect[-1] is not None
        assert dialogue.expect[-1].kind == "off"
    for dialogue in read_dialogues("false-act"):
        assert len(dialogue.turns) == 1
        assert dialogue.expect[0] is not None
        assert dialogue.expect[0].topics


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expect": [None]}, "2 turns and 1 expectations"),
        ({"expect": [None, {"kind": "sings"}]}, "kind"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(f"{json.dumps(LINE)}\n{json.dumps({**LINE, **change})}\n")
    with pytest.raises(SuiteError, match=r"own.jsonl:2: ") as error:
        read_dialogues(str(path))
    assert said in str(error.value)


def test_ids_are_unique_and_an_unknown_suite_names_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(f"{json.dumps(LINE)}\n{json.dumps(LINE)}\n")
    with pytest.raises(SuiteError, match="unique"):
        read_dialogues(str(path))
    with pytest.raises(SuiteError, match="leak"):
        read_dialogues("no-such-suite")
