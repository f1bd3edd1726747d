"""Each calculation's subject is one that the shipped knowledge base defines."""

from __future__ import annotations

from app.question.subjects import subjects_of
from index.calculations import term_of
from index.calculations.catalogue import CALCULATIONS
from index.live import LiveIndex


def test_what_a_calculation_works_out_is_defined(live_index: LiveIndex) -> None:
    subjects = subjects_of(live_index.index)
    terms = {name: term_of(name) for name in CALCULATIONS}
    assert sum(bool(term) for term in terms.values()) >= 30
    unknown = [term for term in terms.values() if term and not subjects.defined_by(f"{term}?")]
    assert unknown == []
