"""A question's words are looked for in what a passage is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.asked import AskedWords
from index.store import LoadedIndex
from index.types import PassageKind

_UNASKED = {PassageKind.DESCRIPTION, PassageKind.SNIPPET, PassageKind.CAVEAT}


@pytest.fixture(scope="module")
def asked(small_index: LoadedIndex) -> AskedWords:
    return AskedWords(small_index)


def test_what_a_passage_is_asked_for_is_met_in_full(
    asked: AskedWords, small_index: LoadedIndex
) -> None:
    ways = np.bincount(small_index.owners)
    asking = [one for one in small_index.texts if ways[one.passage] > 2]
    firsts = {
        next(n for n, t in enumerate(small_index.texts) if t.passage == p)
        for p in {one.passage for one in asking}
    }
    for number, text in enumerate(small_index.texts):
        if text in asking and number not in firsts:
            assert asked.shares(text.text, [text.passage]) == pytest.approx(1.0)


def test_what_nobody_asks_for_by_itself_has_none(
    asked: AskedWords, small_index: LoadedIndex
) -> None:
    rows = [n for n, one in enumerate(small_index.passages) if one.kind in _UNASKED]
    assert rows
    for row in rows:
        assert asked.shares(small_index.passages[row].text, [row])[0] == 0


def test_headings_alone_tell_nothing(small_index: LoadedIndex) -> None:
    seen: dict[int, int] = {}
    kept = []
    for number, text in enumerate(small_index.texts):
        seen[text.passage] = seen.get(text.passage, 0) + 1
        if seen[text.passage] <= 2:
            kept.append(number)
    bare = replace(
        small_index,
        texts=tuple(small_index.texts[n] for n in kept),
        owners=small_index.owners[kept],
    )
    every = range(len(bare.passages))
    assert not AskedWords(bare).shares(bare.passages[0].heading, every).any()


@given(query=st.text(max_size=80))
def test_a_share_is_a_share(asked: AskedWords, small_index: LoadedIndex, query: str) -> None:
    shares = asked.shares(query, range(len(small_index.passages)))
    assert shares.shape == (len(small_index.passages),)
    assert ((shares >= 0) & (shares <= 1 + 1e-6)).all()
