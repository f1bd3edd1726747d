"""The shelf, its tables, corrections and map, apart from the browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.ui import texts
from app.ui.atlas import atlas_html
from app.ui.browse import browse_html
from app.ui.catalogue import catalogue
from app.ui.corrections import place_in_words
from app.ui.places import MOST, Places, means
from index.errata import read_errata, shipped_errata
from index.errors import KnowledgeBaseError
from index.live import LiveIndex
from index.projection import plane
from index.types import Figure, Passage, PassageKind, Source
from tests.ui.playing import HOSTILE, BrowsedIndex, shipped_passages


def _of(kind: PassageKind) -> list[Passage]:
    return [passage for passage in shipped_passages() if passage.kind is kind]


def test_it_shows_every_passage_by_category() -> None:
    html = browse_html(BrowsedIndex(shipped_passages()))
    found = catalogue(BrowsedIndex(shipped_passages()))
    assert [name for name, _ in found.categories] == sorted(name for name, _ in found.categories)
    assert len(found.topics) == 3
    for row, passage in enumerate(shipped_passages()):
        if passage.kind in (PassageKind.FAQ, PassageKind.DATA):
            assert html.count(f'id="p{row}"') == 1
    assert html.count('id="f') == len(_of(PassageKind.DATA))
    assert texts.BROWSE_EMPTY in browse_html(BrowsedIndex(()))


def test_a_figure_has_its_value_unit_year_and_source() -> None:
    source = Source("x", "Doe et al. (2021) — A Work. Venue", "https://x.example/1", 2021)
    passage = Passage(
        "t/data/0", PassageKind.DATA, "t", "T", "Width", "Width: 64 cells. A note.", (source,),
        "c", Figure("64", "cells", "A note."),
    )  # fmt: skip
    row = re.search(r'<tr data-entry id="p0">.*?</tr>', browse_html(BrowsedIndex((passage,))))
    assert row is not None
    for part in (">64<", ">cells<", ">2021<", "https://x.example/1", "A note.", "data-ask"):
        assert part in row[0]


def test_corrections_are_those_of_the_shipped_knowledge_base() -> None:
    errata = shipped_errata()["kv-cache"]
    shipped = browse_html(BrowsedIndex(shipped_passages()))
    assert shipped.count("<del>") == sum(
        len(shipped_errata().get(slug, ())) for slug in {p.topic for p in shipped_passages()}
    )
    assert len(errata) > 0
    assert "<del>" in browse_html(BrowsedIndex(shipped_passages(), knowledge_base="mine+ai"))
    assert "<del>" not in browse_html(BrowsedIndex(shipped_passages(), knowledge_base="mine"))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("data_points[0].value", "Figure 1, value"),
        ("faq_items[3].answer", "Question 4, answer"),
        ("description", "Description"),
        ("what <b>ever</b>", "what <b>ever</b>"),
    ],
)
def test_a_place_in_words(place: str, words: str) -> None:
    assert place_in_words(place) == words


def test_a_damaged_file_of_errata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "errata.yaml"
    path.write_text("- topic: x\n  place: y\n", encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"entry 1: expected topic, place, was"):
        read_errata(path)
    path.write_text("- [", encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match="not readable as YAML"):
        read_errata(path)


def test_hostile_text_is_escaped() -> None:
    source = Source("x", HOSTILE, "javascript:window.pwned=1", 2020)
    passages = tuple(
        Passage(f'h"><b>/{kind}/0', kind, 'h"><b>', HOSTILE, HOSTILE, HOSTILE, (source,), HOSTILE,
                Figure(HOSTILE, HOSTILE, HOSTILE))
        for kind in PassageKind
    )  # fmt: skip
    index = BrowsedIndex(passages)
    for html in (browse_html(index), atlas_html(index, np.zeros((len(passages), 2), np.float32))):
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html
        assert 'href="javascript' not in html


def test_the_map_names_each_question_and_figure_once() -> None:
    index = BrowsedIndex(shipped_passages())
    places = Places().of(index)
    assert places is not None
    html = atlas_html(index, places)
    dots = len(_of(PassageKind.FAQ)) + len(_of(PassageKind.DATA))
    assert html.count('class="dot k') == dots
    assert html.count('role="button"') == dots
    assert html.count('tabindex="0"') == 1
    assert texts.MAP_TOO_LARGE in atlas_html(index, None)


def test_places_are_kept_and_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    index = BrowsedIndex(shipped_passages())
    found = Places(tmp_path).of(index)
    kept = tmp_path / f"{index.fingerprint}.npy"
    assert found is not None
    np.save(kept, np.full((len(index.passages), 2), 0.5, np.float32))
    assert np.allclose(Places(tmp_path).of(index), 0.5)  # type: ignore[arg-type]
    kept.write_bytes(b"damaged")
    assert np.array_equal(Places(tmp_path).of(index), found)  # type: ignore[arg-type]
    again = Places(tmp_path).of(replace(index, fingerprint="e" * 16))
    assert np.array_equal(again, found)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_costs_no_map(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert Places(blocked).of(BrowsedIndex(shipped_passages())) is not None


def test_a_very_large_knowledge_base_gets_no_map() -> None:
    first = shipped_passages()[0]
    passages = tuple(replace(first, id=f"t{n}/faq/0", topic=f"t{n}") for n in range(MOST + 1))
    assert Places().of(BrowsedIndex(passages)) is None


def test_of_many_passages_those_of_a_topic_lie_around_its_middle(live_index: LiveIndex) -> None:
    places = Places().of(live_index.index)
    assert places is not None
    assert len(places) > MOST
    assert places.min() >= 0
    assert places.max() <= 1
    topics = np.array([passage.topic for passage in live_index.index.passages])
    for topic in sorted(set(topics))[::50]:
        own = places[topics == topic]
        assert np.ptp(own, axis=0).max() < 0.05
        assert len(np.unique(own, axis=0)) == len(own)


def test_what_is_alike_lies_together(live_index: LiveIndex) -> None:
    """Trustworthiness (Venna & Kaski 2001) of the shipped knowledge base's map."""
    manifold = pytest.importorskip("sklearn.manifold")
    vectors = means(live_index.index)[:240]
    places = plane(vectors)
    assert places.shape == (len(vectors), 2)
    assert places.min() == 0.0
    assert places.max() == 1.0
    assert manifold.trustworthiness(vectors, places, n_neighbors=10) > 0.78
    assert np.array_equal(places, plane(vectors))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_few_or_equal_vectors_have_places_too(count: int) -> None:
    places = plane(np.ones((count, 5), np.float32))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
