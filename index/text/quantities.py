"""Numbers with their units, read from plain text, and whether two of them say the same.

1.4T = 1.4 trillion, 50,257 = 50257, 10¹⁸ = 10^18 = 1e18, 2,048 MB = 2.048 GB, 20-30% is a range.
A year is a kind of its own; digits inside a name (GPT-3, int8, T5) are no quantity.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

__all__ = ["Quantity", "agree", "quantities", "years"]

Kind = Literal["number", "percent", "year"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or range in a text.

    `low` and `high` are in base units (bytes, seconds; percent as written) and are equal where
    the text gives one number; `step` is one unit in the last place written, in the same units;
    `dimension` is "bytes", "seconds", "percent" or "" and `noun` the word that follows.
    """

    text: str
    start: int
    end: int
    low: float
    high: float
    step: float
    kind: Kind
    dimension: str = ""
    noun: str = ""


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
    "t": 1e12, "trillion": 1e12, "hundred": 1e2,
}  # fmt: skip
_BYTES = {
    "byte": 1, "bytes": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SECONDS = {
    "ms": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3, "s": 1, "sec": 1, "second": 1,
    "seconds": 1, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hour": 3600,
    "hours": 3600, "day": 86400, "days": 86400, "week": 604800, "weeks": 604800,
}  # fmt: skip
_WORDS = {
    word: value
    for value, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve".split(), start=2
    )
}
_LARGE = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_POWER = r"(?:e[+-]?\d+|\s?[×x·*]\s?10\s?(?:\^\{?[+-]?\d+\}?|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))"
_BARE_POWER = r"10(?:\^\{?[+-]?\d+\}?|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_SCALE = r"(?:[\s-]?(?:thousand|million|billion|trillion|bn)\b|[KkMBT](?![A-Za-z0-9]))"
_VALUE = rf"(?:{_BARE_POWER}|{_NUMBER}{_POWER}?)"
_QUANTITY = re.compile(
    rf"(?<![\w.,])(?<![A-Za-z]-)(?P<sign>[-−](?=[\d.]))?\$?(?P<first>{_VALUE})(?P<scale1>{_SCALE})?"
    rf"(?P<unit1>\s?%)?"
    rf"(?:\s?(?P<joiner>-|–|—|to|and(?=\s\d[^a-z]*%))\s?\$?(?P<second>{_VALUE})(?P<scale2>{_SCALE})?)?"
    rf"\+?(?P<rest>(?:\s?(?:%|percent\b|per cent\b))|[-\s]?[A-Za-z]+)?"
)
_WORD_NUMBER = re.compile(
    rf"\b({'|'.join(_WORDS)}|an?|one)[-\s]({'|'.join(_LARGE)})\b"
    rf"|\b({'|'.join(_WORDS)})[-\s]([a-z]+)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\bbetween\s$", re.IGNORECASE)


def quantities(text: str) -> list[Quantity]:
    """Find the numbers, ranges and years of a text, in order of appearance."""
    return list(_quantities(text))


@lru_cache(maxsize=8192)
def _quantities(text: str) -> tuple[Quantity, ...]:
    """Kept, since the same evidence is read for every question and sentence."""
    found = [each for match in _QUANTITY.finditer(text) for each in _read(match, text)]
    taken = [(quantity.start, quantity.end) for quantity in found]
    for match in _WORD_NUMBER.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            found.append(_in_words(match))
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def _in_words(match: re.Match[str]) -> Quantity:
    if match[2]:
        scale = _LARGE[match[2].lower()]
        value = _WORDS.get(match[1].lower(), 1) * scale
        return Quantity(match[0], match.start(), match.end(), value, value, scale, "number")
    factor, dimension = _unit(match[4])
    value = _WORDS[match[3].lower()] * factor
    return Quantity(
        match[3], match.start(), match.end(3), value, value, factor, "number", dimension,
        match[4].lower(),
    )  # fmt: skip


def _read(match: re.Match[str], text: str) -> list[Quantity]:
    """Read one number or range, or two numbers that only stand side by side.

    "73.7% and 91.7%" are two, unless they come after "between"; so are "540B to 75.2%", of which
    one is scaled and the other a share.
    """
    whole = _quantity(match, text)
    if match["second"] is None:
        return [whole]
    listed = match["joiner"] == "and" and not _BETWEEN.search(text, 0, match.start())
    unlike = bool(match["scale1"]) and not match["scale2"] and whole.kind == "percent"
    if not (listed or unlike):
        return [whole]
    second = _QUANTITY.match(text, match.start("second"))
    first = _QUANTITY.match(text[: match.start("joiner")].rstrip(), match.start())
    if second is None or first is None:
        return [whole]
    one, other = _quantity(first, text), _quantity(second, text)
    if listed and other.kind == "percent" and one.kind != other.kind and one.low >= 1:
        one = replace(one, kind=other.kind, dimension=other.dimension)
    return [one, other]


