"""Calculations: formulas as pure functions, shapes of models, figures of machines.

`calculate(name, inputs)` runs one and returns its result with the sum, what was assumed and the
sources. `CALCULATIONS` describes them all; whatever lists or takes inputs is made from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from index.calculations.registry import Calculated, Calculation
from index.calculations.units import CalculationError

__all__ = ["Calculated", "Calculation", "CalculationError", "calculate", "calculation", "term_of"]

_TERMS = Path(__file__).with_name("terms.toml")


def calculation(name: str) -> Calculation:
    """Find a calculation by its name.

    Raises:
        CalculationError: there is none of that name.
    """
    from index.calculations.catalogue import CALCULATIONS

    found = CALCULATIONS.get(name)
    if found is None:
        import difflib

        near = difflib.get_close_matches(name, list(CALCULATIONS), n=3, cutoff=0.3)
        raise CalculationError(
            f"got the calculation {name!r:.60}, expected one "
            + (f"such as {', '.join(near)}" if near else f"of {', '.join(CALCULATIONS)}"),
            field="name",
        )
    return found


def calculate(name: str, inputs: Mapping[str, Any]) -> Calculated:
    """Run a calculation.

    Args:
        name: one of `CALCULATIONS`.
        inputs: numbers in the input's own unit, or texts that bring theirs ("24 GiB", "128k").

    Raises:
        CalculationError: there is no such calculation, or an input is missing or impossible.
    """
    return calculation(name).calculate(inputs)


@cache
def _terms() -> Mapping[str, str]:
    return tomllib.loads(_TERMS.read_text(encoding="utf-8"))


def term_of(name: str) -> str:
    """Return the name under which a knowledge base may define a calculation's subject, or ""."""
    return _terms().get(name, "")
