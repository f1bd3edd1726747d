"""Exchanges that hypothesis makes from the types of their fields, new ones included."""

from __future__ import annotations

from hypothesis import strategies as st

from app.record.types import JsonForm
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


def exchanges() -> st.SearchStrategy[Exchange]:
    """Whole exchanges: any text without lone surrogates, any number."""
    return st.from_type(Exchange)
