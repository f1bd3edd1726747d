"""Number fidelity: is the figure there, exactly, with its unit?

Read independently of the product's own reader of quantities.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from eval.cases import ExpectedNumber
from eval.metrics.text import content, fold

__all__ = ["PrintedNumber", "figures", "number_recall", "numbers_grounded", "same", "stated"]

_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "millions": 1e6, "b": 1e9, "bn": 1e9,
    "billion": 1e9, "billions": 1e9, "t": 1e12, "trillion": 1e12, "trillions": 1e12,
}  # fmt: skip
_BYTES = {
    "byte": 1.0, "bytes": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2.0**10,
    "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40, "gigabytes": 1e9, "megabytes": 1e6,
    "kilobytes": 1e3, "terabytes": 1e12,
}  # fmt: skip
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_WORDS = {word: float(value) for value, word in enumerate(_NUMBER_WORDS.split())}
_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>-(?=[\d.]))?(?P<mantissa>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:e(?P<e>[+-]?\d+)|\s?[×x·*]\s?10\^?\{?(?P<power>[+-]?\d+)\}?(?![\d.]))?"
    r"(?:\s?(?P<percent>%|percent\b|per cent\b)|(?P<letter>[kKMBT])(?![\w])"
    r"|[\s-]?(?P<scale>thousand|millions?|billions?|trillions?|bn)\b"
    r"|\s?(?P<bytes>[kmgt]i?b|bytes?|(?:kilo|mega|giga|tera)bytes)\b)?",
    re.IGNORECASE,
)
_UNITS = ("percent", "bytes", "letter", "scale")
_POWER_OF_TEN = re.compile(r"(?<![\w.])10\^\{?([+-]?\d+)\}?")
_NEAR = 80


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number in a text, in base units; `step` is half a unit in the last place written."""

    value: float
    step: float
    kind: str
    start: int
    end: int


def figures(text: str) -> list[PrintedNumber]:
    """Find the numbers of a text: 1.4T = 1.4 trillion, 50,257 = 50257, 10¹⁸ = 1e18, 2 KB = 2 kB."""
    plain = _plain(text)
    matches = list(_NUMBER.finditer(plain))
    raised = [match.span() for match in matches if match["power"]]
    found = [
        PrintedNumber(10.0 ** int(match[1]), 0.0, "number", match.start(), match.end())
        for match in _POWER_OF_TEN.finditer(plain)
        if not _within(match.start(), raised)
    ]
    taken = [(figure.start, figure.end) for figure in found]
    for position, match in enumerate(matches):
        if not _within(match.start(), taken):
            found.append(_figure(match, _range_end(plain, matches, position)))
    for match in re.finditer(r"[a-z]+", plain.lower()):
        if match.group() in _WORDS and match.group() != "one":
            found.append(
                PrintedNumber(_WORDS[match.group()], 0.0, "number", match.start(), match.end())
            )
    return sorted(found, key=lambda figure: figure.start)


def _plain(text: str) -> str:
    """Write powers with a caret and fold look-alikes; lengths may change."""
    text = re.sub(r"(?<=\d)([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "^" + m[1].translate(_SUPER), text)
    text = re.sub("[‐‑‒–—−]", "-", text)
    return re.sub(r"(?<=\d)-(?=[\d.])", " - ", unicodedata.normalize("NFKC", text))


def _within(start: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(first <= start < end for first, end in spans)


def _range_end(plain: str, matches: Sequence[re.Match[str]], position: int) -> re.Match[str] | None:
    """In "5-20%" or "20 to 30 GB" the unit of the second number is the first one's too."""
    match, following = matches[position], matches[position + 1 : position + 2]
    if any(match[group] for group in _UNITS) or not following:
        return None
    between = plain[match.end() : following[0].start()]
    return following[0] if re.fullmatch(r"\s?(?:-|to|±)\s?", between) else None


def _figure(match: re.Match[str], unit_of: re.Match[str] | None) -> PrintedNumber:
    unit = unit_of or match
    mantissa = match["mantissa"].replace(",", "")
    power = int(match["e"] or match["power"] or 0)
    factor, kind = 10.0**power, "number"
    if unit["percent"]:
        kind = "percent"
    elif unit["bytes"]:
        factor, kind = factor * _BYTES[unit["bytes"].lower()], "bytes"
    elif scale := unit["letter"] or unit["scale"]:
        factor *= _SCALES[scale.lower()]
    decimals = len(mantissa.partition(".")[2])
    value = float(mantissa) * factor * (-1 if match["sign"] else 1)
    return PrintedNumber(value, 0.5 * 10.0**-decimals * factor, kind, match.start(), match.end())


def same(expected: PrintedNumber, found: PrintedNumber) -> bool:
    """Tell whether a found figure is the expected one, or rounds to it at its precision."""
    if "percent" in (expected.kind, found.kind) and expected.kind != found.kind:
        return False
    if {expected.kind, found.kind} == {"bytes", "number"}:
        return False
    near = min(expected.step * 1.0001, 0.05 * abs(expected.value))
    return math.isclose(expected.value, found.value, rel_tol=1e-9) or (
        abs(expected.value - found.value) <= near
    )


def stated(expected: ExpectedNumber, text: str) -> bool:
    """Tell whether a text states a figure with its unit.

    Every number in the expected value must be there; where the unit has a word of its own
    (tokens, layers, BLEU), one of its words must stand within 80 characters of a match. A value
    without digits (h/G) must be there literally.
    """
    # "250" of "K tokens" is printed 250K.
    gap = "" if re.match(r"[KMBT]\b", expected.unit) else " "
    wanted = figures(f"{expected.value}{gap}{expected.unit}".strip())
    if not wanted:
        return fold(expected.value) in fold(text)
    plain = _plain(text)
    unit = _unit_words(expected.unit)
    for one in wanted:
        places = [f for f in figures(text) if same(one, f)]
        if not any(_unit_near(unit, plain, place) for place in places):
            return False
    return True


def _unit_words(unit: str) -> frozenset[str]:
    known = {*_SCALES, *_BYTES, "percent", "percentag", "point"}
    return frozenset(word for word in content(unit) if word not in known and word.isalpha())


def _unit_near(unit: frozenset[str], plain: str, place: PrintedNumber) -> bool:
    if not unit:
        return True
    around = plain[max(0, place.start - _NEAR) : place.end + _NEAR]
    return bool(unit & set(content(around)))


def number_recall(expected: Sequence[ExpectedNumber], text: str) -> float | None:
    """Share of the expected figures that the text states with value and unit.

    |{e ∈ E : e stated}| / |E|; None where no figure is expected.
    """
    if not expected:
        return None
    return sum(stated(number, text) for number in expected) / len(expected)


def numbers_grounded(text: str, evidence: str) -> float | None:
    """Share of the figures in a text that its evidence gives too.

    |{f ∈ F(text) : ∃ g ∈ F(evidence), f = g}| / |F(text)|; None where the text has no figure.
    """
    given = figures(evidence)
    asked = figures(text)
    if not asked:
        return None
    return sum(any(same(f, g) for g in given) for f in asked) / len(asked)
