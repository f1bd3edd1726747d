"""Exchanges that hypothesis makes from the types of their fields, new ones included."""

from __future__ import annotations

from hypothesis import strategies as st

from app.store import Exchange

__all__ = ["exchanges"]

# NaN is left out because it equals nothing, itself included.
st.register_type_strategy(float, st.floats(allow_nan=False))


def exchanges() -> st.SearchStrategy[Exchange]:
    """Whole exchanges: any text without lone surrogates, any number."""
    return st.from_type(Exchange)
