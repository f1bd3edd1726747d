"""The training material follows its schema, and every line names a passage that there is."""

from __future__ import annotations

import json
from collections import Counter

import jsonschema
import pytest

from index.passages import passages_of
from index.sources import SHIPPED, read
from scripts.training.data import is_test
from tests.conftest import ROOT

MATERIAL = ROOT / "scripts" / "training" / "material"


@pytest.mark.real
def test_each_line_follows_the_schema_and_names_a_passage_of_its_topic() -> None:
    schema = json.loads((MATERIAL / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    topics = read(SHIPPED, name="ai").knowledge_base.topics
    known = {passage.id for topic in topics for passage in passages_of(topic)}
    assert {path.stem for path in MATERIAL.glob("*.jsonl")} == {topic.slug for topic in topics}
    kinds: Counter[tuple[str, str]] = Counter()
    for path in MATERIAL.glob("*.jsonl"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            row = json.loads(line)
            place = f"{path.name}:{number}"
            assert validator.is_valid(row), place
            assert row["ref"] in known, place
            assert row["ref"].startswith(f"{path.stem}/"), place
            false = row.get("label") == "unsupported"
            assert ("change" in row) == false, place
            kinds[row["kind"], row.get("label", "")] += 1
    assert kinds["near_miss", ""] > 3000
    assert kinds["claim", "supported"] == kinds["claim", "unsupported"] > 4000


def test_about_a_tenth_of_the_topics_is_set_aside() -> None:
    slugs = [topic.slug for topic in read(SHIPPED, name="ai").knowledge_base.topics]
    assert 0.06 < sum(map(is_test, slugs)) / len(slugs) < 0.16
