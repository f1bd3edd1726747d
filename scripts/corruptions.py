"""True sentences made wrong in the ways that matter: numbers, names, directions, negations."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from app.checks import OPPOSITES
from app.evidence import names_in
from index.quantities import quantities

__all__ = ["KINDS", "corrupt"]

_VERB = re.compile(
    r"\b(is|are|was|were|can|does|has|have|gives|uses|makes|needs|keeps|trains|adds|works|stays|"
    r"grows|reaches|holds|lets|takes|shows|helps|requires|allows|stores)\b"
)
_AUXILIARY = ("is", "are", "was", "were", "can", "does", "has", "have")
_NEGATED = re.compile(r"\b(?:not|no|never|nor|neither|without|cannot)\b|n't")


def corrupt(kind: str, sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Return the sentence made wrong in one way, or None where that way does not apply."""
    made = _MAKERS[kind](sentence, names, rng)
    return made if made and made != sentence else None


def _number(sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = [q for q in quantities(sentence) if q.kind != "year" and re.search(r"\d", q.text)]
    if not found:
        return None
    quantity = rng.choice(found)
    match = re.search(r"\d[\d,.]*", quantity.text)
    if match is None:
        return None
    old = match.group().rstrip(".,")
    value = float(old.replace(",", "")) * rng.choice([0.5, 0.8, 1.2, 1.5, 2, 3, 10])
    decimals = len(old.partition(".")[2])
    new = f"{value:.{decimals}f}" if decimals else str(max(1, round(value)))
    if new == old.replace(",", ""):
        new = str(int(float(new)) + 7)
    start = quantity.start + match.start()
    return sentence[:start] + new + sentence[start + len(old) :]


def _name(sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    found = [name for name in names_in(sentence) if len(name) > 2]
    if not found:
        return None
    old = rng.choice(found)
    others = [name for name in names if name.lower() != old.lower()]
    return sentence.replace(old, rng.choice(others))


def _direction(sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    for left, right in rng.sample(OPPOSITES, len(OPPOSITES)):
        for word in sorted(left | right):
            match = re.search(rf"\b{word}\b", sentence, re.IGNORECASE)
            if match:
                others = sorted(right if word in left else left)
                # The opposite of the same form: "rises" becomes "falls", "higher" "lower".
                alike = [o for o in others if o[-2:] == word[-2:]] or others
                other = rng.choice(alike)
                return sentence[: match.start()] + other + sentence[match.end() :]
    return None


def _negation(sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    match = _VERB.search(sentence)
    if match is None or _NEGATED.search(sentence):
        return None
    verb = match.group()
    denied = f"{verb} not" if verb in _AUXILIARY else f"does not {verb.removesuffix('s')}"
    return sentence[: match.start()] + denied + sentence[match.end() :]


_Maker = Callable[[str, Sequence[str], random.Random], str | None]
_MAKERS: dict[str, _Maker] = {
    "number": _number,
    "name": _name,
    "direction": _direction,
    "negation": _negation,
}
KINDS = tuple(_MAKERS)
