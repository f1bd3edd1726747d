"""Suites: read strictly, split by topic, sealed by a hash that the repository holds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from eval import cases
from eval.cases import SUITES, read_suite, seal_of, split_of, suite_names
from eval.dialogues import dialogue_seals
from eval.errors import SuiteError
from eval.metrics.text import content, fold
from index.passages import passages_of
from index.sources import SHIPPED, read

CASE = {
    "id": "x-1", "slice": "x", "style": "novice", "topic": "kv-cache", "question": "how big?",
    "history": [], "gold": [], "reference": "", "nuggets": [], "numbers": [], "answerable": True,
}  # fmt: skip


def test_the_published_schema_is_the_one_that_is_read_with() -> None:
    found = (SUITES / "schema.json").read_text(encoding="utf-8")
    assert found == cases.rendered_schema(), "write it anew with: python -m eval make --seal"


@pytest.mark.parametrize("name", suite_names())
def test_each_line_follows_the_schema(name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(cases.rendered_schema()))
    for line in (SUITES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        validator.validate(json.loads(line))


def test_the_sealed_halves_are_those_of_the_repository() -> None:
    sealed = json.loads((SUITES / "sealed.json").read_text(encoding="utf-8"))
    found = {name: seal_of(read_suite(name)) for name in suite_names()} | dialogue_seals()
    assert sealed == found, (
        "a sealed case was changed; if that is meant: python -m eval make --seal"
    )


def test_gold_passages_exist_and_slices_are_named_after_their_suite() -> None:
    topics = read(SHIPPED).knowledge_base.topics
    known = {passage.id for topic in topics for passage in passages_of(topic)}
    for case in read_suite("all"):
        assert set(case.gold) <= known, case.id
        # Who wrote the field suite had not seen the knowledge base: its cases have nuggets alone.
        # What is to be worked out has a figure, a sentence that is to be said, or both.
        free = ("field", "calculation")
        assert not case.answerable or case.gold or case.slice in free, case.id
        assert case.slice != "calculation" or case.numbers or case.nuggets, case.id
        assert case.slice != "field" or any(nugget.vital for nugget in case.nuggets), case.id
    for name in suite_names():
        assert {case.slice for case in read_suite(name)} == {name}


LEAST = {
    "paraphrase": 300, "data-point": 150, "cross-topic": 60, "unanswerable": 120,
    "false-premise": 40, "adversarial": 60, "conversation": 40,
    "field": 250, "languages": 120, "calculation": 120, "every-topic": 200,
}  # fmt: skip


def test_there_are_enough_cases_to_tell_something() -> None:
    assert {name: len(read_suite(name)) >= LEAST[name] for name in suite_names()} == {
        name: True for name in LEAST
    }
    for case in read_suite("conversation"):
        assert [turn.role for turn in case.history] == ["user", "assistant"] * 2


def test_paraphrases_are_put_in_words_of_their_own() -> None:
    """None is a phrasing that the index holds, and few of a question's words are its FAQ's."""
    topics = {topic.slug: topic for topic in read(SHIPPED).knowledge_base.topics}
    known = {
        fold(asked)
        for topic in topics.values()
        for phrasings in (
            *((faq.question, *faq.also_asked) for faq in topic.faqs),
            *(point.also_asked for point in topic.data_points),
        )
        for asked in phrasings
    }
    paraphrases = read_suite("paraphrase")
    assert not [case.id for case in paraphrases if fold(case.question) in known]
    assert min(Counter(case.style for case in paraphrases).values()) >= 60
    assert len({case.style for case in paraphrases}) == 5
    shares = []
    for case in paraphrases:
        slug, kind, position = case.gold[0].split("/")
        assert kind == "faq", case.id
        own, theirs = set(content(case.question)), topics[slug].faqs[int(position)].question
        shares.append(len(own & set(content(theirs))) / len(own))
    assert sum(shares) / len(shares) < 0.3


def test_topics_are_halved_and_cases_follow_their_topic() -> None:
    slugs = [topic.slug for topic in read(SHIPPED).knowledge_base.topics]
    halves = Counter(split_of(slug) for slug in slugs)
    assert abs(halves["dev"] - halves["sealed"]) <= 0.15 * len(slugs)
    for case in read_suite("all"):
        expected = split_of(case.id if case.topic == "none" else case.topic)
        assert case.split == expected


def test_the_smoke_run_is_forty_development_questions() -> None:
    smoke = read_suite("smoke")
    assert len(smoke) == 40
    assert {case.split for case in smoke} == {"dev"}
    assert len({case.slice for case in smoke}) == 7
    assert smoke == read_suite("smoke")


def test_a_limit_takes_the_same_cases_whatever_their_order() -> None:
    every = read_suite("paraphrase")
    some = cases.sample_of(every, 20)
    assert {case.id for case in some} == {
        case.id for case in cases.sample_of(tuple(reversed(every)), 20)
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answerable": "perhaps"}, "answerable"),
        ({"extra": 1}, "extra"),
        ({"question": ""}, "question"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(CASE) + "\n" + json.dumps({**CASE, **change}) + "\n")
    with pytest.raises(SuiteError, match=rf"own.jsonl:2: {said}"):
        read_suite(str(path))


def test_ids_are_unique(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(f"{json.dumps(CASE)}\n{json.dumps(CASE)}\n")
    with pytest.raises(SuiteError, match="unique"):
        read_suite(str(path))


def test_an_unknown_suite_names_the_known_ones() -> None:
    with pytest.raises(SuiteError, match="paraphrase"):
        read_suite("no-such-suite")
