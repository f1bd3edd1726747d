"""Derived suites: the same each time, and true to the knowledge base they are asked over."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.record.types import Answer, Final, Question
from eval import shadow
from eval.cases import Case, CaseRecord
from eval.metrics.answers import follow_through
from eval.metrics.number_fidelity import number_recall, stated
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.passages import passages_of
from index.sources import SHIPPED, read
from index.types import KnowledgeBase

Derive = Callable[[str], shadow.Derived]
Asked = tuple[Case, Answer]
COMPOSED = PipelineSettings(answer_mode="compose")
TOPICS = (
    "alignment-problem",
    "attention-heads",
    "attention-is-all-you-need",
    "byte-pair-encoding",
    "emergent-capabilities",
    "multi-head-attention",
    "rag",
    "word-embeddings",
)
LEAST = {"verbatim": 100, "leave-out": 10, "counterfactual": 60, "conflict": 20}


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return read(SHIPPED).knowledge_base


@pytest.fixture(scope="module")
def derived(knowledge: KnowledgeBase) -> Derive:
    """The shadow of a kind, made once."""
    return cache(lambda kind: shadow.derive(kind, knowledge))


def _texts(base: KnowledgeBase) -> dict[str, str]:
    return {p.id: f"{p.heading}\n{p.text}" for topic in base.topics for p in passages_of(topic)}


@pytest.mark.real
@pytest.mark.parametrize("kind", list(LEAST))
def test_derived_suites(kind: str, derived: Derive, knowledge: KnowledgeBase) -> None:
    made = derived(kind)
    some = replace(knowledge, topics=tuple(t for t in knowledge.topics if t.slug in TOPICS))
    assert shadow.derive(kind, some) == shadow.derive(kind, some)
    assert len(made.cases) >= LEAST[kind]
    texts = _texts(made.knowledge_base)
    for case in made.cases:
        assert case.slice == kind
        assert set(case.gold) <= texts.keys()
        evidence = "\n".join(texts[ref] for ref in case.gold)
        assert all(stated(number, evidence) for number in case.numbers), case.id
        assert CaseRecord.model_validate(shadow.record_of(case)).frozen() == case


def test_a_removed_faq_is_nowhere(derived: Derive) -> None:
    made = derived("leave-out")
    headings = {text.split("\n")[0] for text in _texts(made.knowledge_base).values()}
    assert not headings & {case.question for case in made.cases}


@pytest.mark.real
def test_an_edited_figure_is_gone_from_its_topic(derived: Derive) -> None:
    made = derived("counterfactual")
    for case in made.cases:
        topic = next(t for t in made.knowledge_base.topics if t.slug == case.topic)
        for passage in passages_of(topic):
            assert not re.search(case.forbidden[0], f"{passage.heading} {passage.text}"), case.id
        assert not re.search(case.forbidden[0], case.question)


@pytest.mark.real
def test_a_conflict_has_two_sources(derived: Derive) -> None:
    made = derived("conflict")
    for case in made.cases:
        topic = next(t for t in made.knowledge_base.topics if t.slug == case.topic)
        points = [topic.data_points[int(ref.rsplit("/", 1)[1])] for ref in case.gold]
        assert points[0].label == points[1].label
        assert points[0].value != points[1].value
        assert set(points[0].sources) != set(points[1].sources)


async def _answers(made: shadow.Derived, folder: Path, encoder: Encoder) -> list[Asked]:
    """Ask the cases of some topics over an index of these; no way of asking leads to the old."""
    topics = tuple(
        replace(topic, faqs=tuple(replace(faq, also_asked=()) for faq in topic.faqs))
        for topic in made.knowledge_base.topics
        if topic.slug in TOPICS
    )
    build(KnowledgeBase("derived", topics), folder, encoder)
    pipeline = Pipeline(LiveIndex(folder, encoder), ScriptedChatModel([]), COMPOSED)
    found = []
    for case in made.cases:
        if case.topic in TOPICS:
            *_, final = [event async for event in pipeline.answer(Question(case.question))]
            assert isinstance(final, Final)
            found.append((case, final.answer))
    return found


async def test_the_product_follows_a_figure_that_was_changed(
    derived: Derive, encoder: Encoder, tmp_path: Path
) -> None:
    followed = [
        follow_through(
            number_recall=number_recall(case.numbers, answer.text),
            abstained=answer.abstained,
            forbidden=case.forbidden,
            text=answer.text,
            disputed=bool(answer.conflicts),
        )
        for case, answer in await _answers(derived("counterfactual"), tmp_path, encoder)
    ]
    told = [each for each in followed if each is not None]
    assert len(told) >= len(TOPICS) - 1
    assert sum(told) >= 0.9 * len(told)


async def test_the_product_tells_of_what_disagrees(
    derived: Derive, encoder: Encoder, tmp_path: Path
) -> None:
    told = [
        frozenset(case.gold)
        in {frozenset(value.ref for value in found.values) for found in answer.conflicts}
        for case, answer in await _answers(derived("conflict"), tmp_path, encoder)
    ]
    assert len(told) == len(TOPICS)
    assert sum(told) >= len(told) - 1


words = st.sampled_from("the key is kept in a vault and rotated by night 7 times".split())
told = st.lists(words, min_size=3, max_size=16).map(lambda found: " ".join(found).capitalize())


@settings(max_examples=40)
@given(st.lists(st.lists(told, min_size=1, max_size=7), min_size=1, max_size=4))
def test_a_sentence_that_is_asked_for_is_nowhere_in_its_document(parts: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(f"## Part {n}\n\n{'. '.join(part)}.\n\n" for n, part in enumerate(parts))
        (Path(folder) / "guide.md").write_text(f"# Guide\n\n{text}")
        base = read(Path(folder), name="docs").knowledge_base
    made = shadow.derive("cloze", base)
    before, after = _texts(base), _texts(made.knowledge_base)
    assert before.keys() == after.keys()
    asked = {case.gold[0] for case in made.cases}
    assert all(before[ref] == after[ref] for ref in before.keys() - asked)
    for case in made.cases:
        assert case.question in before[case.gold[0]]
        assert not any(case.question in text for text in after.values())
        lost = Counter(before[case.gold[0]].split()) - Counter(after[case.gold[0]].split())
        assert lost == Counter(case.question.split())
        assert CaseRecord.model_validate(shadow.record_of(case)).frozen() == case
