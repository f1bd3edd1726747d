"""The published schemas are up to date, and accept what the readers accept."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from index.errors import KnowledgeBaseError
from index.export import write
from index.schemas import FOLDER, rendered, schemas
from index.sources import SHIPPED, read
from index.types import KnowledgeBase
from tests.index.strategies import knowledge_bases

TOPIC = Draft202012Validator(schemas()["topic.schema.json"])
TOWER = Draft202012Validator(schemas()["tower.schema.json"])
SAMPLE = Path(__file__).parent.parent / "data" / "tower-sample.json"
# Rules that no schema can state: they span records.
SPANNING = {"distinct source ids", "distinct slugs", "the id of one of the topic's sources"}


def test_the_files_are_those_generated() -> None:
    for name, text in rendered().items():
        assert (FOLDER / name).read_text("utf-8") == text


@pytest.mark.parametrize("name", sorted(schemas()))
def test_they_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])


def test_the_sample_and_the_shipped_topics_are_valid() -> None:
    assert TOWER.is_valid(json.loads(SAMPLE.read_text("utf-8")))
    for path in sorted(SHIPPED.glob("*.yaml"))[:5]:
        document = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)
        for source in document.get("sources", []):
            if "year" in source:
                source["year"] = int(source["year"])
        assert [e.message for e in TOPIC.iter_errors(document)] == []


def _accepts(document: object, name: str) -> bool:
    """Whether the reader takes a document without leaving anything out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        # JSON is YAML, but for astral characters in escapes; written out they are.
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        try:
            problems = read(path).problems
        except KnowledgeBaseError as error:
            return "expected at least one topic" in str(error)
        return not [p for p in problems if p.expected not in SPANNING]


def _exported(base: KnowledgeBase, tower: bool) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        if tower:
            write(base, Path(folder) / "kb.json", "tower")
            return json.loads((Path(folder) / "kb.json").read_text("utf-8"))
        write(base, Path(folder) / "kb", "yaml")
        return yaml.safe_load(next((Path(folder) / "kb").iterdir()).read_text("utf-8"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=knowledge_bases())
def test_what_is_exported_is_valid(base: KnowledgeBase) -> None:
    assert [e.message for e in TOWER.iter_errors(_exported(base, tower=True))] == []
    assert [e.message for e in TOPIC.iter_errors(_exported(base, tower=False))] == []


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5000, 5000),
    st.sampled_from([2017.0, 2017.5, 999, 1000, 2999, 3000, -1.5]),
    st.sampled_from(
        ["", " ", "\t", "x", "x y", "a-b", "a--b", "-a", "a-", "A", "é", "a\n", "\x85", "\x1c",
         "\x7f", "a" * 200, "a" * 201, "https://x.org", " https://x.org\n", "https://",
         "https://a b", "javascript:x", "http://é", "\u200b", "\u2028"]
    ),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["id", "x"]), inner, max_size=2),
    ),
    max_leaves=4,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document but its root."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [
        place for key, inner in items for place in [(*path, key), *_places(inner, (*path, key))]
    ]


def _full_topic(tower: bool) -> dict[str, Any]:
    source = {"id": "s", "label": "L", "url": "https://x.org", "year": 2017}
    point = {
        "label": "L",
        "value": "1",
        "unit": "u",
        "note": "n",
        "sources": ["s"],
        "also_asked": ["q"],
    }
    faq = {"question": "Q", "answer": "A", "sources": ["s"], "also_asked": ["q"]}
    return {
        "slug": "a",
        "title": "T",
        "category": "c",
        "description": "d",
        "citation_snippet" if tower else "snippet": "s",
        "date_modified": "2026-01-01",
        "sources": [source],
        "data_points": [point],
        "faq_items" if tower else "faqs": [faq],
    }


@st.composite
def _mutated(draw: st.DrawFn, tower: bool) -> Any:
    document: Any = _full_topic(tower)
    if tower:
        document = {"tower": "t", "topics": [document]}
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 2))):
        places = _places(document)
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        holder = document
        for step in path:
            holder = holder[step]
        action = draw(st.sampled_from(["replace", "replace", "delete", "add"]))
        if action == "delete":
            del holder[last]
        elif action == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["extra", "year", "unit", "id"]))] = draw(_VALUES)
        else:
            holder[last] = draw(_VALUES)
    return document


@given(document=_mutated(tower=False))
def test_reader_and_schema_agree_on_topics(document: Any) -> None:
    assert _accepts(document, "a.yaml") == TOPIC.is_valid(document)


@given(document=_mutated(tower=True))
def test_reader_and_schema_agree_on_tower_documents(document: Any) -> None:
    assert _accepts(document, "a.json") == TOWER.is_valid(document)


@pytest.mark.parametrize("document", [None, 5, [], "x", {}, {"topics": 5}, {"topics": []}])
def test_reader_and_schema_agree_on_other_things(document: Any) -> None:
    assert _accepts(document, "a.json") == TOWER.is_valid(document)
