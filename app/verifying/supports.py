"""Does a passage support a sentence?

A sentence ends in one of three zones. *Supported*: nothing speaks against it and it keeps to the
evidence's words and their order, weighed by a small logistic model that is calibrated on true and
false restatements (`python -m scripts.train_verifier`); it may be shown as it is. *Uncertain*:
the evidence speaks of it, but whether it says the same is not certain; the verdict names the
evidence's own sentences, which may stand in its place. *Refused*: a figure or a credit is borne by
no passage, or none speaks of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from app.record.evidence import Evidence, Idf
from app.record.reasons import Objection, Reason
from app.record.types import ClaimStatus, Usage
from app.verifying.figures import unborne
from app.verifying.objections import SentenceWithEvidence, credit_objection, objection
from index.text.anaphora import leans
from index.text.names import names_in
from index.text.quantities import quantities
from index.text.tokens import UNSEEN, content_words

__all__ = [
    "ANNOUNCING",
    "FEATURES",
    "Calibration",
    "LexicalVerifier",
    "Pace",
    "PassageReading",
    "Support",
    "Verdict",
    "Verifier",
    "claims_nothing",
    "is_no_sentence",
    "standing_alone",
    "words_of",
]

# When a draft's sentences are checked: each as it comes; several at a time, while the model writes
# on; or after it has written, where it is the model that is asked and answers one at a time.
Pace = Literal["at once", "meanwhile", "afterwards"]
FEATURES = ("span", "rarest_missing", "order")
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
_TOKEN = re.compile(r"[^\W_]+(?:[.,]\d+)*")
# What joins a sentence to the one before it claims nothing by itself.
_JOINING = re.compile(
    r"\s*(?:therefore|thus|hence|consequently|accordingly|so|however|moreover|furthermore|also|"
    r"in (?:addition|contrast|short|other words)|for (?:example|instance)|as a result|overall|"
    r"this means that)\b,?\s+",
    re.IGNORECASE,
)
_CREDITED = re.compile(r"\([^()]*\b(?:19|20)\d\d\b[^()]*\)")
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
    """What was found about a sentence, and what speaks against it, if anything.

    `supports` is what it rests on. `instead` are the evidence's sentences that speak of it, where
    it is uncertain whether they say the same.
    """

    status: ClaimStatus
    score: float
    supports: tuple[Support, ...] = field(default=())
    objection: Objection | None = None
    instead: tuple[Support, ...] = field(default=())


class Verifier(Protocol):
    """Anything that tells whether evidence supports a sentence."""

    @property
    def pace(self) -> Pace:
        """When a draft's sentences are checked."""

    @property
    def usage(self) -> Usage:
        """The tokens that a model took for it so far."""

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence, markers removed, against all evidence, what it cites first."""


@dataclass(frozen=True, slots=True)
class PassageReading:
    """How passages read against a sentence.

    `figures` is what its numbers and credits lack; `instead` is where the passages speak of it.
    """

    items: tuple[Evidence, ...]
    score: float
    supports: tuple[Support, ...]
    figures: Objection | None
    instead: tuple[Support, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model over `FEATURES`, with the scores at which a status begins.

    A passage speaks of a sentence from `speaks_at` on, the share of its words, by what they tell,
    that the closest run of the passage has; from `elsewhere_at` on where it cites another one.
    """

    weights: Mapping[str, float]
    bias: float
    supported_at: float
    partial_at: float
    speaks_at: float
    elsewhere_at: float

    @classmethod
    @cache
    def shipped(cls) -> Calibration:
        """Read the weights that come with Citewise."""
        raw = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
        return cls(**raw)

    def score(self, found: Mapping[str, float]) -> float:
        """Estimate the chance that the evidence supports the sentence, 0 to 1."""
        logit = self.bias + sum(self.weights[name] * found[name] for name in FEATURES)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@dataclass(frozen=True, slots=True)
class _Judged:
    """How one set of passages reads against a sentence; `refused` is what no rewording mends."""

    score: float
    refused: Objection | None
    objection: Objection | None
    supports: tuple[Support, ...]
    instead: tuple[Support, ...]


