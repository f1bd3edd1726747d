"""The passages given to the model, prepared once an answer for checking sentences against."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from index.text.quantities import Quantity, quantities
from index.text.sentences import sentences
from index.text.tokens import content_words
from index.types import Hit, Passage, Source

__all__ = ["Evidence", "Span", "Weigh", "evidence_of"]


@dataclass(frozen=True)
class Span:
    """A sentence of a passage: code points `start` to `end` of its text, and its words."""

    start: int
    end: int
    text: str

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems that carry meaning."""
        return frozenset(content_words(self.text))


@dataclass(frozen=True)
class Evidence:
    """A passage under the number that the model knows it by, from 1."""

    n: int
    hit: Hit

    @property
    def passage(self) -> Passage:
        """The passage itself."""
        return self.hit.passage

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The passage's sentences."""
        return _spans_of(self.passage.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """Stems of everything the passage says: its text, heading and title."""
        return frozenset(content_words(self.context))

    @cached_property
    def context(self) -> str:
        """The text with the heading and title that it is to be read under."""
        return f"{self.passage.title}\n{self.passage.heading}\n{self.passage.text}"

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The numbers that the passage states."""
        return tuple(quantities(f"{self.passage.heading}\n{self.passage.text}"))

    @cached_property
    def years(self) -> frozenset[int]:
        """Years that its text or its sources name."""
        stated = {int(q.low) for q in self.quantities if q.kind == "year"}
        return frozenset(stated | {s.year for s in self.passage.sources if s.year is not None})

    @cached_property
    def names(self) -> frozenset[str]:
        """Names in the passage and its sources' labels, folded to lower case."""
        labels = " ".join(source.label for source in self.passage.sources)
        return frozenset(re.findall(r"[\w+-]+", f"{self.context}\n{labels}".lower()))

    @cached_property
    def authors(self) -> frozenset[str]:
        """Stems of the names that its sources are credited to, "et al." among them."""
        labels = (source.label.partition("(")[0] for source in self.passage.sources)
        return frozenset(content_words(" ".join([*labels, "et al"])))

    def source_for(self, sentence: str) -> Source | None:
        """Choose the passage's source that a sentence is about: one it names, else the first."""
        folded = sentence.lower()
        for source in self.passage.sources:
            author = re.match(r"\w+", source.label)
            if (
                author
                and re.search(rf"\b{re.escape(author.group().lower())}\b", folded)
                and (source.year is None or str(source.year) in sentence)
            ):
                return source
        return self.passage.sources[0] if self.passage.sources else None


# Popular passages are evidence again and again: what is read off them is kept.
@lru_cache(maxsize=4096)
def _spans_of(text: str) -> tuple[Span, ...]:
    return tuple(Span(start, end, text[start:end]) for start, end in sentences(text))


def evidence_of(hits: Sequence[Hit]) -> list[Evidence]:
    """Number the passages from 1, in the order in which the model reads them."""
    return [Evidence(n, hit) for n, hit in enumerate(hits, start=1)]


Weigh = Callable[[str], float]
