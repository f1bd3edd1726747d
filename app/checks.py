"""What can speak against a sentence: a number, a name or a direction that the evidence lacks.

Each check returns a reason in plain words, or "" where it finds nothing. They compare a
sentence with the run of a passage's sentences that comes closest to it, read under the
passage's heading and title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from app.evidence import Evidence, names_in
from index.lexical import content_words, tokenize
from index.quantities import Quantity, agree, quantities

__all__ = ["OPPOSITES", "Reading", "objection"]

_TOKEN = re.compile(r"n't|[A-Za-z][A-Za-z'-]*|\d[\d.,]*|[.;:!?()]")
# What denies outright, in the sentence; and what may deny, in the evidence.
_DENIALS = frozenset("not never neither nor cannot n't hardly barely".split())
_NEGATORS = _DENIALS | frozenset(
    "no none without rarely unlike lack lacks lacking fail fails failed nothing nobody nowhere "
    "instead rather few little seldom avoid avoids avoiding prevent prevents unable stop "
    "stops".split()
)
_REACH = 4
_STOPS = frozenset(".;:!?()")
_NEAR = 6
OPPOSITES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(left.split()), frozenset(right.split()))
    for left, right in (
        ("more greater higher larger bigger above increase increases increased increasing rise "
         "rises rising raise raises raised grow grows grew growing gain gains exceed exceeds widen "
         "widens "
         "longer deeper wider upper",
         "less fewer lower smaller below decrease decreases decreased decreasing fall falls fell "
         "falling lowers lowered shrink shrinks loss lose loses reduce reduces reduced reducing "
         "drop drops dropped narrow narrows shorter shallower narrower under"),
        ("before earlier prior precedes", "after later follows subsequently"),
        ("faster quicker quickly speeds", "slower slowly slows"),
        ("better outperform outperforms outperformed beat beats improve improves improved stronger",
         "worse underperform underperforms degrade degrades degraded hurt hurts weaker"),
        ("encoder", "decoder"),
        ("always every", "never none"),
        ("most maximum highest largest best", "least minimum lowest smallest worst"),
        ("cheap cheaper", "expensive costlier dearer"),
        ("first", "last"),
        ("easy easier", "hard harder difficult"),
        ("sharper sharpens sharp", "flatter flattens flat"),
        ("forward", "backward"),
        ("internal inner inside", "external outer outside"),
        ("positive", "negative"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A sentence beside the evidence that it is read against."""

    sentence: str
    items: tuple[Evidence, ...]
    spans: str

    @cached_property
    def context(self) -> str:
        """The spans with the headings and titles that they stand under."""
        heads = " ".join(f"{i.passage.heading}. {i.passage.title}." for i in self.items)
        return f"{self.spans} {heads}"


def objection(reading: Reading) -> str:
    """Return the first thing that speaks against a sentence, or ""."""
    return _number(reading) or _name(reading) or _negation(reading) or _direction(reading)


def _number(reading: Reading) -> str:
    stated = quantities(reading.context)
    known_years = {int(q.low) for q in stated if q.kind == "year"}.union(
        *(item.years for item in reading.items)
    )
    names = frozenset().union(*(item.names for item in reading.items))
    for claimed in quantities(reading.sentence):
        if claimed.kind == "year":
            if int(claimed.low) not in known_years:
                return f"the year {claimed.text} is not in the evidence"
            continue
        same = [other for other in stated if agree(claimed, other)] or _ends(claimed, stated)
        if not same and not (not claimed.dimension and claimed.text.lower() in names):
            return f"the number {claimed.text!r} is not in the evidence"
        if same and not _about_the_same(claimed, reading.sentence, same, reading.context):
            return f"the number {claimed.text!r} is about something else in the evidence"
    return ""


def _ends(claimed: Quantity, stated: Sequence[Quantity]) -> list[Quantity]:
    """Find a range's two ends where the evidence states them apart (from 56.5% up to 74.4%)."""
    if claimed.low == claimed.high:
        return []
    low = [q for q in stated if agree(replace(claimed, high=claimed.low), q)]
    high = [q for q in stated if agree(replace(claimed, low=claimed.high), q)]
    return [*low, *high] if low and high else []


