"""Amounts and their units: read, checked, and written so that GB and GiB are never mixed.

Every input and result of a calculation names its unit from `UNITS`; a text brings its own, which
is converted within a dimension and refused across dimensions. This is all that the calculations
need of a units library; importing pint and its registry takes a second, more than every other
part of a cold `app calculate` together.

Texts of counts know k, M, B and T. Where tokens of a context are meant, a power of two before
"k" is taken as 1,024 ("32k" is 32,768), as model cards do; the reading is stated by the caller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from index.errors import CitewiseError

__all__ = [
    "UNITS",
    "CalculationError",
    "Unit",
    "context_tokens",
    "number",
    "read_amount",
    "rounded",
    "shown",
]


class CalculationError(CitewiseError):
    """An input of a calculation is missing, impossible or in the wrong unit; names the input."""

    def __init__(self, message: str, *, field: str | None = None, missing: bool = False) -> None:
        super().__init__(message)
        self.field, self.missing = field, missing


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: what it measures, and how much of the dimension's base unit it is."""

    name: str
    dimension: str
    size: float = 1.0


def _units() -> dict[str, Unit]:
    made: dict[str, Unit] = {}

    def add(dimension: str, **sizes: float) -> None:
        for name, size in sizes.items():
            made[name] = Unit(name, dimension, size)

    for power, letter in enumerate("KMGTP", start=1):
        for prefix, base in ((letter, 1000.0), (f"{letter}i", 1024.0)):
            add("bytes", **{f"{prefix}B": base**power})
            add("bytes/s", **{f"{prefix}B/s": base**power})
    add("bytes", bytes=1.0, kB=1e3, bits=0.125)
    add("bytes/s", **{"bytes/s": 1.0})
    for letter, size in {"": 1.0, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}.items():
        add("FLOP", **{f"{letter}FLOP": size})
        add("FLOP/s", **{f"{letter}FLOP/s": size, f"{letter}FLOPS": size})
    add("s", s=1.0, ms=1e-3, min=60.0, h=3600.0, days=86400.0, weeks=604800.0, years=31557600.0)
    add("GPU-s", **{"GPU-s": 1.0, "GPU-hours": 3600.0, "GPU-days": 86400.0})
    add("W", W=1.0, kW=1e3, MW=1e6)
    add("J", J=1.0, Wh=3600.0, kWh=3.6e6, MWh=3.6e9)
    add("fraction", **{"fraction": 1.0, "%": 0.01})
    for name in (
        "tokens", "parameters", "tokens/s", "USD", "USD/h", "USD/Mtok", "count", "bits", "nats",
        "FLOP/byte", "factor",
    ):  # fmt: skip
        add(name, **{name: 1.0})
    return made


UNITS: dict[str, Unit] = _units()
_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12,
           "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}  # fmt: skip
_AMOUNT = re.compile(
    r"\s*\$?(?P<number>[-+−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)"
    r"(?:\s*[×x*]\s*10\^?(?P<power>[+-]?\d+))?\s*"
    r"(?P<scale>(?:thousand|million|billion|trillion|bn)\b|[kKmMbBtT](?![A-Za-z/]))?\s*"
    r"(?P<unit>[%A-Za-z][A-Za-z/-]*)?\s*",
    re.IGNORECASE,
)
_SPELLED = {
    "byte": "bytes", "b": "bytes", "token": "tokens", "tok": "tokens", "toks": "tokens",
    "tok/s": "tokens/s", "t/s": "tokens/s", "tps": "tokens/s", "percent": "%", "second": "s",
    "seconds": "s", "sec": "s", "minutes": "min", "minute": "min", "hour": "h", "hours": "h",
    "day": "days", "week": "weeks", "year": "years", "watt": "W", "watts": "W",
    "params": "parameters", "parameter": "parameters", "param": "parameters", "bit": "bits",
    "usd": "USD", "dollars": "USD", "flop": "FLOP", "flops": "FLOP", "gpu-hour": "GPU-hours",
    "usd/hour": "USD/h", "usd/hr": "USD/h",
}  # fmt: skip
_POWER_OF_TWO_K = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}


def _unit_named(name: str) -> Unit | None:
    if name in UNITS:
        return UNITS[name]
    folded = name.lower()
    spelled = _SPELLED.get(folded)
    if spelled:
        return UNITS[spelled]
    return next((unit for key, unit in UNITS.items() if key.lower() == folded), None)


