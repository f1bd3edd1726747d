"""A small evaluator of the arithmetic that stands in prose.

It knows numbers as people write them, + − × ÷ / ^ √, superscripts, brackets, units and the
nouns that people put behind a number ("8 heads × 6 encoder layers"). It evaluates nothing else:
no names but those it is given, no calls.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from index.audit.numbers import NUMBER, SUPERSCRIPT, Number, number_from, superscript_value
from index.audit.printed_units import UNITS, PrintedUnit, UnitReading

__all__ = ["Side", "Token", "UnitValue", "parse_side", "tokenize"]

_TOKEN = re.compile(
    r"(?P<relation>[=≈≃≅])|(?P<approx>~|(?:about|roughly|approximately|nearly|around)\b)"
    r"|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<pi>π)|(?P<root>√)|(?P<percent>%|percent\b)"
    rf"|(?P<sup>[{SUPERSCRIPT}]+)|(?P<range>(?<=\w)[–‑-](?=\d))"
    r"|(?P<op>[×·*÷/^+−]|(?<=\s)-(?=\s)|(?<=\d\s)x(?=\s?\d))"
    r"|(?P<word>[^\W\d]\w*(?:[-/'’][^\W\d]\w*)*|\d+[-‑]?[^\W\d]\w*(?:[-/][^\W\d]\w*)*)"
    r"|(?P<other>\S)"
)
_STOP = frozenset(
    """and or vs versus to at with in for on is are was were while plus than then that which if
    so but from by as about between over under gives yields be not its it""".split()
)
_MOST_WORDS = 4
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text; `number` is set where it is a literal."""

    kind: str
    text: str
    start: int
    end: int
    number: Number | None = None


def tokenize(text: str) -> list[Token]:
    """Cut a text into numbers, operators, relations, brackets, words and the rest."""
    tokens, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        number = NUMBER.match(text, at)
        if number:
            tokens.append(Token("number", number.group(), at, number.end(), number_from(number)))
            at = number.end()
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            at += 1
            continue
        tokens.append(Token(str(match.lastgroup), match.group(), at, match.end()))
        at = match.end()
    return tokens


