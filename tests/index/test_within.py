"""Some of an index's sources as an index of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.__main__ import main
from index.encoders import Encoder
from index.errors import KnowledgeBaseError
from index.live import LiveIndex
from index.within import only, source_names


@pytest.fixture
def live(tmp_path: Path, minilm: Encoder) -> LiveIndex:
    """An index of three sources: two folders of documents and a table."""
    out = tmp_path / "index"
    for name, text in (("red", "Keys are rotated monthly."), ("blue", "Keys never change.")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "keys.md").write_text(f"# Keys\n\n{text}\n", encoding="utf-8")
        assert main(["add", str(folder), "--index", str(out), "--encoder", minilm.info.name]) == 0
    table = tmp_path / "desk.csv"
    table.write_text("question,answer\nWho keeps the keys?,Ada keeps the keys.\n", encoding="utf-8")
    assert main(["add", str(table), "--index", str(out), "--encoder", minilm.info.name]) == 0
    return LiveIndex(out, minilm)


@pytest.mark.parametrize(
    ("sources", "texts"),
    [
        (("red",), {"Keys are rotated monthly."}),
        (("blue",), {"Keys never change."}),
        (("desk",), {"Ada keeps the keys."}),
        (("red", "desk"), {"Keys are rotated monthly.", "Ada keeps the keys."}),
    ],
)
def test_only_what_is_asked_within_is_found(
    live: LiveIndex, sources: tuple[str, ...], texts: set[str]
) -> None:
    found = live.within(sources).search("How often do keys change?", 8)
    assert {hit.passage.text for hit in found.hits} == texts
    assert live.within(sources) is live.within(sources)
    assert len(live.retriever().search("How often do keys change?", 8).hits) == 3


def test_scores_are_those_of_the_whole_but_for_the_best_word_match(live: LiveIndex) -> None:
    whole = {hit.passage.id: hit for hit in live.retriever().search("keys change", 8).hits}
    for hit in live.within(("red", "blue")).search("keys change", 8).hits:
        for stage in ("dense", "lexical", "late"):
            assert hit.trace[stage] == pytest.approx(whole[hit.passage.id].trace[stage], abs=1e-5)
        assert hit.met == pytest.approx(whole[hit.passage.id].met)


def test_the_names_that_can_be_asked_within(live: LiveIndex) -> None:
    assert live.sources() == ("blue", "desk", "red")


def test_an_unknown_source_is_refused_with_those_there_are(live: LiveIndex) -> None:
    with pytest.raises(KnowledgeBaseError, match="'green'; expected some of 'blue', 'desk', 'red'"):
        live.within(("red", "green"))


def test_an_index_of_one_source_is_all_of_that(live: LiveIndex, tmp_path: Path) -> None:
    names = source_names(tmp_path / "nowhere", live.index)
    assert set(names) == {live.index.knowledge_base}
    part = only(live.index, names, [live.index.knowledge_base])
    assert part.passages == live.index.passages
    assert np.array_equal(part.owners, live.index.owners)
