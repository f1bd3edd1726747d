"""What the tool `calculate` takes and returns."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

import prompts
from index.calculations import calculate
from index.calculations.catalogue import CALCULATIONS
from index.calculations.describe import as_text, with_inputs

__all__ = ["CalculateInput", "CalculationResult", "told", "worked"]


class CalculateInput(BaseModel):
    """What `calculate` takes."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(description="the calculation", json_schema_extra={"enum": [*CALCULATIONS]})
    inputs: dict[str, float | bool | str | list[float]] = Field(
        description="by name: numbers in the input's unit, or texts that bring theirs"
    )


class CalculationResult(BaseModel):
    """A result with its sum; `value` of the result is null where nothing bounds it."""

    name: str
    inputs: dict[str, Any]
    result: dict[str, Any] = Field(description="value, unit, the same as text, and a verdict")
    steps: list[dict[str, Any]]
    parts: list[dict[str, Any]] = Field(description="what makes up the result")
    others: list[dict[str, Any]]
    assumptions: list[str]
    sources: list[dict[str, Any]]


def told() -> str:
    """The tool's description, with every calculation's inputs."""
    return prompts.fill("tools/calculate.md", calculations=with_inputs()).strip()


def worked(asked: CalculateInput) -> tuple[str, CalculationResult]:
    """Run a calculation: its text, and its form.

    Raises:
        CalculationError: there is none of that name, or an input is missing or impossible.
    """
    found = calculate(asked.name, asked.inputs)
    return as_text(found), CalculationResult(**found.as_dict())
