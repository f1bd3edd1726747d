"""Statements that give their own result, and results that are not that."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from index.audit.expression import Side, Token, UnitValue, parse_side, tokenize
from index.audit.findings import Finding, Kind, Severity
from index.audit.numbers import NUMBER, number_from
from index.audit.printed_units import UnitReading
from index.audit.topic_texts import Text, clauses, passage_texts, topic_texts
from index.types import DataPoint, KnowledgeBase, Passage

__all__ = ["Miscomputed", "arithmetic", "miscomputed"]

_FURTHEST_BACK = 40
_RELATION = re.compile("[=≈≃≅]")
_ASSIGNMENT = re.compile(
    r"(?<![\w·×*/^+])([^\W\d]+_[\w{}]+)\s*=\s*(\d[\d,]*(?:\.\d+)?)(?![\w.]*\s*[×·*/^+\d])"
)


def _bindings(texts: Iterable[Text]) -> dict[str, float]:
    """Variables to which texts give one value and no other, such as d_model = 512."""
    values: dict[str, set[float]] = {}
    for text in texts:
        for name, value in _ASSIGNMENT.findall(text.text):
            values.setdefault(name, set()).add(float(value.replace(",", "")))
    return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}


def _left(
    tokens: list[Token], relation: int, names: Mapping[str, float]
) -> tuple[int, Side] | None:
    """Where the longest expression begins that ends where the relation stands, and the expression.

    Its end is that of `Side.end`, an index of `tokens`; so is its beginning.
    """
    if tokens[relation - 1].kind == "word" and tokens[relation - 1].text in names:
        return None  # "4× d_model = 512" assigns, it does not multiply
    for start in range(max(0, relation - _FURTHEST_BACK), relation):
        before = tokens[start - 1] if start else None
        # What follows an operator or a bracket is the rest of something unreadable.
        if before is not None and before.kind in ("op", "open", "range", "number", "sup", "root"):
            continue
        if before is not None and before.kind == "approx":
            continue
        side = parse_side(tokens, start, names)
        if side is not None and side.end == relation:
            return start, side
    return None


def _right(tokens: list[Token], relation: int, names: Mapping[str, float]) -> Side | None:
    side = parse_side(tokens, relation + 1, names)
    if side is None:
        return None
    after = tokens[side.end] if side.end < len(tokens) else None
    if after is not None:
        unread = after.kind in ("range", "sup", "pi", "root", "number")
        times = after.text == "×"  # "≈ 1.044× longer"
        if unread or (after.kind == "op" and not times):
            return None
        following = tokens[side.end + 1] if side.end + 1 < len(tokens) else None
        if times and following is not None and following.kind in ("number", "open"):
            return None
    return side


def _readings(left: Side, right: Side) -> Iterator[UnitReading]:
    """The ways in which the units of an equation may be meant."""
    single = len(left.printed | right.printed) == 1
    return (reading for reading in UnitReading.all() if single or not reading.shared)


def _agree(left: Side, right: Side, approximately: bool) -> bool:
    """Whether some reading of the units makes both sides equal within what they state."""
    for reading in _readings(left, right):
        a, b = left.readings[reading], right.readings[reading]
        slack = sum(_slack(side, q, approximately) for side, q in ((left, a), (right, b)))
        scale = max(abs(a.value), abs(b.value))
        if abs(a.value - b.value) <= slack + 1e-6 * scale:
            return True
    return False


def _slack(side: Side, quantity: UnitValue, approximately: bool) -> float:
    if side.literal is None:
        return quantity.error
    factor = quantity.value / side.literal.value if side.literal.value else 1.0
    step = side.literal.step
    if approximately and side.literal.counted:
        # "≈ 11,600" is stated to the hundred; "= 11,600" to the unit.
        digits = f"{side.literal.value:.0f}"
        step = 10.0 ** (len(digits) - len(digits.rstrip("0"))) if side.literal.value else step
    return abs(step * factor) * (1.0 if approximately else 0.5)


def _shown(value: float) -> str:
    if 1000 <= abs(value) < 1e15 or value == int(value):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Miscomputed:
    """A result that does not follow from the calculation that is given with it.

    `stated` is the result as printed and `worked` what comes out instead, written alike; `value`
    and `right` are the two in base units. `equation` is both sides as printed.
    """

    stated: str
    worked: str
    value: float
    right: float
    equation: str


def _wrong_equations(text: str, names: Mapping[str, float]) -> Iterator[Miscomputed]:
    """The equations in a text that don't hold under any reading of their units."""
    tokens = tokenize(text)
    for i, token in enumerate(tokens):
        if token.kind != "relation" or i == 0 or i + 1 >= len(tokens):
            continue
        found, right = _left(tokens, i, names), _right(tokens, i, names)
        if found is None or right is None:
            continue
        begin, left = found
        same_units = bool(left.units) and left.units == right.units
        if not (left.computed or right.computed or same_units):
            continue  # "1,000 words ≈ 1,300 tokens" states no calculation
        approximately = token.text != "=" or left.approx or right.approx
        if _agree(left, right, approximately):
            continue
        stated, worked = (right, left) if left.computed else (left, right)
        times = _times(worked, stated)
        b = stated.readings[UnitReading()].value
        first, last = (i + 1, right.end - 1) if left.computed else (begin, i - 1)
        printed = text[tokens[first].start : tokens[last].end]
        equation = text[tokens[begin].start : tokens[right.end - 1].end]
        yield Miscomputed(printed, _as_printed(printed, times), b, b * times, equation)


