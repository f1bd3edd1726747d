"""What is written is read back equal, or is not written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from index.errors import KnowledgeBaseError
from index.export import ExportFormat, write
from index.sources import read
from index.types import DataPoint, Faq, KnowledgeBase, Source, Topic
from tests.index.strategies import knowledge_bases

TOWER = Path(__file__).parent.parent / "data" / "tower-sample.json"
FILES: dict[ExportFormat, str] = {"yaml": "kb", "tower": "kb.json", "jsonl": "kb.jsonl"}
FORMATS: list[ExportFormat] = list(FILES)
SMALL = KnowledgeBase("kb", (Topic("a", "A", faqs=(Faq("Q", "A"),)),))


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=knowledge_bases())
def test_round_trip(form: ExportFormat, base: KnowledgeBase) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / FILES[form]
        write(base, out, form)
        result = read(out, name=base.name, strict=True)
    assert result.knowledge_base == base
    assert result.problems == ()


@pytest.mark.parametrize("form", FORMATS)
def test_a_tower_document_survives_each_format(tmp_path: Path, form: ExportFormat) -> None:
    base = read(TOWER, strict=True).knowledge_base
    out = tmp_path / "new" / FILES[form]
    write(base, out, form)
    assert read(out, name=base.name, strict=True).knowledge_base == base


def test_the_bare_fields_stay_those_of_the_format(tmp_path: Path) -> None:
    source = Source("s", "L (2017)", "https://x.org", None)
    topic = Topic("a", "A", sources=(source,), faqs=(Faq("Q", "A", ("s",), ("q",)),))
    base = KnowledgeBase("kb", (topic,))
    write(base, tmp_path / "t.json", "tower")
    tower = json.loads((tmp_path / "t.json").read_text("utf-8"))
    assert tower["tower"] == "kb"
    assert tower["topics"][0]["faq_items"][0]["question"] == "Q"
    assert tower["topics"][0]["sources"] == [
        {"id": "s", "label": "L (2017)", "url": "https://x.org", "year": None}
    ]
    write(base, tmp_path / "t.jsonl", "jsonl")
    rows = [json.loads(row) for row in (tmp_path / "t.jsonl").read_text("utf-8").splitlines()]
    assert rows[0]["record"] == "topic"
    assert rows[1]["source_url"] == "https://x.org"
    assert rows[1]["topic"] == "a"


def test_yaml_is_for_people(tmp_path: Path) -> None:
    topic = Topic("a", "Größe: 2×", data_points=(DataPoint("L", "3.14 × 10²³"),))
    write(KnowledgeBase("kb", (topic,)), tmp_path / "kb", "yaml")
    text = (tmp_path / "kb" / "a.yaml").read_text("utf-8")
    assert 'title: "Größe: 2×"\n' in text
    assert 'value: "3.14 × 10²³"\n' in text
    assert "unit" not in text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "topics",
    [
        (),
        (Topic("a", "A"), Topic("a", "B")),
        (Topic("a", " A"),),
        (Topic("../../a", "A"),),
        (Topic("a", "\ud800"),),
        (Topic("a", "A", faqs=(Faq("", "x"),)),),
        (Topic("a", "A", faqs=(Faq("q", "x", ("nobody",)),)),),
        (Topic("a", "A", sources=(Source("s", "L", "javascript:x"),)),),
    ],
)
def test_what_would_be_lost_is_refused_and_nothing_is_left(
    tmp_path: Path, form: ExportFormat, topics: tuple[Topic, ...]
) -> None:
    with pytest.raises(KnowledgeBaseError):
        write(KnowledgeBase("kb", topics), tmp_path / FILES[form], form)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_a_failed_export_leaves_the_old_one(tmp_path: Path, form: ExportFormat) -> None:
    out = tmp_path / FILES[form]
    write(SMALL, out, form)
    with pytest.raises(KnowledgeBaseError):
        write(KnowledgeBase("kb", ()), out, form)
    assert read(out, name="kb").knowledge_base == SMALL
    other = KnowledgeBase("kb", (Topic("b", "B", faqs=(Faq("R", "B"),)),))
    write(other, out, form)
    assert read(out, name="kb").knowledge_base == other
    assert [path.name for path in tmp_path.iterdir()] == [FILES[form]]


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"thesis\.tex"):
        write(SMALL, tmp_path / "kb", "yaml")
    assert (tmp_path / "kb" / "thesis.tex").exists()


def test_the_name_must_be_readable_again(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeBaseError, match=r"ending in \.jsonl"):
        write(SMALL, tmp_path / "kb.txt", "jsonl")
