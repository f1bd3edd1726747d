"""Where a statement departs from a passage, and that nothing is found where it doesn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.checking.differences import differences
from app.record.checked import Difference
from app.record.evidence import Evidence
from index.types import Hit, Passage, PassageKind, Source

TEXT = (
    "Llama 2 70B has 80 layers and was trained on 2 trillion tokens. Grouped-query attention "
    "reduces the size of the KV cache. The tokenizer does not normalize numbers. In 2023 Touvron "
    "et al. released it."
)
SOURCE = Source("t", "Touvron et al. (2023) — Llama 2", "https://example.org", 2023)
ITEM = Evidence(
    1,
    Hit(Passage("l/faq/0", PassageKind.FAQ, "l", "Llama", "What is Llama 2?", TEXT, (SOURCE,)), 1),
)
WORDS = st.sampled_from([*TEXT.split(), "not", "3", "billion", "BERT", "increases", "no", "80%"])


def found(statement: str) -> tuple[Difference, ...]:
    return differences(statement, ITEM, 0, len(TEXT)).differences


@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_a_difference_is_what_stands_at_both_its_places(statement: str) -> None:
    for one in found(statement):
        assert statement[one.start : one.end] == one.said
        assert TEXT[one.source_start : one.source_end] == one.source
        assert one.said != one.source or not one.said


@pytest.mark.parametrize(
    "statement",
    [
        "Llama 2 70B was trained on 2 trillion tokens.",
        "With grouped-query attention the KV cache becomes smaller in size.",
        "The tokenizer does not normalize numbers.",
        "Touvron et al. (2023) released Llama 2.",
    ],
)
def test_what_the_passage_says_does_not_differ(statement: str) -> None:
    assert [one for one in found(statement) if one.source] == []


@pytest.mark.parametrize(
    ("statement", "kind", "said", "source"),
    [
        ("Llama 2 70B has 96 layers.", "figure", "96", "80"),
        ("Llama 2 70B was trained on 1.4 trillion tokens.", "figure", "1.4 trillion", "2 trillion"),
        ("Grouped-query attention increases the KV cache.", "opposite", "increases", "reduces"),
        ("The tokenizer normalizes numbers.", "negation", "normalizes", "not"),
        ("Touvron et al. released Llama 2 in 2021.", "figure", "2021", "2023"),
        (
            "Multi-query attention reduces the size of the KV cache.",
            "word",
            "Multi-query",
            "Grouped-query",
        ),
    ],
)
def test_what_differs_is_found_with_what_the_passage_says_instead(
    statement: str, kind: str, said: str, source: str
) -> None:
    assert [(one.kind, one.said, one.source) for one in found(statement)] == [(kind, said, source)]
