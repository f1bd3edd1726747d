"""Texts checked against the shipped knowledge base, whatever its topics are."""

from __future__ import annotations

import pytest

from app.record.errors import RequestError
from app.record.types import Question
from index.live import LiveIndex
from index.text.quantities import quantities
from index.types import PassageKind
from tests.conftest import MakePipeline


def _figures(live_index: LiveIndex) -> list[tuple[str, str]]:
    """Data points whose value is one number, as sentences: the true one and an altered one."""
    made = []
    for passage in live_index.index.passages:
        label, _, rest = passage.text.partition(": ")
        value = rest.partition(". ")[0]
        stated = quantities(value)
        if passage.kind is not PassageKind.DATA or len(stated) != 1 or stated[0].kind != "number":
            continue
        if value.startswith(stated[0].text) and not quantities(label) and stated[0].low > 20:
            number = stated[0].text.split()[0]
            if number.isdigit():
                altered = rest.partition(". ")[0].replace(number, str(int(number) * 3), 1)
                made.append((f"{label}: {value}.", f"{label}: {altered}."))
    return made


async def test_figures_of_the_base_are_told_from_altered_ones(
    make_pipeline: MakePipeline, live_index: LiveIndex
) -> None:
    pipeline, pairs = make_pipeline(), _figures(live_index)[:30]
    assert len(pairs) >= 10
    true = [(await pipeline.check(a)).sentences[-1].verdict for a, _ in pairs]
    false = [(await pipeline.check(b)).sentences[-1].verdict for _, b in pairs]
    assert true.count("contradicted") <= 1
    assert false.count("supported") == 0
    assert true.count("supported") >= 0.6 * len(pairs)
    assert false.count("contradicted") >= 0.4 * len(pairs)


async def test_a_verdict_comes_with_its_passages_and_what_differs(
    make_pipeline: MakePipeline, live_index: LiveIndex
) -> None:
    checked = await make_pipeline().check(
        "GPT-3 has 150 billion parameters. It was trained on 300 billion tokens. What is RAG?"
    )
    assert checked.index_fingerprint == live_index.index.fingerprint
    wrong, right, question = checked.sentences
    assert (wrong.verdict, right.verdict) == ("contradicted", "supported")
    assert (question.verdict, question.passages) == ("no_claim", ())
    assert right.read_as.startswith("GPT-3 ")
    for sentence in (wrong, right):
        assert 1 <= len(sentence.passages) <= 3
        for passage in sentence.passages:
            assert passage.quote in passage.text
    (differing,) = wrong.passages[0].differences
    assert checked.text[differing.start : differing.end] == differing.said == "150 billion"
    assert wrong.passages[0].text[differing.source_start : differing.source_end].startswith("17")
    assert checked.counts == {
        "supported": 1, "contradicted": 1, "not_in_sources": 0, "no_claim": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "The mayor of Lisbon opened a bakery in 1987.",
        "Penguins are the fastest swimmers among birds.",
        "The Treaty of Westphalia ended the war with 12 articles.",
    ],
)
async def test_what_the_base_does_not_know_is_not_in_the_sources(
    make_pipeline: MakePipeline, text: str
) -> None:
    (sentence,) = (await make_pipeline().check(text)).sentences
    assert sentence.verdict == "not_in_sources"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  ", "the text is empty"),
        ("```\nx\n```", "holds no sentence"),
        ("It is so. " * 61, "61 sentences, at most 60"),
        ("x" * 9000, "9000 characters"),
    ],
)
async def test_what_cannot_be_checked_is_refused(
    make_pipeline: MakePipeline, text: str, words: str
) -> None:
    with pytest.raises(RequestError, match=words) as refused:
        await make_pipeline().check(text)
    assert refused.value.field == "text"


async def test_a_question_too_long_is_still_a_question(make_pipeline: MakePipeline) -> None:
    with pytest.raises(RequestError, match="the question has 9000"):
        await make_pipeline().retrieve(Question("x" * 9000))
