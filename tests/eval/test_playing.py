"""Dialogues are played with the real answers as history, and scored by what is expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer.pipeline import Pipeline
from app.record.types import Sampling
from eval import playing
from eval.__main__ import main
from eval.cases import Case, EarlierMessage
from eval.dialogues import Dialogue, Expectation, read_dialogues
from eval.metrics.dialogue import failures, languages, share_repeated, word_count
from eval.samples import Cited, Claimed, Output
from eval.targets.product import ProductTarget
from tests.conftest import MakePipeline

SAID = "A KV cache holds the keys and values of all tokens read so far [1]."
ANSWER = Expectation("answer", abstain=False, topics=("kv-cache",))
OFF = Expectation("off")


def answer(text: str = SAID, topic: str = "kv-cache", **changed: Any) -> Output:
    """An answer that cites one passage of a topic."""
    ref = f"{topic}/faq/0"
    return Output(
        text=text,
        citations=(Cited(1, ref, "https://x.org/1", "Pope (2023)", text),),
        claims=(Claimed(text, 0, len(text), (1,), (ref,), "supported"),),
        timings={"seen_last": 4.0},
        **changed,
    )


def talk(text: str = "You're welcome.", **changed: Any) -> Output:
    """Talk, which cites nothing."""
    return Output(text=text, timings={"seen_last": 2.0}, **changed)


class Scripted:
    """Answers by what is said last; what it doesn't know it fails on."""

    parallel = 2

    def __init__(self, script: dict[str, Output]) -> None:
        self.script = script
        self.asked: list[Case] = []

    def identity(self) -> dict[str, Any]:
        """One fixed identity."""
        return {"target": "scripted"}

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Answer one turn."""
        self.asked.append(case)
        return self.script[case.question]

    async def close(self) -> None:
        """Nothing to release."""


def dialogue(*pairs: tuple[str, Expectation | None], act: str = "followup") -> Dialogue:
    """A dialogue of what is said and expected."""
    turns, expected = zip(*pairs, strict=True)
    return Dialogue(f"{act}-{abs(hash(turns))}", act, "kv-cache", turns, expected)


async def played(target: Scripted, *dialogues: Dialogue) -> list[playing.Played]:
    """Play dialogues of a scripted target."""
    return await playing.play_all(
        dialogues, target, persona="p", seed=0, tell=lambda done, total: None
    )


async def test_each_turn_is_asked_with_the_real_answers_before_it() -> None:
    target = Scripted({"what is it?": answer(), "thanks": talk(), "and now?": answer()})
    smalltalk = Expectation("smalltalk", abstain=False)
    await played(
        target, dialogue(("what is it?", ANSWER), ("thanks", smalltalk), ("and now?", None))
    )
    assert [len(case.history) for case in target.asked] == [0, 2, 4]
    assert target.asked[-1].history == (
        EarlierMessage("user", "what is it?"),
        EarlierMessage("assistant", SAID),
        EarlierMessage("user", "thanks"),
        EarlierMessage("assistant", "You're welcome."),
    )


async def test_what_is_said_again_unasked_is_counted() -> None:
    shorter = Expectation("answer", topics=("kv-cache",), max_words=40)
    target = Scripted({"what is it?": answer(), "and its size?": answer(), "shorter": answer()})
    asked = dialogue(("what is it?", ANSWER), ("shorter", shorter), act="shorten")
    unasked = dialogue(("what is it?", ANSWER), ("and its size?", ANSWER))
    summary = playing.summarize(await played(target, asked, unasked))
    assert summary.repeats is not None
    assert (summary.repeats.mean, summary.repeats.n) == (1.0, 1)
    assert summary.last_turn is not None
    assert summary.last_turn.mean == 1.0


async def test_leaks_are_answers_to_what_is_off_the_subject() -> None:
    target = Scripted(
        {
            "what is it?": answer(), "and the weather?": answer(),
            "no thanks": talk(), "a joke?": Output(text="I can't.", abstained=True),
        }
    )  # fmt: skip
    off = ("and the weather?", "no thanks", "a joke?")
    leaks = [dialogue(("what is it?", None), (said, OFF), act="leak") for said in off]
    summary = playing.summarize(await played(target, *leaks))
    assert summary.leaks is not None
    assert summary.leaks.mean == pytest.approx(1 / 3)
    assert summary.last_turn is None


@pytest.mark.parametrize(
    ("output", "taken"),
    [
        (answer(act="ask"), 0.0),
        (answer(act="example"), 0.0),  # it is answered all the same
        (answer(topic="rag", act="ask"), 0.0),  # wrong, but taken for a question
        (answer(topic="rag", act="challenge"), 1.0),
        (talk(act="thank"), 1.0),
        (talk(), 1.0),
        (Output(text="I can't.", abstained=True), 0.0),
    ],
)
async def test_false_acts_leave_a_question_without_its_answer(output: Output, taken: float) -> None:
    single = dialogue(("thanks to what is it fast?", ANSWER), act="false-act")
    summary = playing.summarize(
        await played(Scripted({"thanks to what is it fast?": output}), single)
    )
    assert summary.false_acts is not None
    assert summary.false_acts.mean == taken


async def test_a_single_question_is_asked_again_after_another() -> None:
    class Harmed(Scripted):
        async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
            found = await super().ask(case, persona, seed)
            return Output(text="I can't.", abstained=True) if case.history else found

    target = Harmed({"a?": answer(), "b?": Output(text="I can't.", abstained=True)})
    singles = [dialogue((said, ANSWER), act="false-act") for said in ("a?", "b?")]
    summary = playing.summarize(await played(target, *singles))
    assert summary.unharmed is not None
    assert (summary.unharmed.mean, summary.unharmed.n) == (0.5, 2)


async def test_what_breaks_off_is_no_success_and_says_why() -> None:
    found = await played(
        Scripted({"what is it?": answer()}), dialogue(("what is it?", ANSWER), ("x", None))
    )
    assert not found[0].passed
    assert "KeyError" in found[0].error
    summary = playing.summarize(found)
    assert summary.broken == 1
    assert "broke off" in playing.table(summary)
    assert "KeyError" in playing.told(found)
    assert "KeyError" in playing.transcript(found)
    assert f"> {SAID}" in playing.transcript(found)


def test_the_sealed_half_and_unknown_acts_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialogues", "--split", "sealed"]) == 2
    assert "--open-sealed" in capsys.readouterr().err
    assert main(["dialogues", "--only", "sing"]) == 2
    assert "shorten" in capsys.readouterr().err


async def test_two_runs_compare_by_their_dialogues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = dialogue(("what is it?", ANSWER))
    for name, output in (("a", talk()), ("b", answer())):
        found = await played(Scripted({"what is it?": output}), one)
        (tmp_path / name).mkdir()
        (tmp_path / name / playing.PLAYED).write_text(playing.rendered(found), encoding="utf-8")
        assert playing.read_played(tmp_path / name)[0].last_passed == (name == "b")
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["wins"] == [one.id]
    assert compared["results"]["last_turn"]["followup"]["difference"] == 1.0


async def test_the_product_can_be_played(make_pipeline: MakePipeline) -> None:
    pipeline: Pipeline = make_pipeline(answer_mode="compose")
    target = ProductTarget(pipeline, Sampling())
    chosen = [each for each in read_dialogues("leak") if each.split == "dev"][:2]
    found = await playing.play_all(
        chosen, target, persona="citewise-expert", seed=0, tell=lambda done, total: None
    )
    assert not any(each.error for each in found)
    assert all(turn.output.text for each in found for turn in each.turns)


FOUR = "| a | b |\n|---|---|\n| 1 | 2 |"


@pytest.mark.parametrize(
    ("want", "text"),
    [
        ({"must_any": ("65504", "65,504")}, "It reaches 65,504."),
        ({"must_any": ("7.0",)}, "It took 7.0 million hours."),
        ({"must_all": ("GQA",), "must_not": ("you are right",)}, "No, gqa has 8."),
        ({"max_words": 4}, "It has 8 heads [1].\n\nSources:\n1. Shazeer, 2019, a long title"),
        ({"format": "list"}, "- one\n- two"),
        ({"format": "table"}, FOUR),
        ({"format": "code"}, "```python\nx = 1\n```"),
        ({"format": "one_sentence"}, "It has 8 heads, see Ainslie et al. (2023) [1]."),
        ({"lang": "de"}, "Der Cache ist ein Speicher und wird mit der Länge größer."),
        ({"lang_some": "es"}, "No puedo escribir en español, así que la respuesta está en inglés. "
         "The cache is the store of the keys."),
        ({"lang_some": "zh"}, "下面用英文回答。 The cache is the store of the keys."),
        ({"lang_some": "pt"}, "A resposta está em inglês, que é a língua das fontes. It is it."),
        ({"must_any_shown": ("Pope",)}, "It grows."),
    ],
)  # fmt: skip
def test_what_is_expected_is_found(want: dict[str, Any], text: str) -> None:
    assert failures(Expectation("answer", **want), answer(text), None) == []


@pytest.mark.parametrize(
    ("want", "text"),
    [
        ({"must_any": ("8",)}, "It has 28 heads, or 8.5."),
        ({"must_all": ("GQA",)}, "It has 8."),
        ({"must_not": ("you're right",)}, "You’re right, it is 200."),
        ({"max_words": 2}, "It has 8 heads."),
        ({"min_words": 9}, "It has 8 heads."),
        ({"format": "list"}, "One and two."),
        ({"format": "one_sentence"}, "It has 8 heads. They are equal."),
        ({"lang_some": "fr"}, "The cache is the store of the keys."),
        ({"topics": ("rag",)}, "It has 8 heads."),
        ({"not_topics": ("kv-cache",)}, "It has 8 heads."),
        ({"abstain": True}, "It has 8 heads."),
        ({"must_any_shown": ("Shazeer",)}, "It grows."),
    ],
)
def test_what_is_lacking_is_named(want: dict[str, Any], text: str) -> None:
    assert len(failures(Expectation("answer", **want), answer(text), None)) == 1


def test_kinds_of_answer() -> None:
    ask_back = Expectation("clarify", abstain=False)
    assert failures(ask_back, talk("Of which model?"), None) == []
    assert failures(ask_back, answer(), None) == ["asks nothing back"]
    assert failures(Expectation("meta"), answer(), None)
    assert failures(Expectation("refuse"), answer(), None) == ["does not refuse"]
    assert failures(OFF, talk(), None) == failures(OFF, talk(abstained=True), None) == []
    assert failures(Expectation("answer", differs=True), answer(), SAID)
    adds = Expectation("answer", adds=True)
    assert failures(adds, answer(), SAID)
    assert failures(adds, answer(f"Yes: {SAID}"), SAID) == []


@given(st.text(), st.text())
def test_any_text_can_be_measured(text: str, before: str) -> None:
    assert 0.0 <= share_repeated(text, before) <= 1.0
    assert word_count(text) >= 0
    assert languages(text) <= {"en", "es", "fr", "de", "pt", "it", "zh"}


@given(st.lists(st.sampled_from("the cache of keys grows with tokens".split()), min_size=4))
def test_a_text_repeats_itself(words: list[str]) -> None:
    assert share_repeated(" ".join(words), " ".join(words)) == 1.0