def _about_the_same(
    claimed: Quantity, sentence: str, same: Sequence[Quantity], evidence: str
) -> bool:
    ours = _around(sentence, claimed)
    return not ours or any(ours & _around(evidence, other) for other in same)


def _around(text: str, quantity: Quantity) -> frozenset[str]:
    before = content_words(text[: quantity.start])[-_NEAR:]
    after = content_words(text[quantity.end :])[:_NEAR]
    return frozenset(word for word in (*before, *after) if not word[0].isdigit())


def _name(reading: Reading) -> str:
    said = frozenset(re.findall(r"[\w+-]+", reading.context.lower()))
    stems = frozenset(tokenize(reading.context))
    authors = frozenset(
        word
        for item in reading.items
        for source in item.passage.sources
        for word in re.findall(r"[\w+-]+", source.label.lower())
    )
    for name in names_in(reading.sentence):
        # In "Swish-activated" only the first part is a name.
        parts = [part.lower() for part in re.findall(r"[^\W_]+", name) if not part.islower()]
        credited = re.search(
            rf"{re.escape(name)}(?:'s)?(?: et al\.?| (?:and|&) \w+)?,? \(?\d{{4}}", reading.sentence
        )
        known = said | authors if credited or "et al" in reading.sentence else said
        if not all(_known(part, known, stems) for part in parts):
            return f"the name {name!r} is not in the evidence"
    return ""


def _known(part: str, said: frozenset[str], stems: frozenset[str]) -> bool:
    return (
        part in said
        or any(part in word.split("-") for word in said)
        or bool(set(tokenize(part)) & stems)
    )


def _negation(reading: Reading) -> str:
    ours = _reached(reading.sentence, _DENIALS, True)
    theirs = _reached(reading.context, _NEGATORS, True)
    here, there = _plain(reading.sentence), _plain(reading.context)
    shared = ours & there
    denied = shared - theirs
    # Where the evidence denies most of the same words, the two agree.
    if len(denied) > len(shared) / 2:
        return f"it denies what the evidence says of {sorted(denied)[0]!r}"
    outright = _reached(reading.context, _DENIALS, True)
    outright -= _reached(reading.context, _DENIALS, False)
    excused = _reached(reading.sentence, _NEGATORS, True)
    passed_over = {word for word in outright if word in here and word not in excused}
    if len(passed_over) >= 2 and not excused:
        return "it leaves out a negation of the evidence"
    return ""


def _direction(reading: Reading) -> str:
    sentence, evidence = _tokens(reading.sentence), _tokens(reading.context)
    for left, right in OPPOSITES:
        for same, opposite in ((left, right), (right, left)):
            for position, word in enumerate(sentence):
                if word in same and not _direction_stands(
                    sentence, position, evidence, same, opposite
                ):
                    return f"the evidence has the direction of {word!r} the other way round"
    return ""


def _direction_stands(
    sentence: Sequence[str],
    position: int,
    evidence: Sequence[str],
    same: frozenset[str],
    opposite: frozenset[str],
) -> bool:
    ours = _window(sentence, position)
    agreeing = [len(ours & _window(evidence, i)) for i, w in enumerate(evidence) if w in same]
    opposing = [len(ours & _window(evidence, i)) for i, w in enumerate(evidence) if w in opposite]
    if not opposing:
        return True
    return bool(agreeing) and max(agreeing) >= max(opposing)


def _window(tokens: Sequence[str], position: int) -> frozenset[str]:
    start = max(0, position - _NEAR)
    near = [*tokens[start:position], *tokens[position + 1 : position + 1 + _NEAR]]
    return frozenset(content_words(" ".join(near)))


@lru_cache(maxsize=512)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(token for token in _TOKEN.findall(text.lower().replace("n't", " n't")))


@lru_cache(maxsize=2048)
def _reached(text: str, negators: frozenset[str], negated: bool) -> frozenset[str]:
    """Return the telling words that a negator reaches, or those that none does."""
    found = set()
    reach = 0
    for token in _tokens(text):
        if token in negators:
            reach = _REACH
        elif token in _STOPS:
            reach = 0
        else:
            words = content_words(token.rstrip(".,"))
            if (reach > 0) == negated:
                found.update(words)
            reach -= bool(words and reach)
    return frozenset(found)


def _plain(text: str) -> frozenset[str]:
    return frozenset(content_words(text))
