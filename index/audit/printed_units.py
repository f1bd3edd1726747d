"""The units whose prefixes matter when figures are compared, under their several readings.

"GB" is 10⁹ or 2³⁰ bytes, "32K" tokens 32,000 or 32,768, a sum in percent may be meant in points,
and the only unit in "12 + 30 = 42 GB" is every figure's. A statement is only called wrong when it
is so under every reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

__all__ = ["UNITS", "PrintedUnit", "UnitReading"]


@dataclass(frozen=True, slots=True)
class UnitReading:
    """One way to take the units of a statement."""

    binary: bool = False
    percent: bool = True
    bits: bool = True
    time: bool = True
    shared: bool = False

    @staticmethod
    def all() -> Iterator[UnitReading]:
        """Every reading; one that is `shared` fits an equation with a single unit alone."""
        return (UnitReading(*choice) for choice in product((False, True), repeat=5))


@dataclass(frozen=True, slots=True)
class PrintedUnit:
    """A unit: what it measures, and how much of the family's base unit it is."""

    family: str
    size: float
    power: int = 0

    def factor(self, reading: UnitReading) -> float:
        """What a figure in this unit is multiplied with."""
        if reading.shared or (self.family == "time" and not reading.time):
            return 1.0
        if self.family == "bit":
            return self.size / 8 if reading.bits else self.size
        if self.family == "byte" and reading.binary:
            return float(1024**self.power)
        return self.size


def _units() -> dict[str, PrintedUnit]:
    made = {"bytes": PrintedUnit("byte", 1.0), "byte": PrintedUnit("byte", 1.0)}
    for power, letter in enumerate("KMGTP", start=1):
        made[f"{letter}B"] = made[f"{letter.lower()}B"] = PrintedUnit("byte", 1000.0**power, power)
        made[f"{letter}iB"] = PrintedUnit("byte", 1024.0**power, power)
    for word, power in (("kilobytes", 1), ("megabytes", 2), ("gigabytes", 3), ("terabytes", 4)):
        made[word] = made[word[:-1]] = PrintedUnit("byte", 1000.0**power, power)
    made |= {"bits": PrintedUnit("bit", 1.0), "bit": PrintedUnit("bit", 1.0)}
    for letter, size in {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
                         "E": 1e18}.items():  # fmt: skip
        for name in ("FLOP", "FLOPs", "FLOPS", "FLOP/s", "FLOPs/s"):
            made[letter + name] = PrintedUnit("flop", float(size))
    seconds = {"ms": 1e-3, "µs": 1e-6, "s": 1.0, "second": 1.0, "minute": 60.0, "hour": 3600.0,
               "day": 86400.0, "week": 604800.0}  # fmt: skip
    for name, length in seconds.items():
        made[name] = PrintedUnit("time", length)
        if len(name) > 2:
            made[name + "s"] = PrintedUnit("time", length)
    return made


UNITS: dict[str, PrintedUnit] = _units()
