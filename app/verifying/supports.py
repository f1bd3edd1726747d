"""Does a passage support a sentence?

Two steps, neither of which asks a second model. Checks that can refuse outright come first: a
number, a name or a direction that the evidence does not support (`app.verifying.checks`). What they
let pass is weighed by a small logistic model over how well the passage and its closest sentences
cover the words, calibrated on sentences and their corruptions (`python -m scripts.train_verifier`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from app.record.evidence import Evidence, Weigh
from app.record.reasons import Objection, Reason
from app.record.types import ClaimStatus
from app.verifying.checks import Reading, figures_objection, objection
from index.text.names import names_in
from index.text.quantities import quantities
from index.text.tokens import content_words

__all__ = [
    "ANNOUNCING",
    "FEATURES",
    "Calibration",
    "LexicalVerifier",
    "PassageReading",
    "Support",
    "Verdict",
    "Verifier",
    "claims_nothing",
    "is_no_sentence",
]

FEATURES = ("passage", "span", "rarest_missing")
# What an announcement is made of: "The answer to the question, based on the context, is:".
ANNOUNCING = frozenset(
    content_words(
        "answer question point reason step list example explanation key main important following "
        "source evidence context passage information according given summary detail based on "
        "provided stated described mentioned text section paragraph sentence follows below above "
        "found seen conclusion response"
    )
)
_WEIGHTS = Path(__file__).with_name("verifier.json")
_RUNS = (1, 2, 3)
_COST_OF_LENGTH = 0.06
_OPENING = re.compile(
    r"(?:great question|good question|here (?:is|are)|let me|let's|i hope)\b[^.]{0,80}[.:!]?$",
    re.IGNORECASE,
)
# What follows one of these is a claim, unless it is next to nothing.
_LEAD_IN = re.compile(
    r"\s*(?:sure|certainly|of course|in summary|to summarize|in short|yes|no|overall)\b",
    re.IGNORECASE,
)
_LEAST_CLAIMED = 3

# A heading over what follows: "**Batch size**:".
_LABEL = re.compile(r"(?:\*\*[^*]+\*\*|__[^_]+__)[ \t]*:?|(?:\*\*|__)[^*_]+:(?:\*\*|__)")
# Words after which no sentence ends: what they lead to was never written.
_UNFINISHED = re.compile(r"(?<!\S)(?:the|an?|of|and|or|than|because|its|their)[\s,]*$")
# A question that a sentence only mentions, in quotation marks.
_MENTIONED = re.compile(r"(?<!\w)[“\"‘'](?=[^“”\"]*\?)[^“”\"]*[”\"’']")


@dataclass(frozen=True, slots=True)
class Support:
    """A passage that supports a sentence, with the span of its text that does."""

    ref: str
    n: int
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about a sentence, and what speaks against it, if anything."""

    status: ClaimStatus
    score: float
    supports: tuple[Support, ...] = field(default=())
    objection: Objection | None = None


class Verifier(Protocol):
    """Anything that tells whether evidence supports a sentence."""

    @property
    def busy_while_drafting(self) -> bool:
        """Whether sentences can't be checked before the draft is whole."""

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence, markers removed, against all evidence, what it cites first."""


@dataclass(frozen=True, slots=True)
class PassageReading:
    """How passages read against a sentence; `figures` is what its numbers and credits lack."""

    items: tuple[Evidence, ...]
    score: float
    supports: tuple[Support, ...]
    figures: Objection | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model over `FEATURES`, with the scores at which a status begins."""

    weights: Mapping[str, float]
    bias: float
    supported_at: float
    partial_at: float

    @classmethod
    @cache
    def shipped(cls) -> Calibration:
        """Read the weights that come with Citewise."""
        raw = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        return cls(raw["weights"], raw["bias"], raw["supported_at"], raw["partial_at"])

    def score(self, found: Mapping[str, float]) -> float:
        """Estimate the chance that the evidence supports the sentence, 0 to 1."""
        logit = self.bias + sum(self.weights[name] * found[name] for name in FEATURES)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@dataclass(frozen=True, slots=True)
class _Judged:
    """How one set of passages reads against a sentence."""

    score: float
    objection: Objection | None
    supports: tuple[Support, ...]


