"""What can speak against a sentence: a name or a direction that the evidence lacks, and the like.

None of it is certain: a sentence that is objected to is not shown, but what the evidence says of it
may be. Each check returns an objection, or None where it finds nothing. They compare a
sentence with the run of a passage's sentences that comes closest to it, read under the
passage's heading and title.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations

from app.record.evidence import Evidence
from app.record.reasons import Objection, Reason
from app.verifying.near_quotes import alterations, contradicts
from index.text.names import names_in
from index.text.opposites import CONTRARIES, OPPOSITES, opposed
from index.text.quantities import Quantity, agree, quantities
from index.text.tokens import content_words, tokenize

__all__ = [
    "SentenceWithEvidence",
    "credit_objection",
    "crossed",
    "denied_words",
    "directed_words",
    "lean",
    "objection",
]

_TOKEN = re.compile(r"n't|[A-Za-z][A-Za-z']*|\d[\d.,]*|[.;:!?()]")
# Words that have an opposite.
_DIRECTED: frozenset[str] = frozenset().union(
    *(side for row in (*OPPOSITES, *CONTRARIES) for side in row)
)
# What denies outright, in the sentence; and what may deny, in the evidence.
_DENIALS = frozenset("not never neither nor cannot n't hardly barely".split())
_NEGATORS = _DENIALS | frozenset(
    "no none without rarely unlike lack lacks lacking fail fails failed nothing nobody nowhere "
    "instead rather few little seldom avoid avoids avoiding prevent prevents unable stop "
    "stops".split()
)
_QUIET_DENIALS = frozenset("no none without".split())
_CREDIT = re.compile(
    r"\b([A-Z][\w-]+)(?:'s|’s)?(?: et al\.?| (?:and|&) [A-Z][\w-]+)?,? \(?((?:19|20)\d\d)\b"
)
_REACH = 4  # telling words that a denial reaches
_STOPS = frozenset(".;:!?()")
_NEAR = 6  # telling words on each side of a place
# How much closer a number or name must stand to the words of another place than to those of its
# own: a sum over shared neighbors, the one next to it counting 1, the second 1/2 and so on.
_CLOSER = 0.5
_QUOTED = re.compile(r"[“„«\"]([^“”„«»\"]+)[”“»\"]")
_MARKS = re.compile("[“”„«»]")
_CLAUSE = re.compile(r"[;.!?](?=\s)")


@dataclass(frozen=True)
class SentenceWithEvidence:
    """A sentence beside the evidence that it is read against."""

    sentence: str
    items: tuple[Evidence, ...]
    spans: str

    @cached_property
    def context(self) -> str:
        """The spans with the headings and titles that they stand under."""
        heads = " ".join(f"{i.passage.heading}. {i.passage.title}." for i in self.items)
        return f"{self.spans} {heads}"


def objection(reading: SentenceWithEvidence) -> Objection | None:
    """Return the first thing that speaks against a sentence, None where nothing does."""
    checks = (_number, _name, _near_quote, _quotation, _roles, _negation, _direction)
    return next((found for check in checks if (found := check(reading))), None)


def directed_words(text: str) -> frozenset[str]:
    """Return a text's words that have an opposite."""
    return frozenset(_tokens(text)) & _DIRECTED


def lean(text: str, evidence: str, row: tuple[frozenset[str], frozenset[str]]) -> float:
    """Return how much nearer a text's word of a row stands to the row's other side, -n to n.

    It is positive where the evidence has the opposite word among the words that stand around
    the text's own, negative where it has a word of the same side there. Of several words the
    one that is turned the most counts.
    """
    said, leans = frozenset(_tokens(evidence)), []
    for same, other in (row, row[::-1]):
        for word in same & frozenset(_tokens(text)):
            ours = _around_each(text.lower(), word)
            near = [
                max((_nearest(ours, _around_each(evidence.lower(), w)) for w in side & said),
                    default=0.0)
                for side in (other, same)
            ]  # fmt: skip
            leans.append(near[0] - near[1])
    return max(leans, default=0.0)


def denied_words(text: str) -> frozenset[str]:
    """Return the stems that a text denies outright."""
    return _reached(text, _DENIALS | _QUIET_DENIALS, True)


def _quotation(reading: SentenceWithEvidence) -> Objection | None:
    """Return the first words in quotation marks that nobody there said, or that were not quoted.

    A document's own words may be quoted, a passage about a source only as far as it quotes.
    """
    for quoted in _QUOTED.finditer(reading.sentence):
        if not any(_quotes(item, quoted) for item in reading.items):
            return Objection(Reason.MISQUOTED, quoted[1])
    return None


