"""FAQ rows, as CSV and JSONL hold them: a question, an answer, perhaps a topic and a source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict

from index.mentions import label_year, source_id
from index.sources.bounded_files import Document
from index.sources.problems import Problems
from index.sources.records import Checked, Filled, LinkRecord, PlaceRecord, Text, Url
from index.sources.slugs import slugify
from index.sources.validate import known_ids
from index.sources.yaml_topics import links, placed
from index.types import Faq, Place, Source, Topic

__all__ = ["FaqRow", "TopicsFromRows", "with_field_names"]

# The names under which people keep the same column, best first.
_ALIASES: dict[str, tuple[str, ...]] = {
    "question": ("question", "q", "prompt", "query", "faq", "frage"),
    "answer": ("answer", "a", "response", "reply", "completion", "antwort"),
    "topic": ("topic", "category", "section", "group", "subject", "thema"),
    "source_url": ("source_url", "url", "link", "href", "source_link", "reference_url"),
    "source_label": ("source_label", "source_title", "citation", "reference", "source_name"),
}


def _known_check(value: object) -> str:
    """A column of this name may hold anything in a stranger's table: only our words are kept."""
    return value if isinstance(value, str) and value in get_args(Checked) else ""


def _our_place(value: object) -> object:
    """So may one of the name `place`."""
    return value if isinstance(value, dict) and "path" in value else None


def _our_links(value: object) -> object:
    return value if isinstance(value, list) and all(isinstance(v, dict) for v in value) else []


class FaqRow(BaseModel):
    """One row. `sources` holds ids where the topic's own record came before."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    question: Filled
    answer: Filled
    topic: Text = ""
    source_url: Url = ""
    source_label: Text = ""
    sources: list[Filled] | None = None
    also_asked: list[Filled] = []
    checked: Annotated[str, BeforeValidator(_known_check)] = ""
    place: Annotated[PlaceRecord | None, BeforeValidator(_our_place)] = None
    see_also: Annotated[list[LinkRecord], BeforeValidator(_our_links)] = []


def with_field_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its columns under the names of `FaqRow`.

    A column called just "source" is an address where it looks like one, else a label.
    """
    lowered = {re.sub(r"[\s-]+", "_", str(key).strip().lower()): key for key in reversed([*row])}
    named = {
        name: row[lowered[key]]
        for name, keys in _ALIASES.items()
        for key in reversed(keys)
        if key in lowered
    }
    for name in ("sources", "also_asked", "checked", "place", "see_also"):
        if name in lowered:
            named[name] = row[lowered[name]]
    if "source" in lowered:
        source = row[lowered["source"]]
        is_address = isinstance(source, str) and re.match(r"\s*https?://", source)
        named.setdefault("source_url" if is_address else "source_label", source)
    # pandas writes null where a cell is empty.
    return {name: value for name, value in named.items() if value is not None}


@dataclass
class _Draft:
    topic: Topic
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)
    faqs: list[Faq] = field(default_factory=list)

    def source(self, url: str, label: str) -> tuple[str, ...]:
        """The id of a source, which is added to the topic where it is new."""
        key = (url, label)
        if key not in self.sources:
            taken = {s.id for s in (*self.topic.sources, *self.sources.values())}
            name = source_id(label, taken)
            self.sources[key] = Source(name, label, url, label_year(label))
        return (self.sources[key].id,)


class TopicsFromRows:
    """Gathers rows into topics, in the order in which the topics are first met.

    A row that names no source is the table's own: it is quoted from it.

    Args:
        default: title of the topic of rows that name none.
        document: the table.
    """

    def __init__(self, default: str, document: Document) -> None:
        self._default, self._document = default, document
        self._drafts: dict[str, _Draft] = {}

    def has(self, slug: str) -> bool:
        """Whether a topic of this slug was begun."""
        return slug in self._drafts

    def begin(self, topic: Topic) -> None:
        """Start a topic whose own record is known; its rows follow."""
        self._drafts[topic.slug] = _Draft(topic)

    def add(self, row: FaqRow, problems: Problems, place: Callable[[], str]) -> None:
        """Add one row to its topic."""
        title = row.topic or self._default
        slug = title if title in self._drafts else slugify(title)
        draft = self._drafts.setdefault(slug, _Draft(Topic(slug, title)))
        at = placed(row.place)
        if row.sources is not None:
            ids = known_ids(row.sources, draft.topic.sources, problems, place)
        elif row.source_url or row.source_label:
            label = row.source_label or urlsplit(row.source_url).netloc or row.source_url
            ids = draft.source(row.source_url, label)
        else:
            ids = draft.source(self._document.url, self._document.path)
            at = Place(self._document.path, (row.question,))
        draft.faqs.append(
            Faq(
                row.question,
                row.answer,
                ids,
                tuple(row.also_asked),
                row.checked,
                at,
                links(row.see_also),
            )
        )

    def topics(self) -> Iterable[Topic]:
        """The finished topics."""
        for draft in self._drafts.values():
            yield replace(
                draft.topic,
                sources=(*draft.topic.sources, *draft.sources.values()),
                faqs=(*draft.topic.faqs, *draft.faqs),
            )
