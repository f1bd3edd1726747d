"""Does a passage support a sentence? Numbers, names, words and polarity are compared.

No second model is asked. A number must stand in the passage with a compatible unit; a name must
be named there; the sentence's content words, weighted by how rare they are, must be covered;
and neither a negation nor a comparison may be turned round. The verdict is deliberately strict:
a sentence that can't be shown to be supported is not supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.evidence import Evidence, Weigh, names_in
from app.types import ClaimStatus
from index.lexical import content_words, tokenize
from index.quantities import agree, quantities

__all__ = ["LexicalVerifier", "Support", "Verdict", "Verifier", "claims_nothing"]

_NEGATIONS = frozenset(
    "not no never none neither nor cannot without fail fails failed unlike n't hardly rarely".split()
)
_OPPOSITES = [
    ({"more", "greater", "higher", "larger", "bigger", "above", "increase", "increases",
      "increased", "rises", "raises", "grows", "gain", "gains", "over", "exceeds"},
     {"less", "fewer", "lower", "smaller", "below", "decrease", "decreases", "decreased", "falls",
      "lowers", "shrinks", "loss", "loses", "under", "reduces", "reduced", "drops"}),
    ({"before", "earlier", "first", "prior", "precedes"}, {"after", "later", "last", "follows"}),
    ({"faster", "quicker", "speeds"}, {"slower", "slows"}),
    ({"better", "outperforms", "beats", "improves"}, {"worse", "underperforms", "degrades"}),
    ({"encoder"}, {"decoder"}),
    ({"always", "all", "every"}, {"never", "none"}),
    ({"best", "most", "maximum", "highest"}, {"worst", "least", "minimum", "lowest"}),
    ({"cheap", "cheaper"}, {"expensive", "costlier"}),
    ({"can", "does", "is", "are"}, {"cannot"}),
]  # fmt: skip
_OPENING = re.compile(
    r"(?:sure|certainly|of course|great question|good question|here (?:is|are)|in summary|"
    r"to summarize|let me|let's|i hope|in short|yes|no|overall)\b[^.]{0,80}[.:!]?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Support:
    """A passage that bears a sentence, with the span of its text that does."""

    ref: str
    n: int
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about a sentence. `reason` says what speaks against it, if anything."""

    status: ClaimStatus
    score: float
    supports: tuple[Support, ...] = field(default=())
    reason: str = ""


class Verifier(Protocol):
    """Anything that tells whether evidence supports a sentence."""

    def verify(self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]) -> Verdict:
        """Check a sentence, markers removed, against all evidence, what it cites first."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one set of passages reads against a sentence."""

    score: float
    reason: str
    supports: tuple[Support, ...]


class LexicalVerifier:
    """Coverage of a sentence's words, names and numbers by a passage or the passages it cites.

    `supported_at` and `partial_at` are the shares of the sentence's weighted content words that
    must be found, 0 to 1.
    """

    def __init__(
        self, weigh: Weigh, *, supported_at: float = 0.72, partial_at: float = 0.5
    ) -> None:
        self._weigh = weigh
        self._supported_at, self._partial_at = supported_at, partial_at

    def verify(self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]) -> Verdict:
        """Check a sentence against what it cites, then against each other passage.

        A sentence whose own citation does not bear it is re-pointed to the passage that does.
        """
        by_number = {item.n: item for item in evidence}
        own = [by_number[n] for n in cited if n in by_number]
        readings = [self._read(sentence, [item]) for item in own]
        if len(own) > 1:
            readings.append(self._read(sentence, own))
        best = max(readings, key=_rank, default=None)
        if best is None or best.reason or best.score < self._supported_at:
            others = [self._read(sentence, [item]) for item in evidence if item not in own]
            best = max([*readings, *others], key=_rank, default=None)
        if best is None:
            return Verdict("unsupported", 0.0, reason="there is no evidence")
        return self._verdict(best)

    def _verdict(self, best: _Reading) -> Verdict:
        if best.reason:
            return Verdict("unsupported", best.score, reason=best.reason)
        if best.score >= self._supported_at:
            return Verdict("supported", best.score, best.supports)
        if best.score >= self._partial_at:
            return Verdict("partial", best.score, best.supports, "its words are partly covered")
        return Verdict("unsupported", best.score, reason="the evidence does not cover what it says")

    def _read(self, sentence: str, items: Sequence[Evidence]) -> _Reading:
        words = frozenset(content_words(sentence))
        covered = frozenset().union(*(item.words for item in items))
        score = self._share(words & covered, words)
        supports = tuple(self._support(words, item, score) for item in items)
        spans = " ".join(_text(item, s) for item, s in zip(items, supports, strict=True))
        reason = (
            _number_missing(sentence, items)
            or _name_missing(sentence, items)
            or _turned_round(sentence, spans)
        )
        return _Reading(score, reason, supports)

    def _share(self, part: Iterable[str], whole: Iterable[str]) -> float:
        total = sum(self._weigh(word) for word in whole)
        return sum(self._weigh(word) for word in part) / total if total else 0.0

    def _support(self, words: frozenset[str], item: Evidence, score: float) -> Support:
        """Find the shortest run of at most three sentences that covers the most."""
        spans = item.spans
        best: tuple[float, int, int] = (-1.0, 0, len(item.passage.text))
        for length in (1, 2, 3):
            for first in range(len(spans) - length + 1):
                run = spans[first : first + length]
                covered = frozenset().union(*(span.words for span in run))
                share = self._share(words & covered, words)
                # A longer quote must earn its length.
                if share - 0.08 * (length - 1) > best[0]:
                    best = (share - 0.08 * (length - 1), run[0].start, run[-1].end)
        return Support(item.passage.id, item.n, best[1], best[2], score)