@dataclass(frozen=True, slots=True)
class UnitValue:
    """A value with its uncertainty: half a step of each rounded number that went into it."""

    value: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation, evaluated under every reading of its units.

    Attributes:
        readings: reading -> value; a side without units has the same value under each.
        computed: whether an operator stands in it.
        literal: the number where it is nothing but one.
        approx: whether it says itself that it is approximate.
        units: the families of the units in it that the evaluator knows.
        printed: those units themselves.
        end: index of the token after it.
    """

    readings: Mapping[UnitReading, UnitValue]
    computed: bool
    literal: Number | None
    approx: bool
    units: frozenset[str]
    printed: frozenset[PrintedUnit]
    end: int


class _CannotParse(Exception):
    """What stands here is no expression."""


@dataclass
class _Parser:
    tokens: list[Token]
    at: int
    names: Mapping[str, float]
    reading: UnitReading
    depth: int = 0
    operators: int = 0
    operands: int = 0
    approx: bool = False
    literal: Number | None = None
    units: set[str] = field(default_factory=set)
    printed: set[PrintedUnit] = field(default_factory=set)

    def _peek(self, ahead: int = 0) -> Token | None:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def _is_op(self, *texts: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "op" and token.text in texts

    def sum(self) -> UnitValue:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _CannotParse
        left = self._product()
        while self._is_op("+", "−", "-"):
            sign = 1 if self.tokens[self.at].text == "+" else -1
            self.at += 1
            self.operators += 1
            right = self._product()
            left = UnitValue(left.value + sign * right.value, left.error + right.error)
        self.depth -= 1
        return left

    def _product(self) -> UnitValue:
        left = self._power()
        while self._is_op("×", "·", "*", "x", "÷", "/"):
            if self.tokens[self.at].text == "×" and not self._operand_follows():
                break  # "7× faster": the sign belongs to the number
            times = self.tokens[self.at].text not in "÷/"
            self.at += 1
            self.operators += 1
            right = self._power()
            if not times and right.value == 0:
                raise _CannotParse
            relative = sum(q.error / abs(q.value) for q in (left, right) if q.value)
            value = left.value * right.value if times else left.value / right.value
            left = UnitValue(value, abs(value) * relative)
        return left

    def _operand_follows(self) -> bool:
        token = self._peek(1)
        return token is not None and (
            token.kind in ("number", "open", "pi", "root", "approx")
            or (token.kind == "word" and token.text in self.names)
            or (token.kind == "word" and len(token.text) <= 2 and token.text not in _STOP)
            or (token.kind == "word" and "_" in token.text)
        )

    def _power(self) -> UnitValue:
        base = self._operand()
        token = self._peek()
        if self._is_op("^"):
            self.at += 1
            self.operators += 1
            return _raised(base, self._power().value)
        if token is not None and token.kind == "sup":
            self.at += 1
            self.operators += 1
            try:
                return _raised(base, superscript_value(token.text))
            except ValueError as error:
                raise _CannotParse from error
        return base

    def _operand(self) -> UnitValue:
        token = self._peek()
        if token is not None and token.kind == "approx":
            self.approx = True
            self.at += 1
            token = self._peek()
        if token is None:
            raise _CannotParse
        self.at += 1
        self.operands += 1
        if token.kind == "number" and token.number is not None:
            return self._number(token.number)
        if token.kind == "pi":
            return UnitValue(math.pi)
        if token.kind == "root":
            inner = self._operand()
            if inner.value < 0:
                raise _CannotParse
            self.operators += 1
            return UnitValue(math.sqrt(inner.value), inner.error)
        if token.kind == "open":
            inner = self.sum()
            closing = self._peek()
            if closing is None or closing.kind != "close":
                raise _CannotParse
            self.at += 1
            return inner
        if token.kind == "word" and token.text in self.names:
            return UnitValue(self.names[token.text])
        raise _CannotParse

    def _number(self, number: Number) -> UnitValue:
        self.literal = number
        self._no_unknown()
        factor = self._unit()
        error = 0.0 if number.counted else number.step / 2
        if self._peek() is not None and self.tokens[self.at].kind == "pi":
            self.at += 1
            self.operators += 1
            factor *= math.pi
        self._nouns()
        return UnitValue(number.value * factor, error * factor)

    def _no_unknown(self) -> None:
        """Refuse 2x and 3n, which are so many times something unknown."""
        token, before = self._peek(), self.tokens[self.at - 1]
        glued = token is not None and token.kind == "word" and token.start == before.end
        if token is not None and glued and len(token.text) == 1 and token.text not in UNITS:
            raise _CannotParse

    def _unit(self) -> float:
        token = self._peek()
        if token is None:
            return 1.0
        if token.kind == "percent":
            self.at += 1
            self.units.add("%")
            return 0.01 if self.reading.percent else 1.0
        if token.kind == "word" and token.text in UNITS:
            self.at += 1
            unit = UNITS[token.text]
            self.units.add(unit.family)
            self.printed.add(unit)
            return unit.factor(self.reading)
        return 1.0

    def _nouns(self) -> None:
        """Step over the nouns behind a number, and over a remark in brackets."""
        for count in range(_MOST_WORDS, 0, -1):
            words = self.tokens[self.at : self.at + count]
            if len(words) < count or any(
                w.kind != "word" or w.text.lower() in _STOP or w.text in self.names or "_" in w.text
                for w in words
            ):
                continue
            after = self._peek(count)
            if after is None or after.kind in ("op", "relation", "close", "other"):
                self.at += count
                break
        opening = self._peek()
        if opening is not None and opening.text == "(":
            inside = self.at + 1
            while inside < len(self.tokens) and self.tokens[inside].kind in ("word", "op", "other"):
                inside += 1
            if (
                inside > self.at + 1
                and inside < len(self.tokens)
                and self.tokens[inside].text == ")"
                and all(t.kind != "op" or t.text in "+/-" for t in self.tokens[self.at : inside])
            ):
                self.at = inside + 1


def _raised(base: UnitValue, exponent: float) -> UnitValue:
    if abs(exponent) > 400 or (base.value <= 0 and exponent != int(exponent)):
        raise _CannotParse
    try:
        value = base.value**exponent
    except (OverflowError, ZeroDivisionError) as error:
        raise _CannotParse from error
    relative = base.error / abs(base.value) if base.value else 0.0
    return UnitValue(value, abs(value * exponent) * relative)


def parse_side(tokens: list[Token], at: int, names: Mapping[str, float]) -> Side | None:
    """The longest expression that begins at a token, or None where none does.

    Args:
        tokens: of the whole text.
        at: index of the first token of the expression.
        names: the values of the variables that may stand in it.
    """
    readings: dict[UnitReading, UnitValue] = {}
    parser = _Parser(tokens, at, names, UnitReading())
    for reading in UnitReading.all():
        parser = _Parser(tokens, at, names, reading)
        try:
            quantity = parser.sum()
        except (_CannotParse, OverflowError):
            return None
        if not math.isfinite(quantity.value):
            return None
        readings[reading] = quantity
        if not parser.units:
            readings = dict.fromkeys(UnitReading.all(), quantity)
            break
    return Side(
        readings=readings,
        computed=parser.operators > 0,
        literal=parser.literal if parser.operands == 1 and not parser.operators else None,
        approx=parser.approx,
        units=frozenset(parser.units),
        printed=frozenset(parser.printed),
        end=parser.at,
    )
