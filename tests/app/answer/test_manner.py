"""What each persona adds to a composed answer: caveats, figures, or what to do and its sign."""

from __future__ import annotations

from app.answer.compose import ComposedSentence
from app.answer.manner import in_manner, of_the_subject
from app.record.evidence import Evidence, evidence_of
from app.record.types import Question, final_answer
from index.types import Hit, Passage, PassageKind
from tests.conftest import MakePipeline


def passage(kind: PassageKind, number: int, text: str, topic: str = "dropout") -> Passage:
    return Passage(f"{topic}/{kind}/{number}", kind, topic, "Dropout: A Title", "Heading", text)


FAQ = passage(PassageKind.FAQ, 0, "Dropout silences units at random during training.")
PRACTICE = passage(
    PassageKind.PRACTICE, 0, "Switch dropout off before you evaluate a model. Scores that vary do."
)
CAVEAT = passage(PassageKind.CAVEAT, 0, "Whether units should vanish in training is disputed.")
DATA = passage(
    PassageKind.DATA, 0, "Usual rate: 0.1. Transformers drop 0.1 of units in training (Vu, 2017)."
)
FAR = passage(PassageKind.PRACTICE, 0, "Warm up the training of units.", topic="schedules")


def known() -> list[Evidence]:
    return evidence_of([Hit(one, 1.0) for one in (FAQ, PRACTICE, CAVEAT, DATA, FAR)])


def said(shape: str, question: str = "How does training with units dropped work?") -> str:
    answer = [ComposedSentence("", FAQ.text, 1, 0, len(FAQ.text))]
    found = in_manner(answer, question, known(), lambda _: 1.0, shape=shape)
    for one in found:
        text = known()[one.n - 1].passage.text
        assert text[one.start : one.end] == one.text
    assert found[0] == answer[0]
    return "".join(one.lead + one.text for one in found)


def test_each_persona_adds_its_own_kind_and_nothing_of_another_subject() -> None:
    told = {shape: said(shape) for shape in ("papers", "figures", "checklist")}
    assert "disputed" in told["papers"]
    assert "\n\n- Transformers drop 0.1" in told["figures"]
    assert "\n\n1. Switch dropout off" in told["checklist"]
    assert "\n   - Scores that vary do." in told["checklist"]
    assert len(set(told.values())) == 3
    assert not any("Warm up" in text for text in told.values())


def test_the_architect_has_a_figure_of_the_subject_whatever_is_asked() -> None:
    assert "\n\n- Transformers drop 0.1" in said("figures", "Why is it so popular?")
    assert "0.1" not in said("papers", "Why is it so popular?")


def test_a_figure_that_is_asked_for_stays_a_sentence() -> None:
    assert said("papers", "How many heads has it?") == FAQ.text


def test_what_is_there_beside_the_hits_is_of_the_best_one_s_subject() -> None:
    hits = (Hit(FAQ, 0.9), Hit(FAR, 0.8))
    found = of_the_subject(hits, (*hits, Hit(DATA, 0.5)), [FAQ, PRACTICE, CAVEAT, DATA, FAR])
    assert [hit.passage for hit in found] == [PRACTICE, CAVEAT, DATA]
    assert found[-1].score == 0.5
    assert of_the_subject((), (), [FAQ]) == ()


async def test_the_personas_of_the_shipped_base_differ_in_what_they_say(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(answer_mode="compose")
    asked = "What is LoRA?"
    texts = []
    for persona in ("expert", "architect", "engineer"):
        answer = await final_answer(pipeline.answer(Question(asked, persona=f"citewise-{persona}")))
        assert all(claim.status == "supported" for claim in answer.claims)
        texts.append(answer.text)
    assert len({text.split("\n")[0] for text in texts}) == 1
    assert len(set(texts)) == 3
    assert "\n1. " in texts[2]