class LexicalVerifier:
    """Checks and coverage; deterministic, about a millisecond a passage."""

    def __init__(
        self, idf: Idf, calibration: Calibration | None = None, *, asked: str = ""
    ) -> None:
        """Prepare to check the sentences of one answer.

        Args:
            idf: how telling a word is (its inverse document frequency).
            calibration: by default the one that comes with Citewise.
            asked: the question, whose figures a sentence may use.
        """
        self._idf = idf
        self._calibration = calibration or Calibration.shipped()
        self._asked = asked

    pace: Pace = "at once"
    usage = Usage()

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
            one = self._judge(sentence, items, cites=items[0] in own)
            read.append(PassageReading(items, one.score, one.supports, one.refused, one.instead))
        return sorted(read, key=lambda r: (r.items[0] not in own, -r.score))

    def verify(self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]) -> Verdict:
        """Check a sentence against what it cites, then against other passages on the same subject.

        A sentence whose own citation does not support it is re-pointed to the passage that does.
        """
        by_number = {item.n: item for item in evidence}
        own = [by_number[n] for n in dict.fromkeys(cited) if n in by_number]
        judged = [self._judge(sentence, (item,)) for item in own]
        if len(own) > 1:
            judged.append(self._judge(sentence, tuple(own)))
        best = max(judged, key=self._rank, default=None)
        if best is None or not self._supports(best):
            judged += [
                self._judge(sentence, (item,), cites=False)
                for item in evidence
                if item not in own and _same_subject(sentence, item, own)
            ]
            best = max(judged, key=self._rank, default=None)
        if best is None:
            return Verdict("unsupported", 0.0, objection=Objection(Reason.NO_EVIDENCE))
        return self._verdict(best)

    def features(
        self, sentence: str, items: Sequence[Evidence]
    ) -> tuple[dict[str, float], tuple[Support, ...], Objection | None]:
        """Measure a sentence against passages: its features, where it rests, and objections."""
        sentence = _JOINING.sub("", sentence, count=1) if _JOINING.match(sentence) else sentence
        # Numbers are held against the evidence by a check of their own.
        ordered = [word for word in content_words(sentence) if not word[0].isdigit()]
        words = frozenset(ordered)
        supports = tuple(self._support(words, item) for item in items)
        spans = _spans(items, supports)
        authors = frozenset().union(*(item.authors for item in items))
        covered = frozenset().union(*(item.words for item in items)) | authors
        heads = " ".join(f"{item.passage.heading} {item.passage.title}" for item in items)
        near = frozenset(content_words(f"{spans} {heads}")) | authors
        missing = [self._idf(word) for word in words - covered]
        most = self._idf(UNSEEN)
        found = {
            "passage": self._share(words & covered, words),
            "span": self._share(words & near, words),
            "rarest_missing": max(missing, default=0.0) / most,
            "order": _in_order(sentence, f"{heads} {spans}"),
        }
        return found, supports, objection(SentenceWithEvidence(sentence, tuple(items), spans))

    def share(self, text: str, other: str) -> float:
        """Return the share of a text's words, by what they tell, that another has; 0 to 1."""
        words = frozenset(word for word in content_words(text) if not word[0].isdigit())
        return self._share(words & frozenset(content_words(other)), words)

    def _verdict(self, best: _Judged) -> Verdict:
        if self._supports(best):
            return Verdict("supported", best.score, best.supports)
        against = best.refused or best.objection or Objection(Reason.COVERAGE)
        if best.refused or best.objection or best.score < self._calibration.partial_at:
            return Verdict("unsupported", best.score, (), against, best.instead)
        return Verdict("partial", best.score, best.supports, against, best.instead)

    def _supports(self, judged: _Judged) -> bool:
        objects = judged.refused or judged.objection
        return not objects and judged.score >= self._calibration.supported_at

    def _rank(self, judged: _Judged) -> tuple[bool, bool, bool, float, int]:
        return (
            self._supports(judged), bool(judged.instead), not judged.refused, judged.score,
            -len(judged.supports),
        )  # fmt: skip

    def _judge(self, sentence: str, items: tuple[Evidence, ...], *, cites: bool = True) -> _Judged:
        found, supports, against = self.features(sentence, items)
        reading = SentenceWithEvidence(sentence, items, _spans(items, supports))
        refused = unborne(sentence, items, self._asked) or credit_objection(reading)
        least = self._calibration.speaks_at if cites else self._calibration.elsewhere_at
        speak = () if refused else tuple(s for s in supports if s.score >= least)
        by_ref = {item.passage.id: item for item in items}
        instead = tuple(standing_alone(s, by_ref[s.ref]) for s in _most(speak))
        return _Judged(self._calibration.score(found), refused, against, supports, instead)

    def _share(self, part: Iterable[str], whole: Iterable[str]) -> float:
        total = sum(self._idf(word) for word in whole)
        return sum(self._idf(word) for word in part) / total if total else 0.0

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


def _spans(items: Sequence[Evidence], supports: Sequence[Support]) -> str:
    """Return the runs of the passages that a sentence rests on."""
    return " ".join(
        item.passage.text[support.start : support.end]
        for item, support in zip(items, supports, strict=True)
    )


def words_of(support: Support, evidence: Sequence[Evidence]) -> str:
    """Return the words of the evidence that a support points at."""
    passage = next(item.passage for item in evidence if item.passage.id == support.ref)
    return passage.text[support.start : support.end]


def _most(speak: Sequence[Support]) -> Sequence[Support]:
    """Of several passages the one that speaks of a sentence the most."""
    return sorted(speak, key=lambda support: -support.score)[:1]


def standing_alone(support: Support, item: Evidence) -> Support:
    """Take in what stands before a run that begins by pointing at it."""
    before = [span for span in item.spans if span.end <= support.start]
    start = support.start
    while before and leans(item.passage.text[start : support.end]):
        start = before.pop().start
    return replace(support, start=start)


def _same_subject(sentence: str, item: Evidence, own: Sequence[Evidence]) -> bool:
    """Whether a passage is of a cited topic, or has a title that is named; any if none is cited."""
    topics = {other.passage.topic for other in own}
    named = not set(content_words(item.passage.title)).isdisjoint(content_words(sentence))
    return not own or item.passage.topic in topics or named


def _in_order(sentence: str, evidence: str) -> float:
    """Share of a sentence's words that the evidence has in the same order.

    The longest common subsequence over the sentence's length (ROUGE-L's precision, Lin 2004), a
    bit a word (Hyyrö 2004, "Bit-parallel LCS-length computation revisited").
    """
    ours, theirs = _in_words(_CREDITED.sub(" ", sentence)), _in_words(evidence)
    places: dict[str, int] = {}
    for place, word in enumerate(ours):
        places[word] = places.get(word, 0) | 1 << place
    whole = row = (1 << len(ours)) - 1
    for word in theirs:
        met = row & places.get(word, 0)
        row = ((row + met) | (row - met)) & whole
    return 1 - row.bit_count() / len(ours) if ours else 0.0


def _in_words(text: str) -> list[str]:
    """A text's words in order, its figures by their values: 70B is 70 billion."""
    words: list[str] = []
    place = 0
    for figure in quantities(text):
        words += [
            *_TOKEN.findall(text[place : figure.start].lower()),
            f"{figure.low}:{figure.high}",
        ]
        place = max(place, figure.end)
    return words + _TOKEN.findall(text[place:].lower())
