"""A topic becomes passages whose ids are positions, each with the texts it is found under."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.passages import embedded_texts, passages_of, practice_text
from index.types import Caveat, DataPoint, Faq, KnowledgeBase, PassageKind, Practice, Source, Topic
from tests.index.strategies import knowledge_bases

TOPIC = Topic(
    slug="attention",
    title="Attention",
    description="What it is.",
    snippet="In short.",
    sources=(
        Source("v", "Vaswani et al. (2017)", "https://x.org", 2017),
        Source("b", "Bahdanau", ""),
    ),
    faqs=(Faq("Why?", "Because.", ("v",), ("How come?",)), Faq("What?", "That.")),
    data_points=(DataPoint("Heads", "8", "heads", "In the base model.", ("b",)),),
)


@pytest.mark.parametrize(
    ("value", "unit", "note", "written"),
    [
        ("18% → 57%", "% accuracy", "Of 8 shots", "L: 18% → 57% accuracy. Of 8 shots."),
        ("~67%", "percent", "", "L: ~67%."),
        ("19 of 24 tasks", "tasks improved", "", "L: 19 of 24 tasks improved."),
        ("1.4", "trillion tokens", "In all.", "L: 1.4 trillion tokens. In all."),
        ("312", "TFLOPS", "peak (dense)\n", "L: 312 TFLOPS. peak (dense)"),
    ],
)
def test_a_data_point_is_a_sentence_whose_unit_stands_once(
    value: str, unit: str, note: str, written: str
) -> None:
    topic = replace(TOPIC, data_points=(DataPoint("L", value, unit, note),))
    found = {passage.id: passage.text for passage in passages_of(topic)}
    assert found["attention/data/0"] == written


def test_ids_kinds_and_what_is_quoted() -> None:
    found = {p.id: p for p in passages_of(TOPIC)}
    assert list(found) == [
        "attention/faq/0",
        "attention/faq/1",
        "attention/data/0",
        "attention/description",
        "attention/snippet",
    ]
    assert found["attention/faq/0"].text == "Because."
    assert found["attention/data/0"].heading == "Heads"
    assert "8 heads" in found["attention/data/0"].text
    assert "In the base model." in found["attention/data/0"].text
    assert found["attention/description"].kind is PassageKind.DESCRIPTION


def test_sources_are_the_named_ones_else_the_topics() -> None:
    found = {p.id: [s.id for s in p.sources] for p in passages_of(TOPIC)}
    assert found["attention/faq/0"] == ["v"]
    assert found["attention/data/0"] == ["b"]
    assert found["attention/faq/1"] == found["attention/snippet"] == ["v", "b"]


def test_an_faq_is_found_under_its_question_all_it_says_and_other_ways_of_asking() -> None:
    texts = dict(embedded_texts(TOPIC))["attention/faq/0"]
    assert {"Why?", "How come?"} <= set(texts)
    assert any("Why?" in text and "Because." in text for text in texts)


def test_a_definition_is_found_under_each_of_its_terms() -> None:
    topic = replace(TOPIC, definition="Attention is a weighted mean.", terms=("attention", "MHA"))
    texts = dict(embedded_texts(topic))["attention/definition"]
    assert {"What is attention?", "What is MHA?"} <= set(texts)


def test_practice_and_caveats_are_passages_with_their_sources() -> None:
    practice = Practice("Pad on the left.", "Decoding continues the end.", "", ("v",), ("side?",))
    topic = replace(TOPIC, practice=(practice,), caveats=(Caveat("It is disputed.", ("b",)),))
    found = {passage.id: passage for passage in passages_of(topic)}
    assert found["attention/practice/0"].text == "Pad on the left. Decoding continues the end."
    assert [s.id for s in found["attention/practice/0"].sources] == ["v"]
    assert found["attention/caveat/0"].kind is PassageKind.CAVEAT
    assert "side?" in dict(embedded_texts(topic))["attention/practice/0"]


def test_code_in_a_statement_of_practice_keeps_its_fences_on_lines_of_their_own() -> None:
    one = Practice("Run it:\n\n```sh\nmake\n```\n", "It builds.", "No error.", (), ())
    lines = practice_text(one).split("\n")
    assert [line for line in lines if "```" in line] == ["```sh", "```"]
    assert lines[-1] == "It builds. No error."


@given(knowledge_bases(), st.data())
def test_every_passage_has_texts_and_every_text_a_passage(
    kb: KnowledgeBase, data: st.DataObject
) -> None:
    topic = data.draw(st.sampled_from(kb.topics))
    ids = [passage.id for passage in passages_of(topic)]
    texts = list(embedded_texts(topic))
    assert [passage for passage, _ in texts] == ids
    assert len(set(ids)) == len(ids)
    for _, group in texts:
        assert len(set(group)) == len(group)
        assert all(text.strip() for text in group)
    for passage in passages_of(topic):
        assert set(passage.sources) <= set(topic.sources)
        assert passage.topic == topic.slug
