"""Who introduced something is told by a title that names it, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer.origins import named_work, told_origin
from index.types import Passage, PassageKind, Source

EARLY = Source("a", "Ash et al. (2019) — Quilt: Rapid Patch Attention. ICML", "", 2019)
LATE = Source("b", "Birch (2023) — Quilt Revisited: A Replication. arXiv", "", 2023)
OTHER = Source("c", "Cedar et al. (2017) — On Sewing. NeurIPS", "", 2017)
UNDATED = Source("d", "Quilt, the manual", "")


@pytest.mark.parametrize(
    ("name", "sources", "found"),
    [
        ("quilt", (EARLY, LATE, OTHER), EARLY),
        ("XPA", (EARLY, OTHER), None),
        ("RPA", (EARLY, OTHER), EARLY),  # by a term that it stands for
        ("quilt", (OTHER, LATE), None),  # what is listed first came before
        ("quilt", (LATE, EARLY), EARLY),
        ("felt", (EARLY, LATE), None),
        ("quilt", (UNDATED,), None),
        ("quilt", (), None),
    ],
)
def test_the_earliest_title_that_names_it(
    name: str, sources: tuple[Source, ...], found: Source | None
) -> None:
    assert named_work(name, ["rapid patch attention"], sources) == found


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=3))
def test_any_name_is_looked_for(name: str, terms: list[str]) -> None:
    assert named_work(name, terms, (EARLY, LATE)) in (EARLY, LATE, None)


def passage(text: str) -> Passage:
    return Passage("t/faq/0", PassageKind.FAQ, "t", "T", "What?", text, (EARLY,))


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("Ash et al. (2019) introduced the quilt. It is warm.", True),
        ("It is warm. The quilt was proposed by Ash and Birch (2019).", True),
        ("Cover (Ash et al., 2019) first proposed quilt attention.", True),
        ("Quilt (Ash et al., 2019) keeps warm.", True),
        ("They are quilts (Ash et al., 2019).", False),
        ("The quilt was measured by Ash et al. (2019), who proposed felt.", False),
        ("Ash et al. (2019) measured the quilt.", False),
    ],
)
def test_a_sentence_tells_who_introduced_it(text: str, tells: bool) -> None:
    found = told_origin("quilt", [passage(text)], ())
    assert (found is not None) == tells
    if found:
        assert "uilt" in text[found[1] : found[2]]


@given(st.text(max_size=40), st.text(max_size=200))
def test_any_text_is_looked_through(name: str, text: str) -> None:
    found = told_origin(name, [passage(text)], ())
    assert found is None or 0 <= found[1] < found[2] <= len(text)
