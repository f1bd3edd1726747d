"""What the knowledge base is made of, and what a search returns.

A knowledge base is read into topics; each topic is cut into passages, the units that are
retrieved and cited. All of these are frozen: a stage makes new ones and changes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Caveat",
    "DataPoint",
    "Faq",
    "Figure",
    "Hit",
    "KnowledgeBase",
    "Link",
    "Passage",
    "PassageKind",
    "Place",
    "Practice",
    "SearchHits",
    "Section",
    "Source",
    "Topic",
]


@dataclass(frozen=True, slots=True)
class Source:
    """A paper, book or page that bears a claim. `year` is None where none is known."""

    id: str
    label: str
    url: str
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document a text stands, word for word.

    `path` is the document's file, from the folder that was read; `section` the headings that
    lead to it, outermost first; `anchor` what follows `#` in its address; `page` counts from 1.
    What is not known is empty or None.
    """

    path: str
    section: tuple[str, ...] = ()
    anchor: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A page that a document points to; nothing says that it bears what the document states."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class DataPoint:
    """One figure: `value` is a string as printed, `unit` is empty where there is none."""

    label: str
    value: str
    unit: str = ""
    note: str = ""
    sources: tuple[str, ...] = ()
    also_asked: tuple[str, ...] = ()
    checked: str = ""


@dataclass(frozen=True, slots=True)
class Faq:
    """A question with its answer, the other ways it is asked, and the ids of its sources.

    `place` says where the answer stands in a document, word for word; None where it is the
    knowledge base's own words. `see_also` is what that document links to there.
    """

    question: str
    answer: str
    sources: tuple[str, ...] = ()
    also_asked: tuple[str, ...] = ()
    checked: str = ""
    place: Place | None = None
    see_also: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Practice:
    """What to do and why; `sign` is how one sees that it worked or went wrong, if any."""

    text: str
    why: str = ""
    sign: str = ""
    sources: tuple[str, ...] = ()
    also_asked: tuple[str, ...] = ()
    checked: str = ""


@dataclass(frozen=True, slots=True)
class Caveat:
    """What is disputed, or where something stops holding."""

    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document that is retrieved and cited as it stands there.

    `id` is `<source>/<path>#<headings>/<digest of the text>`, so that it means the same text
    whatever else changes in the file. `heading` is what it is about: the headings above it,
    without the document's title. `text` is Markdown, `see_also` what it links to.
    """

    id: str
    heading: str
    text: str
    place: Place
    see_also: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject of the knowledge base. Ids in its items name its `sources`.

    `definition` opens an answer to "What is it?"; `terms` are the names, abbreviations and
    identifiers that people use for it. `checked` of an item says how its figures were checked.
    `place` says where the description stands in a document, as that of a question. A topic that
    is a document has `sections`, cut from its text, and one source: itself.
    """

    slug: str
    title: str
    category: str = ""
    description: str = ""
    snippet: str = ""
    date_modified: str = ""
    sources: tuple[Source, ...] = ()
    data_points: tuple[DataPoint, ...] = ()
    faqs: tuple[Faq, ...] = ()
    definition: str = ""
    terms: tuple[str, ...] = ()
    practice: tuple[Practice, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    place: Place | None = None
    see_also: tuple[Link, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """A named collection of topics with distinct slugs."""

    name: str
    topics: tuple[Topic, ...]


class PassageKind(StrEnum):
    """Which part of a topic a passage is; also the middle of its id."""

    FAQ = "faq"
    DATA = "data"
    PRACTICE = "practice"
    CAVEAT = "caveat"
    DEFINITION = "definition"
    DESCRIPTION = "description"
    SNIPPET = "snippet"
    SECTION = "section"


@dataclass(frozen=True, slots=True)
class Figure:
    """A data point in its parts, as printed; `unit` and `note` are empty where it has none."""

    value: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is retrieved and cited.

    `id` is a position in the source: `<slug>/faq/<i>`, `/data/<i>`, `/practice/<i>`,
    `/caveat/<i>`, `/definition`, `/description` or `/snippet`; a section of a document has its
    own. `heading` is the question, the
    data point's label or what kind of statement it is, `text` what may be quoted. `category` is
    the topic's; `figure` is what a data point states, and None for the other kinds. `place` is
    where the text stands in its source, word for word; None says that it is the knowledge base's
    own words, which rest on the sources. `see_also` is what its document links to there.
    """

    id: str
    kind: PassageKind
    topic: str
    title: str
    heading: str
    text: str
    sources: tuple[Source, ...] = ()
    category: str = ""
    figure: Figure | None = None
    place: Place | None = None
    see_also: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage. `score` is the fused one; `trace` names each stage's own score.

    `met` tells how well each of the query's tokens is met by one of the passage's, -1 to 1; it
    is empty where late interaction did not read the passage.
    """

    passage: Passage
    score: float
    trace: Mapping[str, float] = field(default_factory=dict)
    met: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchHits:
    """Hits, best first, with the time each stage took in milliseconds.

    `token_weights` are the shares of the query's tokens in late interaction, 1 in all.
    """

    query: str
    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    token_weights: tuple[float, ...] = ()
