"""What a calculation is: named inputs with units and ranges, a formula, a result with its sum.

The command line, HTTP, assistants' tools and the documentation are all made from `Calculation`s:
there is one list of names, units, defaults and ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from index.calculations.precisions import PRECISIONS, Precision, precision
from index.calculations.shapes import Machine, Model, machine, model
from index.calculations.sources import SOURCES
from index.calculations.units import UNITS, CalculationError, read_amount, shown
from index.types import Source

__all__ = [
    "Calculated",
    "Calculation",
    "Given",
    "Input",
    "Part",
    "Result",
    "Step",
    "Values",
]

Given = str | float | bool
_KINDS = ("text", "flag", "model", "machine", "precision", "numbers")
_MOST_NUMBERS = 10_000
_LONGEST_TEXT = 4_000  # ROUGE-L takes the product of two lengths


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its unit (of `UNITS`, or text, flag, model, machine, precision, numbers).

    `low` and `high` bound it, both included; `default` stands where it is not given; None has no
    default: it is left out, or what the calculation can't do without.
    """

    name: str
    unit: str
    meaning: str
    default: Given | None = None
    low: float = 0.0
    high: float = 1e30
    choices: tuple[str, ...] = ()
    whole: bool = False

    def read(self, given: Given) -> Any:  # noqa: ANN401 - its type is the unit's
        """Read a value.

        Raises:
            CalculationError: it is no value of this kind, or out of range.
        """
        lists = isinstance(given, list | tuple) and self.unit == "numbers"
        if not (lists or isinstance(given, str | int | float)):
            raise self._refused(given, f"a value in {self.unit}")
        reader = _READERS.get(self.unit)
        if reader:
            return reader(self, given)
        if isinstance(given, bool):
            raise self._refused(given, f"an amount in {self.unit}")
        value = read_amount(given, self.unit, self.name)
        if not self.low <= value <= self.high:
            expected = f"{shown(self.low, self.unit)} to {shown(self.high, self.unit)}"
            raise self._refused(given, f"at least {shown(self.low, self.unit)}"
                                if self.high >= 1e30 else expected)  # fmt: skip
        if self.whole and not value.is_integer():
            raise self._refused(given, "a whole number")
        return value

    def _refused(self, given: object, expected: str) -> CalculationError:
        told = (
            shown(float(given), self.unit)
            if isinstance(given, int | float) and self.unit in UNITS and abs(given) < 1e300
            else f"{given!r:.60}"
        )
        return CalculationError(f"{self.name} is {told}, expected {expected}", field=self.name)


def _read_text(spec: Input, given: Given) -> str:
    text = str(given).strip()
    if len(text) > _LONGEST_TEXT:
        raise spec._refused(text[:40], f"at most {_LONGEST_TEXT:,} characters")
    if spec.choices and text not in spec.choices:
        raise spec._refused(given, f"one of {', '.join(spec.choices)}")
    return text


def _read_flag(spec: Input, given: Given) -> bool:
    if isinstance(given, bool):
        return given
    folded = str(given).lower()
    if folded not in ("true", "false", "yes", "no", "1", "0", "on", "off"):
        raise spec._refused(given, "yes or no")
    return folded in ("true", "yes", "1", "on")


def _read_numbers(spec: Input, given: Any) -> tuple[float, ...]:  # noqa: ANN401 - as JSON has it
    parts = given if isinstance(given, list | tuple) else str(given).replace(",", " ").split()
    try:
        numbers = tuple(float(part) for part in parts)
    except (TypeError, ValueError, OverflowError) as error:
        raise spec._refused(given, "numbers, such as 0.5 0.3 0.2") from error
    if not 1 <= len(numbers) <= _MOST_NUMBERS or not all(
        spec.low <= n <= spec.high for n in numbers
    ):
        raise spec._refused(given, f"1 to {_MOST_NUMBERS:,} numbers from {spec.low:g} to "
                            f"{spec.high:g}")  # fmt: skip
    return numbers