def years(text: str) -> set[int]:
    """Return the years that a text names, those of citations among them."""
    return {int(quantity.low) for quantity in quantities(text) if quantity.kind == "year"}


def agree(claimed: Quantity, stated: Quantity) -> bool:
    """Tell whether a claimed quantity says what a stated one says.

    They must be of one kind and dimension, and the claim must be the stated value at the
    precision it is written with: 2.1 GB agrees with 2.15 GB, 3 GB does not. A single number
    does not agree with a range that merely holds it.
    """
    if claimed.kind != stated.kind or claimed.dimension != stated.dimension:
        return False
    if claimed.kind == "year":
        return claimed.low == stated.low
    return _close(claimed.low, stated.low, claimed.step) and _close(
        claimed.high, stated.high, claimed.step
    )


def _close(claimed: float, stated: float, step: float) -> bool:
    exact = abs(claimed - stated) <= 1e-9 * max(abs(claimed), abs(stated), 1e-300)
    # A rounded figure may stand for a longer one, but not by more than a twentieth.
    rounded = abs(claimed - stated) <= 0.5001 * step and abs(claimed - stated) <= 0.05 * abs(stated)
    return exact or rounded


def _quantity(match: re.Match[str], text: str) -> Quantity:
    rest = (match["rest"] or "").strip(" -").lower()
    percent = match["unit1"] is not None or rest in ("%", "percent", "per cent")
    factor, dimension = (1.0, "percent") if percent else _unit(rest)
    first, second = match["first"], match["second"]
    scale2 = _scale(match["scale2"])
    # In "1.5-2 trillion" the scale belongs to both ends.
    scale1 = _scale(match["scale1"]) if match["scale1"] or not second else scale2
    low, step = _number(first)
    low, step = low * scale1 * factor, step * scale1 * factor
    high = low
    if second:
        value, second_step = _number(second)
        high = value * (scale2 if match["scale2"] else scale1) * factor
        step = min(step, second_step * scale2 * factor)
    if match["sign"]:
        low, high = -low, (high if second else -low)
    joined = dimension and match["rest"] and match["unit1"] is None
    end = match.end("rest") if joined else _number_end(match)
    kind: Kind = "percent" if percent else "number"
    if _is_year(first, second, match, dimension):
        kind = "year"
    return Quantity(
        text[match.start() : end].strip(), match.start(), end, low, high, step, kind, dimension,
        "" if percent else rest,
    )  # fmt: skip


def _number_end(match: re.Match[str]) -> int:
    groups = ("first", "scale1", "unit1", "second", "scale2")
    return max(match.end(group) for group in groups if match[group] is not None)


def _is_year(first: str, second: str | None, match: re.Match[str], dimension: str) -> bool:
    plain = re.fullmatch(r"(?:18|19|20)\d\d", first) is not None
    return (
        plain
        and not (second or match["scale1"] or match["sign"] or dimension)
        and not (
            # "2048 tokens" and "2000 steps" are amounts
            re.fullmatch(
                r"(?:token|step|dim|word|example|head|layer|unit|parameter|sequence|gpu|flop)\w*",
                (match["rest"] or "").strip(" -").lower(),
            )
        )
    )


def _scale(text: str | None) -> float:
    return _SCALES[text.strip(" -").lower()] if text else 1.0


def _unit(word: str) -> tuple[float, str]:
    if word in _BYTES:
        return float(_BYTES[word]), "bytes"
    if word in _SECONDS:
        return float(_SECONDS[word]), "seconds"
    return 1.0, ""


def _number(text: str) -> tuple[float, float]:
    """Return a number's value and one unit in its last place."""
    plain = text.translate(_SUPERSCRIPTS) if not _has_superscript(text) else _raise(text)
    plain = unicodedata.normalize("NFKC", plain).replace(",", "").replace(" ", "")
    plain = re.sub(r"[×x·*]10\^\{?([+-]?\d+)\}?", r"e\1", plain)
    plain = re.sub(r"^10\^\{?([+-]?\d+)\}?$", r"1e\1", plain)
    mantissa, _, exponent = plain.partition("e")
    # Beyond what a float holds this is infinite, which agrees with nothing.
    power = float(f"1e{int(exponent or 0)}")
    decimals = len(mantissa.partition(".")[2])
    zeros = len(mantissa) - len(mantissa.rstrip("0")) if "." not in mantissa else 0
    # Trailing zeros of a whole number are taken as exact up to two places: 1,400 may be rounded.
    last_place = 10.0**-decimals if decimals else 10.0 ** max(0, zeros - 2)
    return float(mantissa) * power, last_place * power


def _has_superscript(text: str) -> bool:
    return any(character in "⁰¹²³⁴⁵⁶⁷⁸⁹" for character in text)


def _raise(text: str) -> str:
    return re.sub(r"10\s?([⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "10^" + m[1].translate(_SUPERSCRIPTS), text)
