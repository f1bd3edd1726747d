"""What questions take for granted: found, held against evidence, and corrected first."""

from __future__ import annotations

from collections import Counter

import pytest

from app.answer.premises import corrections, presupposed
from app.record.evidence import Evidence, evidence_of
from app.record.types import Answer, Final, Question
from index.types import Hit, Passage, PassageKind, Source
from scripts.measure_premises import QUESTIONS, corrected, read_rows
from tests.conftest import MakePipeline

SOURCE = Source("s", "Ada et al. (2021) — Larch: a model", "https://example.org/s", 2021)
TEXTS = (
    ("How large is Larch?", "Larch has 12 billion parameters and 40 layers."),
    ("When did Larch appear?", "Larch (Ada et al., 2021) was introduced with open weights."),
    ("What does a cooler Larch do?", "A lower temperature makes Larch more repetitive."),
    ("Does Larch need labels?", "Larch is trained without human labels or rankings."),
    ("What does caching change?", "Caching leaves the output of Larch unchanged."),
    ("Is a grove enough?", "Without grove signals the tree order cannot be told."),
    ("Is a soft threshold enough?", "No, tree rules describe a soft threshold of growth."),
    ("Why so few tokens?", "Larch's 20 tokens per parameter make its training cheap."),
)


def evidence() -> list[Evidence]:
    passages = (
        Passage(f"larch/faq/{n}", PassageKind.FAQ, "larch", "Larch", heading, text, (SOURCE,))
        for n, (heading, text) in enumerate(TEXTS)
    )
    return [Evidence(n, Hit(passage, 0.9)) for n, passage in enumerate(passages, start=1)]


@pytest.mark.parametrize(
    ("question", "taken"),
    [
        ("Why does Larch have 30 billion parameters?", ["Larch have 30 billion parameters"]),
        ("Larch has 30 layers. Why so many?", ["Larch has 30 layers"]),
        ("Since Larch is small, how fast is it?", ["Larch is small"]),
        ("Larch got better after tuning, didn't it?", ["Larch got better after tuning"]),
        ("Wide beams are best, so should I use 100?", ["Wide beams are best"]),
        ("How many layers does Larch have?", []),
        ("What is Larch?", []),
        ("Layers of Larch", []),
        ("Larch 12B penalty coefficient without labels", []),
        ("Ada et al. trained Larch in two stages: which?", []),
        ("Explain how Larch is trained.", []),
        ("Is its gradient right?", []),
        ("Did Larch only win because it had more parameters?", []),
        ("Is a forest loss the same as a tree loss, or another?", []),
    ],
)
def test_what_a_question_takes_for_granted(question: str, taken: list[str]) -> None:
    assert presupposed(question) == taken


@pytest.mark.parametrize(
    ("question", "ref"),
    [
        ("Why does Larch have 30 billion parameters?", "larch/faq/0"),
        ("Larch has 24 layers. Why so many?", "larch/faq/0"),
        ("What did the paper that introduced Larch in 2017 show?", "larch/faq/1"),
        ("Why does a higher temperature make Larch more repetitive?", "larch/faq/2"),
        ("Given that Larch is trained on human labels and rankings, who wrote them?",
         "larch/faq/3"),
        ("Caching changes the output of Larch. By how much?", "larch/faq/4"),
    ],
)  # fmt: skip
def test_what_the_evidence_contradicts_is_corrected(question: str, ref: str) -> None:
    (found,) = corrections(question, evidence(), lambda word: 2.0)
    assert found.support.ref == ref


@pytest.mark.parametrize(
    "question",
    [
        "Why does Larch have 12 billion parameters?",
        "Why does Larch have 12B parameters?",
        "Why does Birch have 30 billion parameters?",
        "Why was Larch trained on 30 billion tokens?",
        "What did the paper that introduced Larch in 2021 show?",
        "Why does a lower temperature make Larch more repetitive?",
        "Since Larch is trained without human labels, what guides it?",
        "How many parameters does Larch have?",
        "Why is the sky blue in 40 countries?",
        "Why do grove signals tell the tree order?",
        "Why do tree rules describe a soft threshold?",
        "Why was Larch trained on 3 trillion tokens?",  # tokens in all are none per parameter
    ],
)
def test_what_it_does_not_contradict_is_left_alone(question: str) -> None:
    assert corrections(question, evidence(), lambda word: 2.0) == []


@pytest.mark.parametrize(
    "question",
    [
        "My Larch has 24 layers. Why so many?",
        "Larch 2 has 24 layers. Why so many?",
        "Larch-mini has 2 billion parameters, right?",
        "Larch small has 24 layers. Why so many?",
        "Larch was trained in 24 stages. Why so many?",
        "Since this model has 30 billion parameters, is it better than Larch?",
        "Larch has no bias. Why?",
        "24 layers",
        "larch layers 24 why",
        "Why does Larch 7B have 24 layers?",
    ],
)
def test_another_subject_or_attribute_refutes_nothing(question: str) -> None:
    assert corrections(question, evidence(), lambda word: 2.0) == []


def _said(text: str) -> list[Evidence]:
    passage = Passage("t/faq/0", PassageKind.FAQ, "t", "Larch", "What is Larch like?", text)
    return evidence_of([Hit(passage, 1.0)])


@pytest.mark.parametrize("name", ["Larch 7B", "Larch 8x7B", "Larch 2", "Larch 3.1 70B"])
def test_a_size_in_a_name_is_not_what_is_said_of_it(name: str) -> None:
    (found,) = corrections(
        f"Why does {name} have 48 layers?", _said(f"{name} has 32 layers."), lambda word: 2.0
    )
    assert found.said == f"{name} has 32 layers."
    for other in (f"{name} has 48 layers.", "Larch 9 has 32 layers."):
        question = f"Why does {name} have 48 layers?"
        assert corrections(question, _said(other), lambda word: 2.0) == []


def test_what_a_clause_affirms_the_sentence_does_not_deny() -> None:
    text = "In Larch part B starts at zero: the gradient of part B is therefore not zero."
    assert not corrections("Since Larch part B starts at zero, how is it trained?", _said(text),
                           lambda word: 2.0)  # fmt: skip


def test_every_premise_of_the_suite_is_of_a_known_kind() -> None:
    rows = read_rows()
    kinds = Counter(row.premise for row in rows)
    assert kinds == {"true": 50, "false": 25, "another": 25}
    more = read_rows(QUESTIONS.with_name("more.jsonl"))
    assert len({row.id for row in more}) == len(more)
    assert {row.premise for row in more} == set(kinds)
    assert all(bool(row.truth) == (row.premise == "false") for row in [*rows, *more])


async def test_corrections_of_real_questions_are_right(make_pipeline: MakePipeline) -> None:
    part = read_rows()[::3] + [row for row in read_rows() if row.id == "false-1"]
    found = [pair async for pair in corrected(make_pipeline(), part)]
    assert found
    assert [row.id for row, wrong in found if not row.is_right(wrong)] == []


async def test_an_answer_corrects_first_and_then_answers(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    asked = Question("Why does GPT-3 have 500 billion parameters?")
    events = [event async for event in pipeline.answer(asked)]
    assert isinstance(events[-1], Final)
    answer: Answer = events[-1].answer
    (premise,) = answer.premises
    assert premise.text == "GPT-3 have 500 billion parameters"
    assert answer.text.startswith("The sources say otherwise: ")
    assert "175 billion parameters" in answer.claims[0].text
    assert premise.n in answer.claims[0].cites
    assert len(answer.claims) > 1
    assert answer.mode == "composed"