class LexicalVerifier:
    """Checks and coverage; deterministic, well under a millisecond a passage."""

    def __init__(self, weigh: Weigh, calibration: Calibration | None = None) -> None:
        """Take how telling a word is (its inverse document frequency) and the calibration."""
        self._weigh = weigh
        self._calibration = calibration or Calibration.shipped()

    busy_while_drafting = False

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence, at once."""
        return self.verify(sentence, cited, evidence)

    def readings(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> list[PassageReading]:
        """Read a sentence against each passage, what it cites first, then the closest first."""
        own = tuple(item for item in evidence if item.n in set(cited))
        groups: list[tuple[Evidence, ...]] = [(item,) for item in evidence]
        if len(own) > 1:
            groups.insert(0, own)
        read = []
        for items in groups:
            found, supports, _ = self.features(sentence, items)
            spans = " ".join(
                item.passage.text[support.start : support.end]
                for item, support in zip(items, supports, strict=True)
            )
            figures = figures_objection(Reading(sentence, items, spans))
            read.append(PassageReading(items, self._calibration.score(found), supports, figures))
        return sorted(read, key=lambda r: (r.items[0] not in own, -r.score))

    def verify(self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]) -> Verdict:
        """Check a sentence against what it cites, then against each other passage.

        A sentence whose own citation does not support it is re-pointed to the passage that does.
        """
        by_number = {item.n: item for item in evidence}
        own = [by_number[n] for n in cited if n in by_number]
        judged = [self._judge(sentence, (item,)) for item in own]
        if len(own) > 1:
            judged.append(self._judge(sentence, tuple(own)))
        best = max(judged, key=_rank, default=None)
        if best is None or best.objection or best.score < self._calibration.supported_at:
            others = [self._judge(sentence, (item,)) for item in evidence if item not in own]
            best = max([*judged, *others], key=_rank, default=None)
        if best is None:
            return Verdict("unsupported", 0.0, objection=Objection(Reason.NO_EVIDENCE))
        return self._verdict(best)

    def features(
        self, sentence: str, items: Sequence[Evidence]
    ) -> tuple[dict[str, float], tuple[Support, ...], Objection | None]:
        """Measure a sentence against passages: its features, where it rests, and objections."""
        # Numbers are held against the evidence by a check of their own.
        ordered = [word for word in content_words(sentence) if not word[0].isdigit()]
        words = frozenset(ordered)
        supports = tuple(self._support(words, item) for item in items)
        spans = " ".join(
            item.passage.text[support.start : support.end]
            for item, support in zip(items, supports, strict=True)
        )
        authors = frozenset().union(*(item.authors for item in items))
        covered = frozenset().union(*(item.words for item in items)) | authors
        heads = " ".join(f"{item.passage.heading} {item.passage.title}" for item in items)
        near = frozenset(content_words(f"{spans} {heads}")) | authors
        missing = [self._weigh(word) for word in words - covered]
        most = self._weigh("\0")
        found = {
            "passage": self._share(words & covered, words),
            "span": self._share(words & near, words),
            "rarest_missing": max(missing, default=0.0) / most,
        }
        return found, supports, objection(Reading(sentence, tuple(items), spans))

    def _verdict(self, best: _Judged) -> Verdict:
        if best.objection:
            return Verdict("unsupported", best.score, objection=best.objection)
        if best.score >= self._calibration.supported_at:
            return Verdict("supported", best.score, best.supports)
        if best.score >= self._calibration.partial_at:
            return Verdict("partial", best.score, best.supports, Objection(Reason.COVERAGE))
        return Verdict("unsupported", best.score, objection=Objection(Reason.COVERAGE))

    def _judge(self, sentence: str, items: tuple[Evidence, ...]) -> _Judged:
        found, supports, against = self.features(sentence, items)
        return _Judged(self._calibration.score(found), against, supports)

    def _share(self, part: Iterable[str], whole: Iterable[str]) -> float:
        total = sum(self._weigh(word) for word in whole)
        return sum(self._weigh(word) for word in part) / total if total else 0.0

    def _support(self, words: frozenset[str], item: Evidence) -> Support:
        """Find the shortest run of at most three sentences that covers the most."""
        spans = item.spans
        best: tuple[float, int, int] = (-1.0, 0, len(item.passage.text))
        for length in _RUNS:
            for first in range(len(spans) - length + 1):
                run = spans[first : first + length]
                covered = frozenset().union(*(span.words for span in run))
                # A longer quote must earn its length.
                value = self._share(words & covered, words) - _COST_OF_LENGTH * (length - 1)
                if value > best[0]:
                    best = (value, run[0].start, run[-1].end)
        return Support(item.passage.id, item.n, best[1], best[2], max(0.0, best[0]))


def is_no_sentence(sentence: str) -> bool:
    """Tell whether words are a heading over what follows, or a sentence that was never ended."""
    return bool(_LABEL.fullmatch(sentence.strip()) or _UNFINISHED.search(sentence))


def claims_nothing(sentence: str) -> bool:
    """Tell whether a sentence is a mere opening, connective or question, with no claim in it."""
    if sentence.rstrip("\"'”’) ").endswith("?"):
        return True
    sentence = _MENTIONED.sub(" ", sentence)
    if quantities(sentence) or names_in(sentence):
        return False
    words = frozenset(content_words(sentence))
    led = _LEAD_IN.match(sentence)
    said = sentence[led.end() :] if led else sentence
    if len(words) < 2 or _OPENING.match(said.lstrip(" ,:;!.")) is not None:
        return True
    if led and len(content_words(said)) < _LEAST_CLAIMED:
        return True
    return words <= ANNOUNCING


def _rank(judged: _Judged) -> tuple[bool, float, int]:
    return (not judged.objection, judged.score, -len(judged.supports))
