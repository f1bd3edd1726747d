"""A plan to serve a model on a machine: what it takes, what fits, how fast at most, at what cost.

It runs the catalogue's own calculations side by side on one set of inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from index.calculations import calculation
from index.calculations.registry import Calculated
from index.calculations.shapes import model
from index.calculations.units import CalculationError

__all__ = ["PLANNED", "PLAN_INPUTS", "AtLength", "Plan", "plan"]

PLANNED = (
    "inference-memory", "concurrent-sequences", "context-that-fits", "decode-speed",
    "prefill-time", "cost-per-million",
)  # fmt: skip
PLAN_INPUTS = (
    "model", "gpu", "gpus", "tokens", "sequences", "precision", "cache_precision", "price",
)  # fmt: skip
_LENGTHS = tuple(2**power for power in range(10, 21))
_FEWEST = 6  # lengths in the chart, however short the context


@dataclass(frozen=True, slots=True)
class AtLength:
    """What is needed at a context's length: weights and cache, in bytes."""

    tokens: int
    weights: float
    cache: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What came of it: runs by name, why others could not be run, memory by length of context."""

    runs: Mapping[str, Calculated]
    missing: Mapping[str, str]
    lengths: tuple[AtLength, ...] = ()


def plan(inputs: Mapping[str, Any]) -> Plan:
    """Work a plan out.

    Args:
        inputs: some of `PLAN_INPUTS`, as `calculate` takes them; empty ones count as not given.

    Raises:
        CalculationError: an input is unknown, impossible or of another unit, or no model is named.
    """
    given = {name: value for name, value in inputs.items() if value not in ("", None)}
    for name in given:
        if name not in PLAN_INPUTS:
            raise CalculationError(
                f"got the input {name!r:.40}, expected one of {', '.join(PLAN_INPUTS)}", field=name
            )
    runs = {"inference-memory": _run("inference-memory", given)}
    missing: dict[str, str] = {}
    rate = None
    for name in PLANNED[1:]:
        own = {**given, "throughput": rate} if name == "cost-per-million" and rate else given
        try:
            runs[name] = _run(name, own)
        except CalculationError as error:
            if not error.missing and name != "context-that-fits":
                raise
            missing[name] = str(error)
        if name == "decode-speed" and name in runs:
            rate = runs[name].result.value
    return Plan(runs, missing, _by_length(given))


def _run(name: str, given: Mapping[str, Any]) -> Calculated:
    """Run one of the calculations on what it takes of the inputs."""
    chosen = calculation(name)
    renamed = {**given, "batch": given.get("sequences")} if name == "decode-speed" else given
    taken = {spec.name for spec in chosen.inputs}
    return chosen.calculate({key: value for key, value in renamed.items() if key in taken})


def _by_length(given: Mapping[str, Any]) -> tuple[AtLength, ...]:
    """Memory at powers of two, up to the model's own context."""
    context = model(str(given["model"])).shape.context if "model" in given else 0
    longest = max(context, _LENGTHS[_FEWEST - 1])
    found = []
    for tokens in _LENGTHS:
        if tokens > longest:
            break
        parts = {
            part.label: part.value
            for part in _run("inference-memory", {**given, "tokens": tokens}).result.parts
        }
        found.append(AtLength(tokens, parts.get("weights", 0.0), parts.get("KV cache", 0.0)))
    return tuple(found)