def _quotes(item: Evidence, quoted: re.Match[str]) -> bool:
    text = " ".join(_MARKS.sub('"', item.passage.text).split())
    words = " ".join(quoted[1].split())
    return f'"{words}"' in text or (item.passage.place is not None and words in text)


def _near_quote(reading: SentenceWithEvidence) -> Objection | None:
    passage = frozenset().union(*(item.words for item in reading.items))
    # Beside the whole run each of its sentences: another one may have a word at the same place.
    own = [span.text for item in reading.items for span in item.spans]
    runs = [reading.spans, *(text for text in own if text in reading.spans)]
    for text in dict.fromkeys(runs):
        for found in alterations(reading.sentence, text):
            wrong = contradicts(found, passage, _DENIALS | _QUIET_DENIALS, opposed)
            if wrong:
                return Objection(Reason.ALTERED, wrong)
    return None


def credit_objection(reading: SentenceWithEvidence) -> Objection | None:
    """Object to a year beside an author whom no source and no passage puts it beside."""
    known = f"{reading.context} " + " ".join(
        source.label for item in reading.items for source in item.passage.sources
    )
    for author, year in _CREDIT.findall(reading.sentence):
        if author in known and not re.search(
            rf"\b{re.escape(author)}\b[^;()]{{0,40}}\(?\b{year}\b", known
        ):
            return Objection(Reason.CREDIT, f"{author} of {year}")
    return None


def _number(reading: SentenceWithEvidence) -> Objection | None:
    stated = quantities(reading.context)
    known_years = {int(q.low) for q in stated if q.kind == "year"}.union(
        *(item.years for item in reading.items)
    )
    names = frozenset().union(*(item.names for item in reading.items))
    for claimed in quantities(reading.sentence):
        if claimed.kind == "year":
            if int(claimed.low) not in known_years:
                return Objection(Reason.YEAR, claimed.text)
            continue
        same = [other for other in stated if agree(claimed, other)] or _ends(claimed, stated)
        if not same and not (not claimed.dimension and claimed.text.lower() in names):
            return Objection(Reason.NUMBER_OF_ANOTHER, claimed.text)
        others = [q for q in stated if q.kind == claimed.kind and q not in same]
        if same and not _about_the_same(claimed, reading, same, others):
            return Objection(Reason.NUMBER_OF_ANOTHER, claimed.text)
    return None


def _ends(claimed: Quantity, stated: Sequence[Quantity]) -> list[Quantity]:
    """Find a range's two ends where the evidence states them apart (from 56.5% up to 74.4%)."""
    if claimed.low == claimed.high:
        return []
    low = [q for q in stated if agree(replace(claimed, high=claimed.low), q)]
    high = [q for q in stated if agree(replace(claimed, low=claimed.high), q)]
    return [*low, *high] if low and high else []


def _about_the_same(
    claimed: Quantity,
    reading: SentenceWithEvidence,
    same: Sequence[Quantity],
    others: Sequence[Quantity],
) -> bool:
    """Tell whether a number stands among the words that it stands among in the evidence.

    It must share some of them, and be as close to them as any other number of its kind is.
    """
    ours = _around(reading.sentence, claimed.start, claimed.end)
    if not ours:
        return True
    here, there = (
        max((_closeness(ours, _around(reading.context, q.start, q.end)) for q in found), default=0)
        for found in (same, others)
    )
    return here > 0 and there - here < _CLOSER


def _roles(reading: SentenceWithEvidence) -> Objection | None:
    """Object to two names of which each stands where the evidence has the other one."""
    claimed = {
        name: found
        for name in names_in(reading.sentence)
        if (found := _places(name, reading.context))
    }
    for one, other in combinations(claimed, 2):
        if one in other or other in one:
            continue
        if crossed(one, other, reading.sentence, reading.context):
            return Objection(Reason.SWAPPED, f"{one!r} and {other!r}")
    return None


def crossed(one: str, other: str, sentence: str, evidence: str) -> bool:
    """Tell whether of two words each stands where the evidence has the other one."""
    ours = [_around_each(sentence, word) for word in (one, other)]
    theirs = [_around_each(evidence, word) for word in (one, other)]
    kept = [_nearest(ours[0], theirs[0]), _nearest(ours[1], theirs[1])]
    turned = [_nearest(ours[0], theirs[1]), _nearest(ours[1], theirs[0])]
    closer = turned[0] > kept[0] and turned[1] > kept[1]
    return closer and sum(turned) - sum(kept) >= _CLOSER


