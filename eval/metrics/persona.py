"""Persona adherence: does an answer have the shape and the register that its persona asks for?

What is looked at is what the persona files themselves ask for and what can be counted. Whether an
answer is right plays no part here; whether personas tell the same facts is `persona_invariance`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from eval.metrics.number_fidelity import figures
from eval.metrics.text import sentences, strip_markers, words

__all__ = ["Shape", "adherence", "checks", "margin"]

Shape = Literal["papers", "figures", "checklist"]
_SHAPES: tuple[Shape, ...] = ("papers", "figures", "checklist")
_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+(.*)")
_PREAMBLE = re.compile(
    r"\s*(?:sure|certainly|of course|absolutely|great question|good question|as an ai|hello|hi\b|"
    r"thank you|let me|i'd be happy|i would be happy|here(?:'s| is| are) (?:a|an|the|my|your)\b)",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:hope (?:this|that) helps|let me know|feel free to|happy to (?:help|explain)|"
    r"any (?:other|further|more) questions|in conclusion|to sum(?:marize| up))",
    re.IGNORECASE,
)
_SELF = re.compile(r"\b(?:I|I'm|I’m|my|me|myself)\b")
_CREDIT = re.compile(r"\bet al\b|\b[A-Z][\w’'-]+(?: (?:&|and) [A-Z][\w’'-]+)? \((?:19|20)\d\d\)"
                     r"|\b[A-Z][\w’'-]+, (?:19|20)\d\d\b")  # fmt: skip
_OPENING, _LEAD, _ITEMS, _ITEM_WORDS = 2, 3, 2, 35


def checks(text: str, shape: Shape) -> Mapping[str, bool]:
    """Tell which of its persona's marks an answer bears.

    Register, of every persona: no preamble, no closing phrase, no first person.
    Shape `papers` (the expert): it opens in prose, is mostly prose, and credits a study by author
    or year. `figures` (the architect): a figure within the first two sentences, and in at least
    half of all; a year is none. `checklist` (the engineer): one to three sentences first, then
    two items or more, each of at most 35 words.

    Args:
        text: an answer, not an abstention; citation markers may be in it.
        shape: the persona's.
    """
    plain = strip_markers(text)
    lines = [line for line in plain.splitlines() if line.strip()]
    items = [found[1] for line in lines if (found := _ITEM.match(line))]
    opening = sentences(" ".join(_before_items(lines)))
    register = {
        "no preamble": not _PREAMBLE.match(plain),
        "no closing phrase": not _CLOSING.search(plain),
        "no first person": not _SELF.search(plain),
    }
    every = sentences(plain)
    if shape == "papers":
        own = {
            "opens in prose": bool(opening),
            "mostly prose": len(items) <= len(every) / 2,
            "credits a study": bool(_CREDIT.search(plain)),
        }
    elif shape == "figures":
        told = [_tells_figure(sentence) for sentence in every]
        own = {
            "opens with a figure": any(told[:_OPENING]),
            "mostly figures": bool(every) and sum(told) >= len(every) / 2,
        }
    else:
        own = {
            "opens with a recommendation": 1 <= len(opening) <= _LEAD,
            "steps": len(items) >= _ITEMS,
            "short steps": bool(items) and all(len(words(i)) <= _ITEM_WORDS for i in items),
        }
    return {**register, **own}


def _before_items(lines: list[str]) -> list[str]:
    first = next((i for i, line in enumerate(lines) if _ITEM.match(line)), len(lines))
    return lines[:first]


def _tells_figure(sentence: str) -> bool:
    return any(
        not (figure.kind == "number" and 1900 <= figure.value < 2100 and figure.value % 1 == 0)
        for figure in figures(sentence)
    )


def adherence(text: str, shape: Shape) -> float | None:
    """Share of its persona's marks that an answer bears; None without text.

    ½ (share of the register's marks) + ½ (share of the shape's), so that the three marks of
    register, which a plain answer has for nothing, don't outweigh the shape.
    """
    if not text.strip():
        return None
    found = list(checks(text, shape).values())
    return (_mean(found[:3]) + _mean(found[3:])) / 2


def margin(text: str, shape: Shape) -> float | None:
    """How much better an answer fits its own persona's shape than the others', -1 to 1.

    Share of its shape's marks, less the mean share of the other shapes'. 0 says that the answer
    could be anyone's. None without text.
    """
    if not text.strip():
        return None
    shares = {each: _mean(list(checks(text, each).values())[3:]) for each in _SHAPES}
    others = [share for each, share in shares.items() if each != shape]
    return shares[shape] - sum(others) / len(others)


def _mean(flags: list[bool]) -> float:
    return sum(flags) / len(flags)
