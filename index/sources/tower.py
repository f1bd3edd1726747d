"""Reader of the tower format: a whole knowledge base in one JSON object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from index.errors import KnowledgeBaseError
from index.mentions import label_year, resolve, source_id
from index.sources.files import read_text
from index.sources.problems import Problems, shown
from index.sources.records import TowerDataPoint, TowerFaq, TowerSource, TowerTopic
from index.sources.validate import Checked, Loc, checked, json_path, known_ids, unique_sources
from index.sources.yaml_topics import (
    Item,
    caveats_of,
    links,
    placed,
    practice_of,
    sections_of_records,
)
from index.types import DataPoint, Faq, Source, Topic

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


def _topic(found: Checked[TowerTopic], problems: Problems, place: Callable[[Loc], str]) -> Topic:
    record = found.record
    sources = _sources(
        record.sources, problems, lambda i: place(("sources", found.position("sources", i)))
    )

    def ids(item: TowerDataPoint | TowerFaq, key: str, i: int, text: str) -> tuple[str, ...]:
        if item.sources is None:
            return resolve(text, sources)
        at = (key, found.position(key, i), "sources")
        return known_ids(item.sources, sources, problems, lambda: place(at))

    def stated_ids(item: Item, key: str, i: int) -> tuple[str, ...]:
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
        data_points=tuple(
            DataPoint(
                label=p.label,
                value=p.value,
                unit=p.unit or "",
                note=p.note,
                sources=ids(p, "data_points", i, f"{p.label}. {p.value} {p.unit or ''}. {p.note}"),
                also_asked=tuple(p.also_asked),
                checked=p.checked,
            )
            for i, p in enumerate(record.data_points)
        ),
        faqs=tuple(
            Faq(
                question=f.question,
                answer=f.answer,
                sources=ids(f, "faq_items", i, f"{f.question} {f.answer}"),
                also_asked=tuple(f.also_asked),
                checked=f.checked,
                place=placed(f.place),
                see_also=links(f.see_also),
            )
            for i, f in enumerate(record.faq_items)
        ),
        definition=record.definition,
        terms=tuple(dict.fromkeys(record.terms)),
        practice=practice_of(record.practice, stated_ids),
        caveats=caveats_of(record.caveats, stated_ids),
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
