"""Nuggets: which of the facts that an answer should hold does it hold?

The shape is AutoNuggetizer's (Pradeep et al. 2024) after the TREC QA track (Voorhees 2003); the
matcher is deterministic instead of a model, so that the same answer always gets the same score.
Its limits: a fact told in quite other words is missed, and a short alias may be met in a
sentence that says something else. How much it misses is reported beside the scores as its
ceiling: the recall of the gold passages themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from eval.cases import Nugget
from eval.metrics.number_fidelity import figures, same
from eval.metrics.text import content, fold, sentences, strip_markers, words

__all__ = ["matched", "nugget_precision", "nugget_recall", "says"]

_COVERED = 0.65
_ALLOWANCE = 100
_SHORT = 3


def says(text: str, nugget: Nugget) -> bool:
    """Tell whether a text holds a nugget.

    It does if it has an alias, or the nugget's own words, as a run of whole words; or if one
    sentence, or two in a row, have all the figures of the nugget and at least 65% of its
    content words.
    """
    plain = strip_markers(text)
    run = f" {' '.join(words(plain))} "
    for phrase in (nugget.text, *nugget.aliases):
        tokens = words(phrase)
        if tokens and f" {' '.join(tokens)} " in run and _symbols_kept(phrase, plain):
            return True
    parts = sentences(plain)
    windows = [*parts, *(f"{a} {b}" for a, b in pairwise(parts))]
    return any(
        _covers(window, phrase)
        for phrase in (nugget.text, *(a for a in nugget.aliases if len(content(a)) >= 3))
        for window in windows
    )


def _symbols_kept(phrase: str, text: str) -> bool:
    """A short alias made of symbols (h/G, O(n), 4×, 20%) must be there with them."""
    if len(words(phrase)) > _SHORT or not any(symbol in phrase for symbol in "%/^×=()√²³"):
        return True
    if "%" in phrase:
        given = figures(text)
        return all(any(same(one, other) for other in given) for one in figures(phrase))
    return fold(phrase).replace(" ", "") in fold(text).replace(" ", "")


def _covers(window: str, phrase: str) -> bool:
    given = figures(window)
    if not all(any(same(figure, other) for other in given) for figure in figures(phrase)):
        return False
    stems = {stem for stem in content(phrase) if not stem[0].isdigit()}
    if not stems:
        return False
    return len(stems & set(content(window))) >= _COVERED * len(stems)


def matched(text: str, nuggets: Sequence[Nugget]) -> list[bool]:
    """Tell for each nugget whether the text holds it."""
    return [says(text, nugget) for nugget in nuggets]


def nugget_recall(
    nuggets: Sequence[Nugget], held: Sequence[bool], *, vital: bool = True
) -> float | None:
    """Share of the (vital) nuggets that are held: |{n ∈ V : held}| / |V|; None without any.

    AutoNuggetizer's "vital strict" score; with `vital` False, "all strict".
    """
    counted = [h for nugget, h in zip(nuggets, held, strict=True) if nugget.vital or not vital]
    return sum(counted) / len(counted) if counted else None


def nugget_precision(text: str, held: Sequence[bool]) -> float | None:
    """How much of an answer's length its nuggets pay for.

    With a = 100 · (nuggets held) and l = characters that are not white space:
    1 if l < a, else 1 - (l - a) / l. Voorhees (2003), section 4.2. None without nuggets or text.
    """
    length = sum(not character.isspace() for character in strip_markers(text))
    if not held or not length:
        return None
    allowed = _ALLOWANCE * sum(held)
    return 1.0 if length < allowed else 1 - (length - allowed) / length
