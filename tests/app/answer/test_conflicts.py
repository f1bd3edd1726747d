"""Sources that disagree, from the build of an index to the words of an answer."""

from __future__ import annotations

import pytest

from app.answer.conflicts import in_answer, statements
from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.record.evidence import evidence_of
from app.record.types import Answer, Citation, Conflict, ConflictValue, Final, Question
from index.build import build
from index.disagreements import conflicts_for
from index.encoders import Encoder
from index.live import LiveIndex
from index.sources import SHIPPED, read
from index.types import (
    DataPoint,
    Faq,
    Figure,
    Hit,
    KnowledgeBase,
    Passage,
    PassageKind,
    Source,
    Topic,
)

OLD = Source("old", "Ada (2019) — Caching. A survey", "https://example.org/old", 2019)
NEW = Source("new", "Grace (2023) — Serving", "https://example.org/new", 2023)
CACHE = Topic(
    "decoding-cache", "Decoding cache",
    faqs=(
        Faq("How large does the cache of keys and values get?",
            "The cache grows with layers, heads and tokens. With 32 layers, 32 heads, d_head=128 "
            "and 4,096 tokens the cache takes about 536 MB at fp16. Long prompts need more.",
            ("old",)),
        Faq("Why keep keys and values?",
            "Without the cache each step would compute the keys and values of all earlier tokens "
            "again.", ("old",)),
    ),
    sources=(OLD,),
)  # fmt: skip
WINDOW = Topic(
    "context-size", "Context size",
    data_points=(
        DataPoint("Cache of keys and values (32 layers, 32 heads, d_head=128, 4096 tokens, fp16)",
                  "2 × 32 × 32 × 128 × 4096 × 2 bytes ≈ 2.1", "GB", "It grows with each token.",
                  ("new",)),
    ),
    sources=(NEW,),
)  # fmt: skip


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Pipeline:
    """A pipeline over the two topics that disagree, among others that do not."""
    folder = tmp_path_factory.mktemp("disputed")
    others = read(SHIPPED, name="ai").knowledge_base.topics[:6]
    build(KnowledgeBase("kb", (CACHE, WINDOW, *others)), folder, encoder)
    settings = PipelineSettings(answer_mode="compose")
    return Pipeline(LiveIndex(folder, encoder), ScriptedChatModel(()), settings)


async def answered(pipeline: Pipeline, question: str) -> Answer:
    events = [event async for event in pipeline.answer(Question(question))]
    assert isinstance(events[-1], Final)
    return events[-1].answer


@pytest.mark.parametrize(
    "question",
    [
        "How big is the cache of keys and values at 4096 tokens?",
        "How much memory does the cache of keys and values take?",
        "What is the size of the cache for 32 layers and 32 heads in fp16?",
    ],
)
async def test_an_answer_gives_both_values_with_their_citations(
    pipeline: Pipeline, question: str
) -> None:
    found = await pipeline.retrieve(Question(question))
    (conflict,) = found.conflicts
    assert {value.value for value in conflict.values} == {"536 MB", "2.1 GB"}
    answer = await answered(pipeline, question)
    (stated,) = answer.conflicts
    assert answer.text.startswith("The sources disagree on")
    for value in stated.values:
        assert value.n > 0
        assert f"{value.value} [{value.n}]" in answer.text
    assert len({value.n for value in stated.values}) == 2
    assert "2.1 GB is computed from its parts [" in answer.text
    cited = {citation.ref for citation in answer.citations}
    assert {value.ref for value in stated.values} <= cited
    for claim in answer.claims:
        assert claim.status == "supported"
        assert claim.cites


def test_passages_of_one_source_are_not_called_two_sources() -> None:
    def passage(ref: str, text: str, source: Source) -> Passage:
        return Passage(ref, PassageKind.FAQ, "t", "Title", "Heading", text, (source,))

    first = passage("t/faq/0", "The cache takes 536 MB.", OLD)
    for source, said in ((OLD, "name the same source and disagree on"), (NEW, "sources disagree")):
        second = passage("t/faq/1", "The cache takes 2.1 GB.", source)
        conflict = Conflict(
            "the cache", (ConflictValue("536 MB", first.id), ConflictValue("2.1 GB", second.id))
        )
        told = [s.text for s in statements(conflict, evidence_of([Hit(first, 1), Hit(second, 1)]))]
        assert said in told[0]
        assert told[1].endswith("2.1 GB.")


async def test_a_question_about_something_else_hears_of_no_conflict(pipeline: Pipeline) -> None:
    question = "Why are keys and values kept?"
    assert (await pipeline.retrieve(Question(question))).conflicts == ()
    answer = await answered(pipeline, question)
    if not any(value in answer.text for value in ("536 MB", "2.1 GB")):
        assert answer.conflicts == ()
        assert "disagree" not in answer.text


def _point(value: str, ref: str, *sources: Source) -> Hit:
    label = "Size of the decoder cache"
    return Hit(
        Passage(
            ref, PassageKind.DATA, ref.partition("/")[0], "Cache", label, f"{label}: {value}.",
            sources, figure=Figure(value),
        ),
        1.0,
    )  # fmt: skip


def _standings(*hits: Hit) -> list[str]:
    (found,), _ = conflicts_for("What is the size of the cache?", hits, lambda word: 9.0)
    return [value.standing for value in found.values]


def test_what_sets_a_value_apart_is_said_where_it_is_known() -> None:
    survey, paper = _point("3 GB", "a/data/0", OLD), _point("5 GB", "b/data/0", NEW)
    assert _standings(survey, paper) == ["", "primary"]
    older = Source("o", "Ada (2019) — Caching", "https://example.org/o", 2019)
    plain = _point("3 GB", "a/data/0", older)
    assert _standings(plain, paper) == ["", "newer"]
    assert _standings(plain, _point("5 GB", "b/data/0", older)) == ["", ""]
    worked = _point("2 × 2 GB = 4 GB", "c/data/0", older)
    assert _standings(plain, worked) == ["", "computed"]
    assert _standings(plain, _point("3.0 GB", "d/data/0"), worked) == ["", "computed"]


def test_a_quote_gives_a_value_in_its_own_words() -> None:
    values = (
        ConflictValue("~60 documented examples", "t/data/0"),
        ConflictValue("~30 documented examples", "t/data/1"),
    )
    conflict = Conflict("Known cases", values)

    def cited(quote: str) -> Citation:
        return Citation(1, "t/data/0", "https://example.org", "Title", quote, 0, len(quote))

    assert in_answer((), [conflict], [cited("A list of around 60 examples is kept.")]) == [conflict]
    assert in_answer((), [conflict], [cited("A list of examples is kept.")]) == []