def _times(worked: Side, stated: Side) -> float:
    """How many times what is stated comes out; where the units may be meant otherwise, the nearest.

    "7 × 24 = 148 hours" means 168 hours, not 168 of something else.
    """
    readings = [UnitReading(), UnitReading(time=False), UnitReading(percent=False)]
    readings += [one for one in _readings(worked, stated) if one == UnitReading(shared=True)]
    both = ((worked.readings[one].value, stated.readings[one].value) for one in readings)
    found = [a / b for a, b in both if b]
    return min(
        found, key=lambda times: abs(math.log(times)) if times > 0 else math.inf, default=0.0
    )


def _as_printed(printed: str, times: float) -> str:
    """A printed figure so many times as large, with its unit."""
    number = NUMBER.search(printed)
    if number is None:
        return printed
    value = number_from(number).value * times
    return f"{printed[: number.start()]}{_shown(value)}{printed[number.end() :]}"


def _equations(text: Text, names: Mapping[str, float]) -> Iterator[Finding]:
    for wrong in _wrong_equations(text.text, names):
        off = abs(wrong.right - wrong.value) / max(abs(wrong.right), abs(wrong.value))
        yield Finding(
            Kind.ARITHMETIC_RESULT,
            Severity.ERROR if off > 0.02 else Severity.WARNING,
            text.place,
            f"{_shown(wrong.right)} is stated as {_shown(wrong.value)}: “{wrong.equation}”",
            f"the expression was evaluated; the two differ by {off:.1%} of the larger one, more "
            "than the digits given allow, under every reading of the units",
            stated=wrong.value,
        )


# -- differences: "18% → 57% (+39 points)" ---------------------------------------------------

_PERCENT = r"(\d+(?:\.\d+)?)\s?%"
_PAIR = re.compile(
    rf"(?:from\s+)?{_PERCENT}\s*(?:→|->|to|vs\.?|versus)\s*{_PERCENT}[^.;%]{{0,30}}?"
    r"[(;,:—–]\s*(?:a\s+)?([+−-]?)(\d+(?:\.\d+)?)(?:\s?%|[\s-](?:percentage[\s-])?points?\b)"
)


def _differences(text: Text) -> Iterator[Finding]:
    for match in _PAIR.finditer(text.text):
        first, second, stated = float(match[1]), float(match[2]), float(match[4])
        digits = max(len(match[i].partition(".")[2]) for i in (1, 2, 4))
        off = abs(abs(second - first) - stated)
        relative = {abs(second / first - 1) * 100, abs(first / second - 1) * 100} if (
            first and second
        ) else set()  # fmt: skip
        if off <= 10.0**-digits + 1e-9 or any(abs(r - stated) < 1 for r in relative):
            continue
        if stated in (first, second) or not match[3]:
            continue
        apart = f"{abs(second - first):.{digits}f}"
        yield Finding(
            Kind.ARITHMETIC_DIFFERENCE,
            Severity.WARNING,
            text.place,
            f"the difference is {apart}, not {match[4]}: “{match.group()}”",
            "the two figures were subtracted, and divided, and neither gives the change stated",
        )