_READERS: dict[str, Callable[[Input, Any], Any]] = {
    "text": _read_text,
    "flag": _read_flag,
    "numbers": _read_numbers,
    "model": lambda _, given: model(str(given)),
    "machine": lambda _, given: machine(str(given)),
    "precision": lambda _, given: precision(str(given)),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the sum: what is worked out, how, and what it comes to."""

    label: str
    sum: str
    value: float
    unit: str

    def __str__(self) -> str:
        """`label: sum = value`."""
        worked = f"{self.sum} = " if self.sum else ""
        return f"{self.label}: {worked}{shown(self.value, self.unit)}"


@dataclass(frozen=True, slots=True)
class Part:
    """What makes up a share of the result, in the result's unit."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Result:
    """What a calculation comes to.

    `verdict` answers a yes-or-no question that the inputs pose (does it fit?); `others` are
    results beside the main one; `sources` are the papers and pages of what was used.
    """

    label: str
    value: float
    unit: str
    steps: tuple[Step, ...] = ()
    parts: tuple[Part, ...] = ()
    verdict: str = ""
    fits: bool | None = None
    others: tuple[Step, ...] = ()
    assumptions: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


@dataclass
class Values:
    """The inputs of one run, read and checked, and what is assumed on the way."""

    calculation: Calculation
    read: dict[str, Any]
    assumptions: list[str] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)

    def given(self, name: str) -> bool:
        """Tell whether the asker gave it."""
        return name in self.read

    def optional(self, name: str) -> float | None:
        """A number, None where it was not given and has no default."""
        if name in self.read:
            return float(self.read[name])
        default = self._default(name)
        return None if default is None else float(default)

    def number(self, name: str) -> float:
        """A number.

        Raises:
            CalculationError: it was not given and has no default.
        """
        value = self.optional(name)
        if value is None:
            raise self.missing(name)
        return value

    def whole(self, name: str) -> int:
        """A whole number."""
        return round(self.number(name))

    def text(self, name: str) -> str:
        """A choice; empty where there is none."""
        value = self.read.get(name)
        return str(value if value is not None else self._default(name) or "")

    def flag(self, name: str) -> bool:
        """Yes or no."""
        value = self.read.get(name)
        return bool(value if value is not None else self._default(name))

    def precision(self, name: str = "precision", fallback: str = "") -> Precision:
        """A precision: as given, else as it was released, else the default."""
        if name in self.read:
            found: Precision = self.read[name]
            return found
        default = fallback if fallback in PRECISIONS else str(self.spec(name).default)
        self.assume(f"{name.replace('_', ' ')} {default}"
                    + (", as released" if fallback in PRECISIONS else ""))  # fmt: skip
        return precision(default)

    @property
    def model(self) -> Model | None:
        """The named model, which becomes a source."""
        found: Model | None = self.read.get("model")
        if found is not None:
            self.cite(found.source)
        return found

    @property
    def machine(self) -> Machine | None:
        """The named machine, which becomes a source."""
        found: Machine | None = self.read.get("gpu")
        if found is not None:
            self.cite(found.source)
        return found

    def spec(self, name: str) -> Input:
        """An input's description."""
        return next(each for each in self.calculation.inputs if each.name == name)

    def assume(self, text: str) -> None:
        """State what was taken for granted."""
        if text not in self.assumptions:
            self.assumptions.append(text)

    def cite(self, *sources: Source | str) -> None:
        """Name what a formula or figure is from."""
        for each in sources:
            source = SOURCES[each] if isinstance(each, str) else each
            if source not in self.sources:
                self.sources.append(source)

    def missing(self, *names: str) -> CalculationError:
        """What is to be asked back."""
        told = " or ".join(f"{name} ({self.spec(name).meaning})" for name in names)
        return CalculationError(
            f"{self.calculation.name}: {told} is missing", field=names[0], missing=True
        )

    def _default(self, name: str) -> Given | None:
        spec = self.spec(name)
        if spec.default is not None and not isinstance(spec.default, bool):
            told = shown(float(spec.default), spec.unit) if spec.unit in UNITS else spec.default
            self.assume(f"{name.replace('_', ' ')} {told}")
        return spec.default


@dataclass(frozen=True, slots=True)
class Calculation:
    """A calculation by name: what it takes, what it gives, and the formula with its symbols."""

    name: str
    title: str
    formula: str
    unit: str
    inputs: tuple[Input, ...]
    run: Callable[[Values], Result]
    sources: tuple[str, ...] = ()

    def calculate(self, given: Mapping[str, Any]) -> Calculated:
        """Work it out.

        Args:
            given: inputs by name; numbers are in the input's unit, texts may bring their own.

        Raises:
            CalculationError: an input is unknown, missing, impossible or of another unit.
        """
        specs = {each.name: each for each in self.inputs}
        wanted = {
            name.replace("-", "_"): value for name, value in given.items() if value is not None
        }
        for name in wanted:
            if name not in specs:
                raise CalculationError(
                    f"{self.name} takes no {name!r:.40}; expected one of {', '.join(specs)}",
                    field=name,
                )
        values = Values(self, {name: specs[name].read(value) for name, value in wanted.items()})
        values.cite(*self.sources)
        try:
            result = self.run(values)
        except (OverflowError, ZeroDivisionError) as error:
            raise CalculationError(
                f"{self.name}: these inputs go beyond what can be worked out "
                f"({', '.join(f'{k} {v}' for k, v in wanted.items())}); expected sizes of real "
                "models and machines"
            ) from error
        stated = (*result.assumptions, *(a for a in values.assumptions
                                         if a not in result.assumptions))  # fmt: skip
        # Models and machines first: they are the asker's own; then the formula.
        sources = sorted(values.sources, key=lambda s: s in [SOURCES[x] for x in self.sources])
        return Calculated(
            self.name, wanted, replace(result, assumptions=stated, sources=tuple(sources))
        )


@dataclass(frozen=True, slots=True)
class Calculated:
    """A calculation that was run: enough to show it, and to run it again."""

    name: str
    inputs: Mapping[str, Any]
    result: Result

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the record of an answer and HTTP show this."""
        result = self.result
        return {
            "name": self.name,
            "inputs": dict(self.inputs),
            "result": {
                "label": result.label,
                "value": _finite(result.value),
                "unit": result.unit,
                "text": shown(result.value, result.unit),
                "verdict": result.verdict,
                "fits": result.fits,
            },
            "steps": _listed(result.steps),
            "parts": [{"label": p.label, "value": p.value} for p in result.parts],
            "others": _listed(result.others),
            "assumptions": list(result.assumptions),
            "sources": [{"label": s.label, "url": s.url, "year": s.year} for s in result.sources],
        }


def _listed(steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [
        {"label": s.label, "sum": s.sum, "value": _finite(s.value), "unit": s.unit,
         "text": shown(s.value, s.unit)}
        for s in steps
    ]  # fmt: skip


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return None if value in (float("inf"), float("-inf")) or value != value else value