def number(text: str) -> float:
    """Read a plain number: 1,024 or 1.5e9.

    >>> number("1,024")
    1024.0
    """
    return float(text.replace(",", "").replace("−", "-"))


def context_tokens(value: float) -> float:
    """How many tokens "…k" names: 1,024 each before a power of two, else 1,000 each.

    >>> context_tokens(32), context_tokens(128), context_tokens(100)
    (32768, 131072, 100000)
    """
    return value * (1024 if value in _POWER_OF_TWO_K else 1000)


def read_amount(given: str | float, unit: str, field: str = "") -> float:
    """Read an amount into a unit's base; a bare number is in the unit itself.

    >>> read_amount("24 GB", "bytes"), read_amount("24 GiB", "bytes"), read_amount("7B", "count")
    (24000000000.0, 25769803776.0, 7000000000.0)
    >>> read_amount("128k", "tokens"), read_amount("40 %", "fraction"), read_amount(0.4, "fraction")
    (131072.0, 0.4, 0.4)

    Args:
        given: a number in `unit`, or a text that may bring its own unit.
        unit: a name of `UNITS`.
        field: the input's name, for the error.

    Raises:
        CalculationError: it is no finite number, or its unit measures something else.
    """
    wanted = UNITS[unit]
    if isinstance(given, int | float):
        value = float(given) * wanted.size if abs(given) < 1e300 else math.inf
    else:
        value = _read_text(given, wanted, field)
    if not math.isfinite(value):
        raise CalculationError(f"{field or unit}: got {given!r}, expected a number", field=field)
    return value


def _read_text(given: str, wanted: Unit, field: str) -> float:
    match = _AMOUNT.fullmatch(given)
    if match is None:
        raise CalculationError(
            f"{field or wanted.name}: got {given!r:.60}, expected an amount in {wanted.name}, "
            "such as " + _example(wanted),
            field=field,
        )
    value = number(match["number"]) * 10.0 ** int(match["power"] or 0)
    scale = (match["scale"] or "").lower()
    if scale == "k" and wanted.dimension == "tokens":
        value = context_tokens(value)
    elif scale == "b" and wanted.dimension == "bytes":
        scale = ""
    else:
        value *= _SCALES.get(scale, 1.0)
    if not match["unit"]:
        return value * wanted.size
    unit = _unit_named(match["unit"])
    if unit is None or unit.dimension != wanted.dimension:
        # A count of anything may name what it counts.
        if wanted.dimension in ("count", "tokens", "parameters") and unit is None:
            return value
        raise CalculationError(
            f"{field or wanted.name}: got {given!r:.60}, expected an amount in {wanted.name}, "
            "such as " + _example(wanted),
            field=field,
        )
    return value * unit.size


def _example(unit: Unit) -> str:
    examples = {"bytes": "24 GB or 24 GiB", "tokens": "8192 or 128k", "fraction": "0.4 or 40 %",
                "parameters": "7B", "s": "90 s or 3 days", "bytes/s": "3.35 TB/s",
                "FLOP/s": "989 TFLOP/s", "W": "700 W"}  # fmt: skip
    return examples.get(unit.dimension, f"2 {unit.name}")


def rounded(value: float, digits: int = 4) -> str:
    """Write a number with so many significant digits; whole ones whole, with commas.

    >>> rounded(42949.67), rounded(0.01234567), rounded(2.5), rounded(131072), rounded(8.0)
    ('42,950', '0.01235', '2.5', '131,072', '8')
    """
    if abs(value) < 1e-300:
        return "0"
    if not math.isfinite(value):
        return "unbounded"
    if float(value).is_integer() and abs(value) < 1e15 and abs(value) < 10 ** (digits + 3):
        return f"{int(value):,}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude >= 15 or magnitude < -4:
        mantissa = value / 10.0**magnitude
        return f"{mantissa:.{digits - 1}g} × 10{_raised(magnitude)}"
    places = digits - 1 - magnitude
    text = f"{round(value, places):,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


_BYTE_STEPS = ((1000.0**4, 1024.0**4, "TB", "TiB"), (1e9, 1024.0**3, "GB", "GiB"),
               (1e6, 1024.0**2, "MB", "MiB"), (1e3, 1024.0, "KB", "KiB"))  # fmt: skip