# -- shares: "60% web, 22% books, 16% Wikipedia" ----------------------------------------------

_SHARE = re.compile(r"(?P<n>\d+(?:\.\d+)?)\s?%\s+(?P<what>[^\d%,;.]{2,40}?)(?=,|;|\.|$|\s+and\s)")
_LABELS_A_WHOLE = re.compile(
    r"\b(?:composition|breakdown|mix|mixture|split|shares?|distribution|makeup|proportions)\b", re.I
)


def _shares(point: DataPoint, place: str) -> Iterator[Finding]:
    """Shares in a value whose label says that they make up a whole."""
    found = [float(m["n"]) for m in _SHARE.finditer(point.value)]
    stands_alone = re.fullmatch(
        r"(?:[~≈]?\s*\d+(?:\.\d+)?\s?%[^%]*?(?:,|;|and|/|\+|$)\s*)+", point.value
    )
    if len(found) < 3 or not stands_alone or not _LABELS_A_WHOLE.search(point.label):
        return
    total = sum(found)
    if abs(total - 100) > max(0.5 * len(found), 1.0) + 1e-9:
        yield Finding(
            Kind.ARITHMETIC_SHARES,
            Severity.WARNING,
            place,
            f"the shares add up to {total:g}%: “{point.value}”",
            f"“{point.label}” names the parts of one whole, which make 100%",
        )


_OF = re.compile(
    rf"(?<!\w){NUMBER.pattern}(?P<between>[^\d.;:,()]{{0,25}}?\b(?:vs\.?|versus|of|out of)\b"
    r"[^\d.;:,()]{0,15}?)(?=\d)"
)
_ONE_PERCENTAGE = re.compile(r"[~≈<>≤≥]?\s*(\d+(?:\.\d+)?)\s?%?\s*")


def _parts(point: DataPoint, place: str) -> Iterator[Finding]:
    """A percentage as value, and in the note the part and the whole: "4.7M of 175B"."""
    value = _ONE_PERCENTAGE.fullmatch(point.value)
    if value is None or ("%" not in point.value and not point.unit.startswith("%")):
        return
    for part in _OF.finditer(point.note):
        whole = NUMBER.match(point.note, part.end())
        if whole is None or not (part["scale"] or part["word"]):
            continue
        if not (whole["scale"] or whole["word"]):
            continue
        ratio = 100 * number_from(part).value / number_from(whole).value
        stated = float(value[1])
        if any(abs(r - stated) <= 0.2 * stated for r in (ratio, 100 - ratio, ratio - 100)):
            continue
        yield Finding(
            Kind.ARITHMETIC_RESULT,
            Severity.WARNING,
            place,
            f"“{point.note[part.start() : whole.end()]}” is {ratio:.2g}%, not {point.value}",
            "the part was divided by the whole that the note names",
        )


@lru_cache(maxsize=4096)  # popular passages are retrieved again and again
def miscomputed(passage: Passage) -> tuple[Miscomputed, ...]:
    """The results in a passage that don't follow from their own calculations."""
    texts = [text for text in passage_texts(passage) if _RELATION.search(text.text)]
    names = _bindings(texts) if texts else {}
    return tuple(wrong for text in texts for wrong in _wrong_equations(text.text, names))


def arithmetic(base: KnowledgeBase) -> Iterator[Finding]:
    """Results, differences and shares that don't follow from the figures beside them."""
    for topic in base.topics:
        names = _bindings(topic_texts(topic))
        for text in topic_texts(topic):
            yield from _equations(text, names)
            for clause in clauses(text.text):
                yield from _differences(Text(text.topic, text.place, clause))
        for i, point in enumerate(topic.data_points):
            yield from _shares(point, f"{topic.slug}/data/{i}.value")
            yield from _parts(point, f"{topic.slug}/data/{i}.value")
