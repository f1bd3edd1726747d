"""True sentences made wrong in the ways that matter: numbers, names, directions and so on."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from index.text.names import names_in
from index.text.opposites import OPPOSITES
from index.text.quantities import quantities

__all__ = ["KINDS", "add_clause", "corrupt"]

_VERB = re.compile(
    r"\b(is|are|was|were|can|does|has|have|gives|uses|makes|needs|keeps|trains|adds|works|stays|"
    r"grows|reaches|holds|lets|takes|shows|helps|requires|allows|stores)\b"
)
_AUXILIARY = ("is", "are", "was", "were", "can", "does", "has", "have")
_ADDED = 7
_APART = 12
_QUANTIFIERS = (
    ("only", "not only"),
    ("all", "some"),
    ("every", "no"),
    ("always", "sometimes"),
    ("most", "few"),
    ("some", "all"),
    ("often", "never"),
    ("usually", "rarely"),
    ("each", "no"),
    ("never", "always"),
    ("without", "with"),
    ("with", "without"),
)
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


def _exchange(sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Let two numbers of one kind, or two names, change places."""
    numbers = [q for q in quantities(sentence) if q.kind != "year" and q.text[0].isdigit()]
    pairs = [
        ((a.start, a.start + len(a.text)), (b.start, b.start + len(b.text)))
        for a in numbers
        for b in numbers
        if a.end <= b.start and a.dimension == b.dimension and a.low != b.low
    ]
    found = [m for name in names_in(sentence) for m in re.finditer(re.escape(name), sentence)]
    pairs += [
        (a.span(), b.span()) for a in found for b in found
        if a.end() + _APART < b.start()
        and a.group().lower() != b.group().lower()
        and _form(sentence, a) == _form(sentence, b)
    ]  # fmt: skip
    if not pairs:
        return None
    (a, b), (c, d) = rng.choice(pairs)
    return sentence[:a] + sentence[c:d] + sentence[b:c] + sentence[a:b] + sentence[d:]


def _form(sentence: str, name: re.Match[str]) -> tuple[bool, bool]:
    """Tell authors from models: only names of one form are taken for each other."""
    credited = re.match(r" (?:et al|and|&)|,? \(?(?:19|20)\d\d", sentence[name.end() :]) is not None
    return credited, name.group()[1:].islower()


def _quantifier(sentence: str, names: Sequence[str], rng: random.Random) -> str | None:
    for said, other in _QUANTIFIERS:
        match = re.search(rf"\b{said}\b", sentence, re.IGNORECASE)
        if match:
            return sentence[: match.start()] + other + sentence[match.end() :]
    return None


def add_clause(sentence: str, other: str) -> str | None:
    """Return the sentence with the end of another one, which nothing bears, added to it."""
    tail = other.rstrip(".!?").split()[-_ADDED:]
    return f"{sentence.rstrip('.!?')}, and {' '.join(tail)}." if len(tail) == _ADDED else None


_Maker = Callable[[str, Sequence[str], random.Random], str | None]
_MAKERS: dict[str, _Maker] = {
    "number": _number,
    "name": _name,
    "direction": _direction,
    "negation": _negation,
    "exchange": _exchange,
    "quantifier": _quantifier,
}
KINDS = tuple(_MAKERS)
