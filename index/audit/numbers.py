"""Numbers as people write them: 1,024, 3.14×10²³, 175B, ~5%, 2.1 GB; and how exact they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NUMBER", "SUPERSCRIPT", "Number", "compatible", "number_from", "superscript_value"]

SUPERSCRIPT = "⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹"
_TO_DIGITS = str.maketrans(SUPERSCRIPT, "-+0123456789")
_SCALES = {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_SCALES |= {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}

NUMBER = re.compile(
    r"(?<![\w.])(?P<mantissa>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?)(?:"
    r"(?P<e>[eE][-+−]?\d{1,3})(?!\w)|"
    rf"\s*[×x·*]\s*10(?:\^\{{?(?P<caret>[-−]?\d{{1,3}})\}}?|(?P<sup>[{SUPERSCRIPT}]+))|"
    r"(?P<scale>[KkMBT])(?![\w])|[ \u00a0-](?P<word>thousand|million|billion|trillion)\b)?"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A literal: its value, the step of its last stated digit, and whether it is a count.

    `counted` holds for whole numbers written out in full: they are taken as exact where they
    enter a calculation. A number with a fraction, a power of ten or a scale word is rounded.
    """

    value: float
    step: float
    counted: bool


def superscript_value(text: str) -> int:
    """The integer that superscript digits spell."""
    return int(text.translate(_TO_DIGITS))


def number_from(match: re.Match[str]) -> Number:
    """The literal that `NUMBER` matched.

    Trailing zeros of a whole number of six digits or more are taken as rounding.
    """
    plain = match["mantissa"].replace(",", "")
    whole, _, fraction = plain.partition(".")
    power = 0
    if match["e"]:
        power = int(match["e"][1:].replace("−", "-"))
    elif match["caret"]:
        power = int(match["caret"].replace("−", "-"))
    elif match["sup"]:
        power = superscript_value(match["sup"])
    scale = _SCALES.get(match["scale"] or match["word"] or "", 1.0) * 10.0**power
    counted = not fraction and scale == 1.0
    step = 10.0 ** -len(fraction)
    if not fraction and (len(whole) >= 6 or not counted):
        zeros = len(whole) - len(whole.rstrip("0"))
        step = 10.0 ** min(zeros, len(whole) - 1)
    return Number(float(plain) * scale, step * scale, counted)


def compatible(a: Number, b: Number, *, loose: bool = False) -> bool:
    """Whether two statements of one figure may both be roundings of it.

    Args:
        a: one of them.
        b: the other one.
        loose: one of them says that it is approximate: a few percent are forgiven as well.
    """
    slack = max(a.step, b.step) * (1.0 if loose else 0.5)
    if loose:
        slack = max(slack, 0.05 * max(abs(a.value), abs(b.value)))
    return abs(a.value - b.value) <= slack * (1 + 1e-9)
