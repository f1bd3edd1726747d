"""Checked texts are kept as they were, read by whoever has the link, revoked by their owner."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.record.checked import Bearing, Checked, CheckedSentence, Difference
from app.record.errors import NotKept
from app.store import Shared, Store
from index.types import Place, Source
from tests.store.conftest import OWNER, exchange

CHECKED = Checked(
    "GPT-3 has 150 \0 \ud800 billion parameters.",
    (
        CheckedSentence(
            "GPT-3 has 150 billion parameters.", 0, 33, "contradicted", 0.8, "",
            (
                Bearing(
                    "pre-training/data/1", "Pre-training", "GPT-3", "GPT-3: 175 billion.", 0, 19,
                    (Source("b", "Brown et al. (2020)", "https://arxiv.org/abs/2005.14165", 2020),),
                    Place("a.md", ("A", "B"), "b", 3),
                    (Difference("figure", "150 billion", 10, 21, "175 billion", 7, 18),),
                ),
            ),
        ),
    ),
    "0123456789abcdef",
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)  # fmt: skip


def test_a_check_is_kept_as_it_was(store: Store) -> None:
    kept = store.checks.keep(OWNER, CHECKED)
    found = store.checks.find(kept.id)
    assert found.content.sentences == CHECKED.sentences
    assert found.content.created == CHECKED.created
    assert (found.id, found.owner) == (kept.id, OWNER)


def test_ids_are_not_guessed(store: Store) -> None:
    ids = {store.checks.keep(OWNER, CHECKED).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(one) >= 32 for one in ids)


def test_only_its_owner_revokes_it(store: Store) -> None:
    kept = store.checks.keep(OWNER, CHECKED)
    with pytest.raises(NotKept, match="you keep no check"):
        store.checks.revoke("reader:b", kept.id)
    store.checks.revoke(OWNER, kept.id)
    with pytest.raises(NotKept, match="may have been revoked"):
        store.checks.find(kept.id)


def test_an_owner_lists_its_own_newest_first(store: Store) -> None:
    kept = [store.checks.keep(OWNER, CHECKED).id for _ in range(3)]
    store.checks.keep("reader:b", CHECKED)
    assert [one.id for one in store.checks.list(OWNER)] == kept[::-1]
    assert [one.id for one in store.checks.list(OWNER, limit=1)] == kept[-1:]
    assert store.checks.list("reader:c") == ()


def test_a_share_is_kept_as_it_was(store: Store) -> None:
    shared = Shared((exchange("What is it?"), exchange("And why?")))
    kept = store.shares.keep(OWNER, shared)
    assert store.shares.find(kept.id).content == shared
    assert kept.id.startswith("share_")
    with pytest.raises(NotKept):
        store.checks.find(kept.id)
    assert store.forget(OWNER) == 1


def test_forgetting_an_owner_revokes_its_links(store: Store) -> None:
    kept = store.checks.keep(OWNER, CHECKED)
    other = store.checks.keep("reader:b", CHECKED)
    assert store.forget(OWNER) == 1
    with pytest.raises(NotKept):
        store.checks.find(kept.id)
    assert store.checks.find(other.id).owner == "reader:b"
