"""What came of checking a text: its sentences, each with a verdict and the passages behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from index.types import Place, Source

__all__ = [
    "VERDICTS",
    "Bearing",
    "Checked",
    "CheckedSentence",
    "Difference",
    "DifferenceKind",
    "Verdict",
]

Verdict = Literal["supported", "contradicted", "not_in_sources", "no_claim"]
VERDICTS: tuple[Verdict, ...] = ("supported", "contradicted", "not_in_sources", "no_claim")
DifferenceKind = Literal["figure", "name", "opposite", "negation", "word", "arithmetic"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Words of a sentence, and what a passage says in their place; nothing where it says nothing.

    The kind `arithmetic` has the passage's calculation there, from which the figure doesn't follow.

    `start` and `end` are code points of the checked text, `source_start` and `source_end` of the
    passage's.
    """

    kind: DifferenceKind
    said: str
    start: int
    end: int
    source: str = ""
    source_start: int = 0
    source_end: int = 0


@dataclass(frozen=True, slots=True)
class Bearing:
    """A passage as a sentence was held against it.

    `start` and `end` are the span of its text, in code points, that comes closest to the sentence:
    it supports or contradicts it, as the verdict says. `place` is where a document's passage
    stands; where it is None, the text is the knowledge base's, which rests on `sources`.
    """

    ref: str
    title: str
    heading: str
    text: str
    start: int
    end: int
    sources: tuple[Source, ...] = ()
    place: Place | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def quote(self) -> str:
        """The span."""
        return self.text[self.start : self.end]

    @property
    def where(self) -> str:
        """Where in a document it stands, in words; "" where it stands in none."""
        if self.place is None:
            return ""
        path = " › ".join((self.place.path, *self.place.section))
        return path if self.place.page is None else f"{path}, p. {self.place.page}"


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """A sentence, in code points of the text, and what was found about it.

    `read_as` is how it was read where it points at what stands before it, else "". `confidence`
    is how sure the verdict is, 0 to 1. `passages` are at most three, those behind the verdict
    first; of a sentence that is not in the sources they are merely the nearest.
    """

    text: str
    start: int
    end: int
    verdict: Verdict
    confidence: float = 0.0
    read_as: str = ""
    passages: tuple[Bearing, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A text with its sentences' verdicts, by one index at one time."""

    text: str
    sentences: tuple[CheckedSentence, ...]
    index_fingerprint: str
    created: datetime

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many sentences have each verdict."""
        found = Counter(sentence.verdict for sentence in self.sentences)
        return {verdict: found[verdict] for verdict in VERDICTS}

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready dicts and lists."""
        return {
            **asdict(self),
            "created": self.created.isoformat(timespec="seconds"),
            "counts": dict(self.counts),
        }
