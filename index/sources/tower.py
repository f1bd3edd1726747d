"""Reader of the tower format: a whole knowledge base in one JSON object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from index.errors import KnowledgeBaseError
from index.mentions import label_year, resolve, source_id
from index.sources.bounded_files import read_text
from index.sources.problems import Problems, shown
from index.sources.records import TowerDataPoint, TowerFaq, TowerSource, TowerTopic
from index.sources.validate import Loc, ValidRecord, checked, json_path, known_ids, unique_sources
from index.sources.yaml_topics import (
    Item,
    caveats_of,
    data_points_of,
    faqs_of,
    links,
    placed,
    practice_of,
    sections_of_records,
)
from index.types import Source, Topic

__all__ = ["load_json", "read_tower"]


def load_json(text: str, name: str) -> object:
    """A JSON document as plain values.

    Raises:
        KnowledgeBaseError: the text is not JSON, or nested so deeply that it is no knowledge.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise KnowledgeBaseError(
            f"{name}:{error.lineno}: not readable as JSON: {error.msg}"
        ) from error


def _sources(
    records: Sequence[TowerSource], problems: Problems, place: Callable[[int], str]
) -> tuple[Source, ...]:
    taken = {record.id for record in records if record.id is not None}
    made = []
    for record in records:
        name = record.id
        if name is None:
            name = source_id(record.label, taken)
            taken.add(name)
        # A `year` of null says that none is known; only where the key is absent is it derived.
        stated = "year" in record.model_fields_set
        year = record.year if stated else label_year(record.label)
        made.append(Source(name, record.label, record.url, year))
    return unique_sources(made, problems, place)


def _text_of(item: Item) -> str:
    """What a figure or a question says, which may name its sources by author and year."""
    if isinstance(item, TowerDataPoint):
        return f"{item.label}. {item.value} {item.unit or ''}. {item.note}"
    if isinstance(item, TowerFaq):
        return f"{item.question} {item.answer}"
    return ""


def _topic(
    found: ValidRecord[TowerTopic], problems: Problems, place: Callable[[Loc], str]
) -> Topic:
    record = found.record
    sources = _sources(
        record.sources, problems, lambda i: place(("sources", found.position("sources", i)))
    )

    def ids(item: Item, key: str, i: int) -> tuple[str, ...]:
        if item.sources is None:
            return resolve(_text_of(item), sources)
        at = (key, found.position(key, i), "sources")
        return known_ids(item.sources, sources, problems, lambda: place(at))

    return Topic(
        slug=record.slug,
        title=record.title,
        category=record.category,
        description=record.description,
        snippet=record.citation_snippet,
        date_modified=record.date_modified,
        sources=sources,
        data_points=data_points_of(record.data_points, ids),
        faqs=faqs_of(record.faq_items, "faq_items", ids),
        definition=record.definition,
        terms=tuple(dict.fromkeys(record.terms)),
        practice=practice_of(record.practice, ids),
        caveats=caveats_of(record.caveats, ids),
        place=placed(record.place),
        see_also=links(record.see_also),
        sections=sections_of_records(record.sections),
    )


def read_tower(path: Path, problems: Problems) -> tuple[str | None, list[Topic]]:
    """The name that a tower document gives itself, and its topics.

    Raises:
        KnowledgeBaseError: the file can't be read or is not a tower document.
    """
    document = load_json(read_text(path), str(path))
    topics = document.get("topics") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(topics, list):
        raise KnowledgeBaseError(
            f"{path}: expected a tower document (an object with the list 'topics'), "
            f"found {shown(document)}"
        )
    name = document.get("tower")
    if name is not None and not isinstance(name, str):
        problems.add(f"{path} tower", "a string", shown(name))
    read = []
    for i, item in enumerate(topics):

        def place(loc: Loc, at: int = i) -> str:
            return f"{path} {json_path(('topics', at, *loc))}"

        found = checked(TowerTopic, item, problems, place)
        if found is not None:
            read.append(_topic(found, problems, place))
    return (name if isinstance(name, str) else None), read
