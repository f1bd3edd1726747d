"""Who introduced something is told by a title that names it, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answer.origins import named_work
from index.types import Source

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