def _places(name: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]


def _around_each(text: str, name: str) -> list[dict[str, float]]:
    return [_around(text, start, end) for start, end in _places(name, text)]


def _nearest(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]) -> float:
    return max((_closeness(a, b) for a in ours for b in theirs), default=0.0)


def _around(text: str, start: int, end: int) -> dict[str, float]:
    """Map the words near a place to how near they are: 1, 1/2, 1/3 and so on, by side."""
    before = content_words(_CLAUSE.split(text[:start])[-1])[-_NEAR:][::-1]
    after = content_words(_CLAUSE.split(text[end:])[0])[:_NEAR]
    near: dict[str, float] = {}
    for side in (before, after):
        for rank, word in enumerate(side, start=1):
            if not word[0].isdigit():
                near[word] = max(near.get(word, 0.0), 1 / rank)
    return near


def _closeness(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(min(weight, other[word]) for word, weight in one.items() if word in other)


def _name(reading: SentenceWithEvidence) -> Objection | None:
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
        if name.lower() not in known and not all(_known(part, known, stems) for part in parts):
            return Objection(Reason.NAME, name)
    return None


def _known(part: str, said: frozenset[str], stems: frozenset[str]) -> bool:
    return (
        part in said
        or any(part in word.split("-") for word in said)
        or bool(set(tokenize(part)) & stems)
    )


def _negation(reading: SentenceWithEvidence) -> Objection | None:
    ours = _reached(reading.sentence, _DENIALS, True)
    theirs = _reached(reading.context, _NEGATORS, True)
    here, there = _plain(reading.sentence), _plain(reading.context)
    shared = ours & there
    denied = shared - theirs
    # Where the evidence denies most of the same words, the two agree.
    if len(denied) > len(shared) / 2:
        return Objection(Reason.NEGATION, sorted(denied)[0])
    if ours and not ours & theirs:
        return Objection(Reason.NEGATION, sorted(ours)[0])
    # "without" and "no" deny the very next word, not the clause.
    beside = _reached(reading.sentence, _QUIET_DENIALS, True, reach=1) & there
    if beside - theirs:
        return Objection(Reason.NEGATION, sorted(beside - theirs)[0])
    outright = _reached(reading.context, _DENIALS, True)
    outright -= _reached(reading.context, _DENIALS, False)
    excused = _reached(reading.sentence, _NEGATORS, True)
    passed_over = {word for word in outright if word in here and word not in excused}
    if len(passed_over) >= 2 and not excused:
        return Objection(Reason.NEGATION, sorted(passed_over)[0])
    return None


def _direction(reading: SentenceWithEvidence) -> Objection | None:
    sentence, evidence = _tokens(reading.sentence), _tokens(reading.context)
    for left, right in OPPOSITES:
        for same, opposite in ((left, right), (right, left)):
            for position, word in enumerate(sentence):
                if word in same and not _direction_stands(
                    sentence, position, evidence, same, opposite
                ):
                    return Objection(Reason.DIRECTION, word)
    return None


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
    # Where both are as near, only a sentence that says all of it is taken to agree.
    return bool(agreeing) and (
        max(agreeing) > max(opposing) or max(agreeing) == max(opposing) == len(ours)
    )


def _window(tokens: Sequence[str], position: int) -> frozenset[str]:
    start = max(0, position - _NEAR)
    near = [*tokens[start:position], *tokens[position + 1 : position + 1 + _NEAR]]
    return frozenset(content_words(" ".join(near)))


@lru_cache(maxsize=512)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(token for token in _TOKEN.findall(text.lower().replace("n't", " n't")))


@lru_cache(maxsize=2048)
def _reached(
    text: str, negators: frozenset[str], negated: bool, reach: int = _REACH
) -> frozenset[str]:
    """Return the telling words that a negator reaches, or those that none does."""
    found = set()
    left = 0
    for token in _tokens(text):
        if token in negators:
            left = reach
        elif token in _STOPS:
            left = 0
        else:
            words = content_words(token.rstrip(".,"))
            if (left > 0) == negated:
                found.update(words)
            left -= bool(words and left)
    return frozenset(found)


def _plain(text: str) -> frozenset[str]:
    return frozenset(content_words(text))
