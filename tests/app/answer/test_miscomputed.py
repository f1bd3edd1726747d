"""A figure that its own passage gets wrong is never stated as supported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.record.evidence import evidence_of
from app.record.reasons import Reason
from app.record.types import Answer, Final, JsonForm, Message, Question, final_answer
from app.verifying.miscomputed import Faults
from index.audit.arithmetic import miscomputed
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.types import Faq, Hit, KnowledgeBase, Passage, PassageKind, Source, Topic

PAPER = Source("p", "Ada et al. (2021) — Warehouses", "https://example.org/p", 2021)
WRONG = "The depot stores 12 × 40 × 25 = 10,000 crates in its halls."
TOPIC = Topic(
    "depot",
    "The depot's halls",
    faqs=(
        Faq("How many crates does the depot store?",
            f"The depot has twelve halls with forty shelves. {WRONG} Each hall has its own gate.",
            ("p",)),
        Faq("How large is the depot?",
            "The depot holds 10,000 crates when all of its halls are full. It lies by the canal.",
            ("p",)),
    ),
    sources=(PAPER,),
)  # fmt: skip


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> LiveIndex:
    """An index of one topic whose own arithmetic is wrong."""
    folder: Path = tmp_path_factory.mktemp("miscomputed")
    build(KnowledgeBase("kb", (TOPIC,)), folder, encoder)
    return LiveIndex(folder, encoder)


async def answered(live: LiveIndex, question: str, *said: str, **settings: object) -> Answer:
    made = PipelineSettings(**settings)  # type: ignore[arg-type]
    pipeline = Pipeline(live, ScriptedChatModel(said), made)
    events = [event async for event in pipeline.answer(Question(question))]
    assert isinstance(events[-1], Final)
    return events[-1].answer


@pytest.mark.parametrize("question", [faq.question for faq in TOPIC.faqs])
async def test_a_composed_answer_tells_first_that_a_source_disagrees_with_itself(
    live: LiveIndex, question: str
) -> None:
    answer = await answered(live, question, answer_mode="compose")
    (conflict,) = answer.conflicts
    assert [value.standing for value in conflict.values] == ["miscomputed", "computed"]
    assert [value.value for value in conflict.values] == ["10,000", "12,000"]
    assert "disagrees with itself" in answer.text.split("[1]")[0]
    stating = [claim for claim in answer.claims if "10,000" in claim.text]
    assert stating[0].status == "unsupported"
    # What says so after it is worked out, not taken from the source.
    assert all(claim.basis == "computed" for claim in stating[1:])
    assert "canal" in answer.text or "gate" in answer.text


async def test_a_draft_that_states_it_gives_way_to_the_conflict(live: LiveIndex) -> None:
    said = "The depot stores 10,000 crates in its halls [1]. Each hall has its own gate [1]."
    answer = await answered(live, TOPIC.faqs[0].question, said, answer_mode="draft")
    assert [one.kind for one in answer.dropped] == [Reason.MISCOMPUTED]
    assert "disagrees with itself" in answer.text
    assert answer.text.index("disagrees") < answer.text.index("gate")
    assert not [c for c in answer.claims if "10,000" in c.text and c.basis == "drafted"]


FORM = JsonForm(
    {
        "type": "object",
        "properties": {"crates": {"type": "integer"}, "answer": {"type": "string"}},
        "required": ["answer"],
    }
)


async def answered_as_json(live: LiveIndex, said: dict[str, object], **settings: object) -> Answer:
    made = PipelineSettings(answer_mode="draft", **settings)  # type: ignore[arg-type]
    pipeline = Pipeline(live, ScriptedChatModel([json.dumps(said)]), made)
    return await final_answer(pipeline.answer(Question(TOPIC.faqs[0].question, form=FORM)))


@pytest.mark.parametrize("policy", ["drop", "mark"])
@pytest.mark.parametrize("number", [{"crates": 10000}, {}])
async def test_json_tells_the_conflict_before_what_follows(
    live: LiveIndex, policy: str, number: dict[str, object]
) -> None:
    said = {**number, "answer": "The depot stores 10,000 crates. Each hall has its own gate."}
    answer = await answered_as_json(live, said, unsupported=policy)
    told = json.loads(answer.text)
    assert told["answer"].startswith("One source disagrees with itself")
    assert told["answer"].endswith("Each hall has its own gate.")
    assert ("crates" in told) is (policy == "mark" and bool(number))
    assert len(answer.conflicts) == 1
    stating = [claim for claim in answer.claims if "10,000" in claim.text]
    assert stating[0].status == "unsupported"
    assert all(
        claim.status == "unsupported" for claim in answer.claims if claim.basis == "drafted"
        and re.search("10,?000", claim.text)
    )  # fmt: skip
    for claim in answer.claims:
        assert claim.text in (answer.text[claim.start : claim.end], "crates 10000")


async def test_json_of_which_nothing_else_stands_is_refused_with_the_conflict_first(
    live: LiveIndex,
) -> None:
    form = JsonForm({**dict(FORM.schema or {}), "required": ["crates"]})
    pipeline = Pipeline(
        live, ScriptedChatModel(['{"crates": 10000}']), PipelineSettings(answer_mode="draft")
    )
    answer = await final_answer(pipeline.answer(Question(TOPIC.faqs[0].question, form=form)))
    assert answer.abstained
    assert answer.text.startswith("One source disagrees with itself")
    assert [value.standing for value in answer.conflicts[0].values] == ["miscomputed", "computed"]


@pytest.mark.parametrize("challenge", ["are you sure?", "isn't it 10,000?", "what's the source?"])
async def test_an_act_on_the_last_answer_tells_the_conflict_first(
    live: LiveIndex, challenge: str
) -> None:
    question = TOPIC.faqs[1].question
    # Another program's answer, in which the wrong figure was stated.
    history = (
        Message("user", question),
        Message("assistant", "The depot holds 10,000 crates when all of its halls are full [1]."),
    )
    made = PipelineSettings(answer_mode="compose")
    pipeline = Pipeline(live, ScriptedChatModel(()), made)
    answer = await final_answer(pipeline.answer(Question(challenge, history)))
    assert answer.act in ("challenge", "source")
    if answer.act == "challenge":
        assert answer.text.lstrip().startswith("One source disagrees with itself")
    wrong = [c for c in answer.claims if "10,000" in c.text and c.basis != "computed"]
    assert all(claim.status == "unsupported" for claim in wrong)


@pytest.mark.parametrize(
    "act", ["shorter", "as a table", "in one sentence", "simpler, please", "are you sure?",
            "isn't it 12,000?", "what's the first number?"],
)  # fmt: skip
async def test_what_was_told_first_is_told_first_again(live: LiveIndex, act: str) -> None:
    pipeline = Pipeline(live, ScriptedChatModel(()), PipelineSettings(answer_mode="compose"))
    question = TOPIC.faqs[0].question
    first = await final_answer(pipeline.answer(Question(question)))
    history = (Message("user", question), Message("assistant", first.text))
    answer = await final_answer(pipeline.answer(Question(act, history)))
    assert answer.act != "ask"
    assert answer.text.startswith("One source disagrees with itself")
    wrong = [c for c in answer.claims if "10,000" in c.text and c.basis != "computed"]
    assert [claim.status for claim in wrong] == ["unsupported"]
    assert "no “12,000”" not in answer.text


async def test_a_checked_text_is_held_against_what_comes_out(live: LiveIndex) -> None:
    pipeline = Pipeline(live, ScriptedChatModel(()), PipelineSettings())
    wrong = "The depot stores 10,000 crates in its halls."
    checked = await pipeline.check(f"{wrong} {wrong.replace('10', '12')}")
    first, second = checked.sentences
    assert first.verdict == "contradicted"
    (found,) = first.passages[0].differences
    assert found.kind == "arithmetic"
    assert checked.text[found.start : found.end] == found.said == "10,000"
    assert found.source in WRONG
    assert first.passages[0].text[found.source_start : found.source_end] == found.source
    assert second.verdict != "contradicted"


def test_a_short_figure_is_known_by_the_name_of_its_quantity() -> None:
    data = Passage(
        "t/data/0", PassageKind.DATA, "t", "T", "Weights of Rowan in bf16",
        "Weights of Rowan in bf16: 13 × 10⁹ × 2 bytes = 13 GB.", (PAPER,),
    )  # fmt: skip
    faq = _passage("The weights of Rowan take 13 GB in bf16. A card with 13 GB is too small.")
    faults = Faults(evidence_of([Hit(data, 1.0), Hit(faq, 1.0)]), ())
    assert faults.stated_in("The weights of Rowan take 13 GB in bf16.", ["t/faq/0"])
    assert not faults.stated_in("A card with 13 GB is too small.", ["t/faq/0"])


def _passage(text: str) -> Passage:
    return Passage("t/faq/0", PassageKind.FAQ, "t", "T", "How many?", text, (PAPER,))


@given(st.integers(11, 99), st.integers(101, 999), st.integers(-999, 999))
def test_what_is_worked_out_right_is_no_fault(a: int, b: int, off: int) -> None:
    text = f"There are {a} × {b} = {a * b + off:,} boxes."
    found = miscomputed(_passage(text))
    assert bool(found) == (off != 0)
    for wrong in found:
        assert wrong.stated == f"{a * b + off:,} boxes"
        assert int(re.sub(r"\D", "", wrong.worked)) == pytest.approx(a * b, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "Solve the equation 2x + 3 = 7 for x.",
        "With 3n - 5 = 10 the loop ends.",
        "About 1,000 words ≈ 1,300 tokens.",
        "The width is d_model = 512.",
    ],
)
def test_equations_with_unknowns_and_equivalences_are_no_arithmetic(text: str) -> None:
    assert not miscomputed(_passage(text))


def test_a_short_number_is_wrong_only_where_it_is_worked_out() -> None:
    text = "Two trucks carry 2 + 2 = 5 crates. Each of the 5 drivers has a key."
    faults = Faults(evidence_of([Hit(_passage(text), 1.0)]), ())
    assert faults.stated_in("Two trucks carry 2 + 2 = 5 crates.", ["t/faq/0"])
    assert not faults.stated_in("Each of the 5 drivers has a key.", ["t/faq/0"])
