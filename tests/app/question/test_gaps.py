"""What a question names or asks for that no passage found speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question.gaps import Lexicon, find_gap, lexicon_of
from app.question.subjects import Subjects, subjects_of
from app.record.types import Gap, Question, final_answer
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.sources import read
from index.types import Hit
from tests.conftest import MakePipeline


def gap_of(live_index: LiveIndex, question: str) -> Gap | None:
    hits = live_index.retriever().search(question, 10).hits
    index = live_index.index
    return find_gap(question, hits, lexicon_of(index), subjects_of(index))


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("How many KV heads does Qwen9 use?", "Qwen9"),
        ("Does PagedAttention work on the Kestrel-X2 chip?", "Kestrel-X2"),
        ("What is the vocabulary size of GPT-7?", "GPT-7"),
        ("How does RoPE scaling behave in Plasmatron?", "Plasmatron"),
    ],
)
def test_a_name_that_no_passage_has_is_a_gap(
    live_index: LiveIndex, question: str, what: str
) -> None:
    found = gap_of(live_index, question)
    assert found is not None
    assert found.kind in ("absent", "named")
    assert any(what in each for each in found.what)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Is there a patent on layer normalization?", "patent"),
        ("Who coined the name LoRA?", "named"),
        ("Did the dropout paper win a prize?", "award"),
        ("How much does an H100 cost?", "price"),
        ("Who uses PagedAttention?", "uses"),
    ],
)
def test_a_kind_of_thing_that_the_subject_lacks_is_a_gap(
    live_index: LiveIndex, question: str, kind: str
) -> None:
    found = gap_of(live_index, question)
    assert found is not None
    assert found.kind == "asked"
    assert kind in found.what[0]


def test_a_size_that_no_passage_has_is_a_gap(live_index: LiveIndex) -> None:
    found = gap_of(live_index, "How many parameters does rank-4 LoRA train on a 9173B model?")
    assert found == Gap("named", ("9173B",))
    for left in (
        "How many parameters does LoRA train on my 9173B model?",
        "How many parameters does rank-4 LoRA train on GPT-3 175B?",
    ):
        assert gap_of(live_index, left) is None


@pytest.mark.parametrize(
    "question",
    [
        "I get a line of prose from Plasmatron-7 in one of 20 calls. how to force valid json",
        "how does beam search work? thinking of it for Plasmatron-7 and 9173k logs",
        "Does beam search run on our two Plasmatron-7 cards?",
        "Is beam search worse for part numbers like Plasmatron-7?",
        "The log says 'qzjwx Similarlyqzj oppositeley Plasmatron'. What is beam search?",
    ],
)
def test_what_is_only_told_is_no_gap(live_index: LiveIndex, question: str) -> None:
    found = gap_of(live_index, question)
    assert found is None or not {"Plasmatron-7", "9173k", "Similarlyqzj"} & set(found.what)


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("Which 1951 paper describes beam search?", "1951"),
        ("How many layers does Plasmatron Haiku have?", "Plasmatron Haiku"),
        ("Who voices beam search in Zanzibar Quarry?", "Zanzibar Quarry"),
    ],
)
def test_years_variants_and_names_of_several_words_are_said_whole(
    live_index: LiveIndex, question: str, what: str
) -> None:
    found = gap_of(live_index, question)
    assert found is not None
    assert what in found.what


def test_the_plural_of_a_name_with_a_number_is_that_name(live_index: LiveIndex) -> None:
    singular = gap_of(live_index, "Does FP8 run on an A100?")
    assert gap_of(live_index, "Does FP8 run on A100s?") == singular


@pytest.mark.parametrize(
    "question", ["What is watermarking of LLM text?", "Does a GPU speed up an RNN?"]
)
def test_a_kind_of_thing_is_no_name(live_index: LiveIndex, question: str) -> None:
    found = gap_of(live_index, question)
    assert found is None or found.kind not in ("absent", "named")


def test_the_knowledge_base_s_own_questions_have_next_to_none(live_index: LiveIndex) -> None:
    index = live_index.index
    asked = [text.text for text in index.texts if text.text.endswith("?")][::150]
    found = [question for question in asked if gap_of(live_index, question)]
    assert len(asked) > 50
    assert len(found) <= 0.03 * len(asked), found


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert find_gap(text, (), EMPTY, Subjects({})) is None


class _Nothing:
    """An index without passages, as far as a lexicon reads one."""

    passages: tuple[()] = ()
    texts: tuple[()] = ()

    class owners:
        @staticmethod
        def tolist() -> list[int]:
            return []


EMPTY = Lexicon(_Nothing())  # type: ignore[arg-type]


async def test_a_gap_is_said_first_and_what_is_near_follows(make_pipeline: MakePipeline) -> None:
    asked = Question("Does the KV cache of GPT-7 use grouped-query attention in vLLM?")
    answer = await final_answer(make_pipeline(answer_mode="compose").answer(asked))
    assert "GPT-7" in answer.missing
    assert answer.outcome in ("partly", "refused")
    first = answer.claims[0].start if answer.claims else len(answer.text)
    assert "GPT-7" in answer.text[:first]


async def test_an_absent_subject_is_refused_by_name(make_pipeline: MakePipeline) -> None:
    answer = await final_answer(make_pipeline().answer(Question("What is Zorblaxian routing?")))
    assert answer.outcome == "refused"


def test_hits_further_down_are_no_evidence(live_index: LiveIndex) -> None:
    index = live_index.index
    passages = [p for p in index.passages if "Qwen" not in p.text and "Qwen" not in p.title]
    named = next(p for p in index.passages if "Qwen3" in p.text)
    hits = [Hit(passage, 1.0) for passage in [*passages[:9], named]]
    found = find_gap("How deep is Qwen3?", hits, lexicon_of(index), subjects_of(index))
    assert found is not None


def test_what_was_told_before_a_question_without_a_capital_is_no_part_of_it(
    live_index: LiveIndex,
) -> None:
    told = "my cache is cut at 256 tokens. how large does the KV cache get?"
    assert gap_of(live_index, told) is None


def test_the_working_of_what_no_heading_names_is_a_gap(live_index: LiveIndex) -> None:
    found = gap_of(live_index, "How does my car work?")
    assert found is not None
    assert (found.kind, found.what) == ("absent", ("my car",))


def test_a_name_that_stands_nowhere_in_documents_is_foreign_to_them(
    encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "guide.md").write_text(
        "# Deploying\n\nA release of Harbor is deployed on Tuesdays by the platform team.\n\n"
        "# Storage\n\nHarbor keeps its files in MinIO.\n"
    )
    build(read(tmp_path / "guide.md", name="guide").knowledge_base, tmp_path / "index", encoder)
    index = LiveIndex(tmp_path / "index", encoder)
    found = gap_of(index, "Who deploys Harbor on Nomad?")
    assert found == Gap("absent", ("Nomad",))
    assert gap_of(index, "Who deploys Harbor on Tuesdays?") is None
