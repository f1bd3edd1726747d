"""The passages given to the model, prepared once an answer for checking sentences against."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from app.record.sanitize import one_line, web_address
from index.mentions import matching, mentions
from index.text.quantities import Quantity, quantities
from index.text.sentences import sentences
from index.text.tokens import content_words
from index.types import Hit, Passage, Source

__all__ = ["Evidence", "Idf", "NumberedSource", "Span", "cited_for", "evidence_of", "units"]

_EACH = 3
_TABLE = re.compile(r"^\|.*(?:\n\|.*)+", re.MULTILINE)
# What marks a quotation, a heading or an item before other words is a sign before these.
_SIGN = re.compile(r"[ \t]*(?:([>+-])[ \t]+(?=[$€£~]?\d)|(#)[ \t]+(?=[a-z]))")
_LISTING = re.compile(r"^[ \t]*([+-])[ \t]", re.MULTILINE)


@dataclass(frozen=True)
class Span:
    """A sentence, block of code or table of a passage: code points `start` to `end` of its text."""

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

    def sources_for(self, sentence: str) -> tuple[Source, ...]:
        """The passage's sources that a sentence names by author; all of them if it names none."""
        own = self.passage.sources
        named = {one.id for mention in mentions(sentence) for one in matching(mention, own)}
        return tuple(source for source in own if source.id in named) or own

    def words_of_source(self, sentence: str) -> bool:
        """Tell whether a sentence stands, word for word, in the document that is cited for it."""
        return self.passage.place is not None and _squeezed(sentence) in self._squeezed_text

    @cached_property
    def _squeezed_text(self) -> str:
        return _squeezed(self.passage.text)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def units(text: str) -> list[tuple[int, int]]:
    """Return where the sentences, blocks of code and tables of a passage start and end.

    A mark of a list is no part of a sentence; a sign is: "> 5 GB", "- 5 °C", "# of hosts".
    """
    found: list[tuple[int, int]] = []
    tables = [(table.start(), table.end()) for table in _TABLE.finditer(text)]
    for begin, end in sentences(text):
        start = _sign_before(text, begin)
        table = next((one for one in tables if one[0] <= start < one[1]), None)
        if table is None:
            found.append((start, end))
        elif not found or found[-1] != table:
            # A row says nothing without its table's head, nor half a cell without the other.
            found.append(table)
    return found


def _sign_before(text: str, start: int) -> int:
    """Return where the sign of a sentence stands that was taken for a mark of its line."""
    found = _SIGN.match(text, text.rfind("\n", 0, start) + 1)
    if found is None or found.end() != start:
        return start
    listed = sum(mark[1] == found[1] for mark in _LISTING.finditer(text)) > 1
    return start if listed else found.start(found.lastindex or 0)


# Popular passages are evidence again and again: what is read off them is kept.
@lru_cache(maxsize=4096)
def _spans_of(text: str) -> tuple[Span, ...]:
    return tuple(Span(start, end, text[start:end]) for start, end in units(text))


@dataclass(frozen=True, slots=True)
class NumberedSource:
    """What has a number of its own in an answer: a section of a document, a work, or several.

    `works` are several of which it is not known which one supports what is said; they have one
    number, and it leads to no single one of them.
    """

    key: str
    title: str
    url: str
    year: int | None = None
    works: tuple[Source, ...] = ()


def cited_for(passage: Passage, sources: Sequence[Source]) -> list[NumberedSource]:
    """What a sentence of a passage is cited as, where these of its sources support it.

    A document's passage is cited as its section and page; else up to three sources are cited one
    by one and more of them together: nine numbers after a sentence would tell nothing.
    """
    if passage.place is not None:
        place, source = passage.place, next(iter(sources), None)
        title = " › ".join(
            dict.fromkeys((source.label if source else passage.title, *place.section))
        )
        if place.page is not None:
            title = f"{title}, p. {place.page}"
        address = (web_address(source.url) or "") if source else ""
        if address and place.anchor and "#" not in address:
            address = f"{address}#{place.anchor}"
        return [NumberedSource(f"{passage.topic} {place}", one_line(title), address)]
    if not sources:
        return [NumberedSource(passage.id, one_line(passage.title), "")]
    if len(sources) > _EACH:
        key = " ".join(source.url or source.label for source in sources)
        names = "; ".join(dict.fromkeys(one.label.partition(" — ")[0] for one in sources))
        return [
            NumberedSource(key, one_line(f"{passage.title}: {names}"), "", works=tuple(sources))
        ]
    return [
        NumberedSource(
            source.url or source.label,
            one_line(source.label),
            web_address(source.url) or "",
            source.year,
        )
        for source in sources
    ]


def evidence_of(hits: Sequence[Hit]) -> list[Evidence]:
    """Number the passages from 1, in the order in which the model reads them."""
    return [Evidence(n, hit) for n, hit in enumerate(hits, start=1)]


Idf = Callable[[str], float]
"""How much a stem tells: its inverse document frequency, highest for `UNSEEN`."""
