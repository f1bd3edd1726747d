"""A message cut into clauses, each with what it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.question.act_meaning import Meaning
from app.question.act_model import ASK, shipped, words

__all__ = ["Clause", "clauses"]

# Punctuation, and what people put in its place: an emoji, a smile.
_BREAK = re.compile(
    r"(?<=[^\W_])[)\"']*(?:[.!;:…]+(?:\s+|$)|\?+[?!]*\s*|,\s+|\s+[-–—]+\s+|\n+"
    r"|\s*[\u2600-\u27bf\U0001f300-\U0001faff\ufe0f]+\s*|\s+[:;]['-]?[()DPp/|]+(?:\s+|$))"
)
_JOINED = re.compile(r"\s+(?:and|but|plus|or)\s+", re.IGNORECASE)
# Below this a clause is a question: it is worse to leave one without an answer.
_SURE, _SURE_TOGETHER = 0.65, 0.7
# A wish for an example of something is a question: wishes have next to no words of their own.
_VERY_SURE, _VERY_SURE_TOGETHER, _NO_DOUBT = 0.95, 0.75, 0.97
_MOST_STRANGE = 1
# By its meaning it may have more of them, and no more: a clause of the field is full of them.
_MOST_STRANGE_MEANT = 3
# What is no question that can be answered need only be this likely.
_PERHAPS = 0.25
_FAINTLY, _MOSTLY = 0.05, 0.5
_MAY_NAME = frozenset({"challenge", "refer"})
_LONGEST = 24  # words
_NOT_JOINED = frozenset({ASK, "remark", "aside", "greet"})


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause with its place in code points, and what it does.

    `act` is `ask`, or one of those of `app.question.act_model`. All words of a clause that is
    `known` are such that acts are made of; `sure` is one of which there is no doubt.
    """

    text: str
    start: int
    end: int
    act: str
    known: bool
    sure: bool = False

    @property
    def asks(self) -> bool:
        """Whether it asks or tells something of its own."""
        return self.act == ASK


def clauses(text: str, meaning: Meaning | None = None, *, unanswered: bool = False) -> list[Clause]:
    """Cut a message at its punctuation, and what is no question at its "and" as well.

    Args:
        text: the message.
        meaning: what reads clauses by their meaning; None reads them by their words alone.
        unanswered: whether it finds no answer as a question, and so is likely none.
    """
    tell = partial(_clause, meaning=meaning, unanswered=unanswered)
    found: list[Clause] = []
    start = 0
    for end, after in [(cut.start(), cut.end()) for cut in _BREAK.finditer(text)] + [
        (len(text), len(text))
    ]:
        if any(char.isalnum() for char in text[start:end]):
            found += _parts(text, start, end, tell)
        start = after
    return found


def _parts(
    text: str, start: int, end: int, tell: Callable[[str, int, int], Clause]
) -> list[Clause]:
    joints = list(_JOINED.finditer(text, start, end))
    edges = [start, *(edge for joint in joints for edge in joint.span()), end]
    parts = [tell(text, *edges[at : at + 2]) for at in range(0, len(edges), 2)]
    apart = len(parts) > 1 and not any(part.act in _NOT_JOINED for part in parts)
    return parts if apart else [tell(text, start, end)]


def _clause(
    text: str, start: int, end: int, *, meaning: Meaning | None, unanswered: bool
) -> Clause:
    said, model = text[start:end], shipped()
    strange = sum(word not in model.own_words for word in words(said))
    chances = model.chances(said) if meaning is None else meaning.chances(said, model)
    if unanswered:
        chances.pop(ASK)
    act = max(chances, key=chances.__getitem__)
    if unanswered:
        # In words that acts are made of next to nothing must speak for it but that no other does.
        alone = chances[act] >= _MOSTLY * sum(chances.values())
        least = _FAINTLY if alone and strange <= _MOST_STRANGE else _PERHAPS
        taken = chances[act] >= least
    elif meaning is None:
        taken = _taken_by_words(act, chances[act], strange)
    else:
        taken = chances[act] >= (_VERY_SURE_TOGETHER if strange else _SURE_TOGETHER)
        taken = taken and strange <= _MOST_STRANGE_MEANT
    taken = taken and len(said.split()) <= _LONGEST
    sure = not strange and chances[act] >= _NO_DOUBT
    return Clause(said, start, end, act if taken else ASK, not strange, sure)


def _taken_by_words(act: str, chance: float, strange: int) -> bool:
    """Tell whether a clause is taken for an act of which some words are strange to all acts."""
    if act in _MAY_NAME:
        return chance >= (_VERY_SURE if strange else _SURE)
    # What is asked of Citewise itself names nothing else: "is this mole dangerous?".
    most = 0 if act.startswith("about ") else _MOST_STRANGE
    return strange <= most and chance >= (_NO_DOUBT if strange else _SURE)
