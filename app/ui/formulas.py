r"""Formulas in TeX become MathML, which browsers draw by themselves: no script, no font to fetch.

A formula stands between `$…$`, `$$…$$`, `\(…\)` or `\[…\]`. A dollar sign may also be money or
a variable of a shell or template, so what stands between two of them must look like a formula. TeX
is data of whoever wrote it: the converter's elements are written out one by one, and only those of
a fixed list.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element  # nosec B405 - nothing is parsed, elements are read

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from app.ui import safe

__all__ = ["Formula", "formula_html", "formulas_in", "read_formulas", "with_formulas"]

_LONGEST = 2000
_LONGEST_INLINE = 400
_DEEPEST = 24
_CLOSING = {"$$": "$$", r"\[": r"\]", r"\(": r"\)", "$": "$"}
_COMMAND = re.compile(r"\\[A-Za-z]+(?:\s*\{[^{}]*\})?|[_^]\{[^{}]*\}")
_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]{3,}")
_MONEY = re.compile(r"[\d.,]+\s*(?:[kKmMbB]\b|[A-Za-z]{2,}|[/–-])")
# What sets a formula apart from a name such as PATH: a sign, a function of something, an index.
_OF_MATHEMATICS = re.compile(
    r"[\\^=<>+*×·−∈∑]|\w\(|(?<![A-Za-z\d_])[A-Za-z]_|"
    r"(?:\b\w|[)\]])\s*[-/]\s*(?:\w\b|[(\[])"
)
_ELEMENTS = frozenset(
    "math mrow mi mn mo ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder "
    "munderover mmultiscripts mprescripts none mtable mtr mtd mpadded mphantom mstyle "
    "menclose".split()
)
_ATTRIBUTES = frozenset(
    "display displaystyle mathvariant stretchy fence form separator lspace rspace minsize maxsize "
    "movablelimits symmetric largeop accent accentunder linethickness columnalign rowspacing "
    "columnspacing columnlines rowlines width height depth voffset scriptlevel mathsize notation "
    "numalign denomalign".split()
)
_VALUE = re.compile(r"[\w.%+ -]{0,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula's TeX, where it stands with its delimiters, and whether on a line of its own."""

    start: int
    end: int
    source: str
    display: bool


def with_formulas(text: str) -> str:
    """Escape plain text, with its formulas drawn."""
    parts, position = [], 0
    for found in formulas_in(text):
        parts += [
            safe.text(text[position : found.start]),
            formula_html(found.source, display=found.display),
        ]
        position = found.end
    return "".join([*parts, safe.text(text[position:])])


def formulas_in(text: str) -> Iterator[Formula]:
    """Find the formulas of a text, in order."""
    position = 0
    while position < len(text):
        start = min((at for at in map(text.find, "$\\", (position,) * 2) if at >= 0), default=-1)
        if start < 0:
            return
        found = _formula_at(text, start)
        if found is not None:
            yield found
            position = found.end
        else:
            position = start + 1 + (text[start] == "\\")


def formula_html(source: str, *, display: bool) -> str:
    """Draw a formula; one that can't be drawn is shown as it was written."""
    drawn = _mathml(source, display)
    if drawn is None:
        return f"<code>{safe.text(source)}</code>"
    return f'<span class="formula">{drawn}</span>' if display else drawn


def read_formulas(markdown: MarkdownIt) -> None:
    """Have a Markdown parser make `formula` tokens: TeX in `content`, `display` in `meta`."""
    markdown.inline.ruler.before("escape", "formula", _inline)
    markdown.block.ruler.before(
        "fence", "formula", _block, {"alt": ["paragraph", "blockquote", "list"]}
    )


def _inline(state: StateInline, silent: bool) -> bool:
    found = _formula_at(state.src, state.pos)
    if found is None or found.end > state.posMax:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.meta = found.source, {"display": found.display}
    state.pos = found.end
    return True


def _block(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    begin = state.bMarks[startLine] + state.tShift[startLine]
    if state.is_code_block(startLine) or state.src[begin : begin + 2] not in ("$$", r"\["):
        return False
    closing = _CLOSING[state.src[begin : begin + 2]]
    for line in range(startLine, endLine):
        if state.isEmpty(line):
            return False
        inside = state.src[begin : state.eMarks[line]].rstrip()
        if len(inside) >= 5 and inside.endswith(closing):
            found = _formula_at(inside, 0)
            if found is None or found.end != len(inside):
                return False
            if not silent:
                token = state.push("formula", "math", 0)
                token.content, token.meta, token.block = found.source, {"display": True}, True
            state.line = line + 1
            return True
    return False


def _formula_at(text: str, at: int) -> Formula | None:
    opening = next((one for one in _CLOSING if text.startswith(one, at)), None)
    if opening is None or (at and text[at - 1] == "\\"):
        return None
    begin, money = at + len(opening), opening == "$"
    if money and (text[at - 1 : at].isalnum() or text[begin : begin + 1].isspace()):
        return None
    end = _closing_at(text, begin, _CLOSING[opening], money)
    if end is None:
        return None
    source = text[begin:end].strip()
    if not source or "\n\n" in source or (money and not _looks_like_one(source)):
        return None
    if "$" in opening and _WORD.search(source) and not _OF_MATHEMATICS.search(source):
        return None
    return Formula(at, end + len(opening), source, opening in ("$$", r"\["))


def _closing_at(text: str, begin: int, closing: str, money: bool) -> int | None:
    """Where the first closing delimiter stands that is not escaped."""
    last = begin + (_LONGEST_INLINE if money else _LONGEST)
    end = begin
    while (end := text.find(closing, end, last)) >= 0:
        after = text[end + len(closing) : end + len(closing) + 1]
        escaped = text[end - 1] == "\\"
        if not escaped and not (money and (text[end - 1].isspace() or after.isalnum())):
            return end
        end += 1
    return None


def _looks_like_one(source: str) -> bool:
    """Tell a formula from what stands between two amounts of money."""
    if "$" in source.replace(r"\$", ""):
        return False
    bare = _COMMAND.sub(" ", source)
    words = _WORD.findall(bare)
    if _MONEY.match(source) and not re.search(r"[\\^_=<>]", source):
        return False
    return len(words) < 3 and not (words and source[0].isdigit())


@lru_cache(maxsize=1024)
def _mathml(source: str, display: bool) -> str | None:
    """Convert TeX; None where it is too deep, too long or not understood."""
    from latex2mathml.converter import convert_to_element

    if len(source) > _LONGEST or _depth(source) > _DEEPEST:
        return None
    try:
        return _written(convert_to_element(source, display="block" if display else "inline"))
    except Exception:  # noqa: BLE001 - whatever it stumbles over, the reader sees the source
        return None


def _depth(source: str) -> int:
    deepest = depth = 0
    for char in source:
        depth += (char in "{[(") - (char in "}])")
        deepest = max(deepest, depth)
    return deepest + source.count(r"\left") + source.count(r"\begin")


def _written(element: Element) -> str:
    """Write an element of the list, its texts escaped once.

    Raises:
        ValueError: it is another element.
    """
    if element.tag not in _ELEMENTS:
        raise ValueError(f"got <{element.tag}>, expected an element of MathML Core")
    attributes = "".join(
        f' {name}="{value}"'
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.fullmatch(value)
    )
    inner = "".join(
        [_text(element.text), *(_written(child) + _text(child.tail) for child in element)]
    )
    return f"<{element.tag}{attributes}>{inner}</{element.tag}>"


def _text(value: str | None) -> str:
    # The converter gives signs as character references, which stand for themselves only here.
    return safe.text(html.unescape(value)) if value else ""