_COUNT_STEPS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_RATE_STEPS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def shown(value: float, unit: str) -> str:
    """Write an amount for people; bytes in both kinds of unit, so that neither is mistaken.

    >>> shown(42949672960, "bytes"), shown(8030261248, "parameters")
    ('42.95 GB (40 GiB)', '8.03 billion parameters (8,030,261,248)')
    >>> shown(0.4, "fraction"), shown(93600.0, "s"), shown(3.15e23, "FLOP")
    ('40 %', '26 hours', '3.15 × 10²³ FLOP')
    """
    dimension = UNITS[unit].dimension
    base = value * UNITS[unit].size
    if not math.isfinite(base):
        return f"unbounded ({dimension})"
    writer = _WRITERS.get(dimension)
    return writer(base) if writer else f"{rounded(base)} {dimension}".removesuffix(" count")


def _bytes(value: float) -> str:
    for decimal, binary, name, binary_name in _BYTE_STEPS:
        if abs(value) >= decimal:
            return f"{rounded(value / decimal)} {name} ({rounded(value / binary)} {binary_name})"
    return f"{rounded(value)} bytes"


def _parameters(value: float) -> str:
    for size, word in _COUNT_STEPS:
        if abs(value) >= size:
            exact = f" ({round(value):,})" if float(value).is_integer() else ""
            exact = "" if value % (size / 100) == 0 else exact
            return f"{rounded(value / size)} {word} parameters{exact}"
    return f"{rounded(value)} parameters"


def _tokens(value: float) -> str:
    for size, word in _COUNT_STEPS[:2]:
        if abs(value) >= size:
            return f"{rounded(value / size)} {word} tokens"
    return f"{round(value):,} tokens" if abs(value) >= 100 else f"{rounded(value)} tokens"


def _seconds(value: float) -> str:
    for size, least, word in (
        (31557600.0, 2.0, "years"), (86400.0, 2.0, "days"), (3600.0, 2.0, "hours"),
        (60.0, 2.0, "minutes"), (1.0, 1.0, "s"), (1e-3, 0.001, "ms"),
    ):  # fmt: skip
        if abs(value) >= least * size:
            return f"{rounded(value / size)} {word}"
    return f"{rounded(value)} s"


def _prefixed(unit: str) -> Callable[[float], str]:
    def write(value: float) -> str:
        if unit == "FLOP" and abs(value) >= 1e15:
            power = math.floor(math.log10(abs(value)))
            return f"{rounded(value / 10.0**power)} × 10{_raised(power)} FLOP"
        for size, letter in _RATE_STEPS:
            if abs(value) >= size:
                return f"{rounded(value / size)} {letter}{unit}"
        return f"{rounded(value)} {unit}"

    return write


def _money(value: float) -> str:
    if abs(value) >= 1e6:
        return f"${rounded(value / 1e6)} million"
    return f"${value:,.2f}" if abs(value) >= 1 or value == 0 else f"${rounded(value, 3)}"


def _gpu_seconds(value: float) -> str:
    hours = f"{rounded(value / 3600)} GPU-hours"
    return hours if value < 2 * 86400 else f"{hours} ({rounded(value / 86400)} GPU-days)"


def _energy(value: float) -> str:
    kwh = value / 3.6e6
    return f"{rounded(kwh / 1000)} MWh" if kwh >= 1000 else f"{rounded(kwh)} kWh"


_WRITERS: dict[str, Callable[[float], str]] = {
    "bytes": _bytes,
    "bytes/s": _prefixed("B/s"),
    "parameters": _parameters,
    "tokens": _tokens,
    "tokens/s": lambda value: f"{rounded(value)} tokens/s",
    "s": _seconds,
    "GPU-s": _gpu_seconds,
    "J": _energy,
    "W": lambda value: f"{rounded(value)} W",
    "FLOP": _prefixed("FLOP"),
    "FLOP/s": _prefixed("FLOP/s"),
    "fraction": lambda value: f"{rounded(100 * value)} %",
    "USD": _money,
    "USD/h": lambda value: f"{_money(value)} an hour",
    "USD/Mtok": lambda value: f"{_money(value)} a million tokens",
    "factor": lambda value: f"{rounded(value)}×",
    "count": lambda value: rounded(value),
}
