"""Exchanges that hypothesis makes from the types of their fields, new ones included."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import strategies as st

from app.record.types import Answer, JsonForm
from app.store import Exchange

__all__ = ["exchanges"]

# NaN is left out because it equals nothing, itself included.
st.register_type_strategy(float, st.floats(allow_nan=False))

_JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
st.register_type_strategy(
    JsonForm,
    st.builds(JsonForm, st.none() | st.dictionaries(st.text(), _JSON, max_size=3), st.text()),
)
# A calculation's inputs and result are whatever JSON holds.
st.register_type_strategy(
    Answer,
    st.builds(
        Answer,
        **{each.name: ... for each in fields(Answer) if each.name != "calculations"},
        calculations=st.lists(st.dictionaries(st.text(), _JSON, max_size=3), max_size=2).map(tuple),
    ),
)


def exchanges() -> st.SearchStrategy[Exchange]:
    """Whole exchanges: any text without lone surrogates, any number."""
    return st.from_type(Exchange)