def claims_nothing(sentence: str) -> bool:
    """Tell whether a sentence is a mere opening or connective, with no claim in it."""
    if quantities(sentence) or names_in(sentence):
        return False
    return not content_words(sentence) or _OPENING.match(sentence.strip()) is not None


def _rank(reading: _Reading) -> tuple[bool, float, int]:
    return (not reading.reason, reading.score, -len(reading.supports))


def _text(item: Evidence, support: Support) -> str:
    return item.passage.text[support.start : support.end]


def _number_missing(sentence: str, items: Sequence[Evidence]) -> str:
    stated = [quantity for item in items for quantity in item.quantities]
    known_years = frozenset().union(*(item.years for item in items))
    names = frozenset().union(*(item.names for item in items))
    for quantity in quantities(sentence):
        if quantity.kind == "year":
            if int(quantity.low) not in known_years:
                return f"the year {quantity.text} is not in the evidence"
        elif not any(agree(quantity, other) for other in stated) and not (
            quantity.dimension == "" and quantity.text.lower() in names
        ):
            return f"the number {quantity.text!r} is not in the evidence"
    return ""


def _name_missing(sentence: str, items: Sequence[Evidence]) -> str:
    known = frozenset().union(*(item.names for item in items))
    stems = frozenset().union(*(item.words for item in items))
    for name in names_in(sentence):
        parts = [part for part in re.findall(r"[\w+-]+", name.lower()) if part]
        pieces = [piece for part in parts for piece in part.split("-") if piece]
        if not all(
            part in known or (set(tokenize(part)) & stems) for part in (*parts, *pieces)
        ) and not all(piece in known for piece in pieces):
            return f"the name {name!r} is not in the evidence"
    return ""


def _turned_round(sentence: str, spans: str) -> str:
    ours, theirs = _plain(sentence), _plain(spans)
    if bool(ours & _NEGATIONS) != bool(theirs & _NEGATIONS) and not theirs >= ours:
        if ours & _NEGATIONS:
            return "it denies what the evidence says"
        if len(theirs & _NEGATIONS) and _same_sentence_negated(sentence, spans):
            return "it leaves out a negation of the evidence"
    for left, right in _OPPOSITES:
        if (ours & left and not ours & right and theirs & right and not theirs & left) or (
            ours & right and not ours & left and theirs & left and not theirs & right
        ):
            return "a comparison is turned round"
    return ""


def _same_sentence_negated(sentence: str, spans: str) -> bool:
    ours = set(content_words(sentence))
    theirs = set(content_words(spans))
    return len(ours & theirs) >= 0.85 * len(theirs)


def _plain(text: str) -> set[str]:
    return set(re.findall(r"n't|[a-z]+", text.lower().replace("n't", " n't")))
