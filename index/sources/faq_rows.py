"""FAQ rows, as CSV and JSONL hold them: a question, an answer, perhaps a topic and a source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict

from index.sources.mentions import label_year, source_id
from index.sources.problems import Problems
from index.sources.records import Checked, Filled, Text, Url
from index.sources.slugs import slugify
from index.sources.validate import known_ids
from index.types import Faq, Source, Topic

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
    for name in ("sources", "also_asked", "checked"):
        if name in lowered:
            named[name] = row[lowered[name]]
    if "source" in lowered:
        source = row[lowered["source"]]
        is_address = isinstance(source, str) and re.match(r"\s*https?://", source)
        named.setdefault("source_url" if is_address else "source_label", source)
    return named


@dataclass
class _Draft:
    topic: Topic
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)
    faqs: list[Faq] = field(default_factory=list)

    def source(self, row: FaqRow) -> tuple[str, ...]:
        """The id of the row's source, which is added to the topic where it is new."""
        if not row.source_url and not row.source_label:
            return ()
        label = row.source_label or urlsplit(row.source_url).netloc or row.source_url
        key = (row.source_url, label)
        if key not in self.sources:
            taken = {s.id for s in (*self.topic.sources, *self.sources.values())}
            name = source_id(label, taken)
            self.sources[key] = Source(name, label, row.source_url, label_year(label))
        return (self.sources[key].id,)


class TopicsFromRows:
    """Gathers rows into topics, in the order in which the topics are first met.

    Args:
        default: title of the topic of rows that name none.
    """

    def __init__(self, default: str) -> None:
        self._default = default
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
        ids = (
            draft.source(row)
            if row.sources is None
            else known_ids(row.sources, draft.topic.sources, problems, place)
        )
        draft.faqs.append(Faq(row.question, row.answer, ids, tuple(row.also_asked), row.checked))

    def topics(self) -> Iterable[Topic]:
        """The finished topics."""
        for draft in self._drafts.values():
            yield replace(
                draft.topic,
                sources=(*draft.topic.sources, *draft.sources.values()),
                faqs=(*draft.topic.faqs, *draft.faqs),
            )
