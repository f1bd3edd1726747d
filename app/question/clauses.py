"""A message cut into clauses, each with what it does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.question.act_model import ASK, shipped, words

__all__ = ["Clause", "clauses"]

_BREAK = re.compile(r"(?<=[^\W_])[)\"']*(?:[.!;:…]+(?:\s+|$)|\?+[?!]*\s*|,\s+|\s+[-–—]+\s+|\n+)")
_JOINED = re.compile(r"\s+(?:and|but|plus|or)\s+", re.IGNORECASE)
# Below this a clause is a question: it is worse to leave one without an answer.
_SURE = 0.5
# A wish for an example of something is a question: wishes have next to no words of their own.
_VERY_SURE = 0.9
_MOST_STRANGE = 1
_MAY_NAME = frozenset({"challenge", "refer"})
_LONGEST = 24  # words
_NOT_JOINED = frozenset({ASK, "remark", "aside", "greet"})


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause with its place in code points, and what it does.

    `act` is `ask`, or one of those of `app.question.act_model`. All words of a clause that is
    `known` are such that acts are made of.
    """

    text: str
    start: int
    end: int
    act: str
    known: bool

    @property
    def asks(self) -> bool:
        """Whether it asks or tells something of its own."""
        return self.act == ASK


def clauses(text: str) -> list[Clause]:
    """Cut a message at its punctuation, and what is no question at its "and" as well."""
    found: list[Clause] = []
    start = 0
    for end, after in [(cut.start(), cut.end()) for cut in _BREAK.finditer(text)] + [
        (len(text), len(text))
    ]:
        if any(char.isalnum() for char in text[start:end]):
            found += _parts(text, start, end)
        start = after
    return found


def _parts(text: str, start: int, end: int) -> list[Clause]:
    joints = list(_JOINED.finditer(text, start, end))
    edges = [start, *(edge for joint in joints for edge in joint.span()), end]
    parts = [_clause(text, *edges[at : at + 2]) for at in range(0, len(edges), 2)]
    apart = len(parts) > 1 and not any(part.act in _NOT_JOINED for part in parts)
    return parts if apart else [_clause(text, start, end)]


def _clause(text: str, start: int, end: int) -> Clause:
    said, model = text[start:end], shipped()
    act, chance = model.likeliest(said)
    strange = sum(word not in model.own_words for word in words(said))
    sure = chance >= (_SURE if act in _MAY_NAME or not strange else _VERY_SURE)
    # What is asked of Citewise itself names nothing else: "is this mole dangerous?".
    most = 0 if act.startswith("about ") else _MOST_STRANGE
    fits = act in _MAY_NAME or strange <= most
    taken = sure and fits and len(said.split()) <= _LONGEST
    return Clause(said, start, end, act if taken else ASK, not strange)
