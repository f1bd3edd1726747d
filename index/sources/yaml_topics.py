"""Reader of Citewise's own format: one YAML file a topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from index.sources.bounded_files import read_text
from index.sources.plain_yaml import load_yaml
from index.sources.problems import Problems
from index.sources.records import (
    CaveatRecord,
    DataPointRecord,
    FaqRecord,
    LinkRecord,
    PlaceRecord,
    PracticeRecord,
    SectionRecord,
    TopicRecord,
    TowerDataPoint,
    TowerFaq,
)
from index.sources.validate import Loc, ValidRecord, checked, json_path, known_ids, unique_sources
from index.types import Caveat, DataPoint, Faq, Link, Place, Practice, Section, Source, Topic

__all__ = [
    "caveats_of",
    "data_points_of",
    "faqs_of",
    "links",
    "parse_topic",
    "placed",
    "practice_of",
    "read_topic",
    "sections_of_records",
    "topic_from",
]

DataPoints = Sequence[DataPointRecord | TowerDataPoint]
Faqs = Sequence[FaqRecord | TowerFaq]
Item = DataPointRecord | FaqRecord | PracticeRecord | CaveatRecord | TowerDataPoint | TowerFaq
FindIds = Callable[[Item, str, int], tuple[str, ...]]


def topic_from(
    found: ValidRecord[TopicRecord], problems: Problems, place: Callable[[Loc], str]
) -> Topic:
    """The topic of a checked record; ids that name no source are noted and left out."""
    record = found.record
    sources = unique_sources(
        (Source(s.id, s.label, s.url, s.year) for s in record.sources),
        problems,
        lambda i: place(("sources", found.position("sources", i))),
    )

    def ids(item: Item, key: str, i: int) -> tuple[str, ...]:
        at = (key, found.position(key, i), "sources")
        return known_ids(item.sources or (), sources, problems, lambda: place(at))

    return Topic(
        slug=record.slug,
        title=record.title,
        category=record.category,
        description=record.description,
        snippet=record.snippet,
        date_modified=record.date_modified,
        sources=sources,
        data_points=data_points_of(record.data_points, ids),
        faqs=faqs_of(record.faqs, "faqs", ids),
        definition=record.definition,
        terms=tuple(dict.fromkeys(record.terms)),
        practice=practice_of(record.practice, ids),
        caveats=caveats_of(record.caveats, ids),
        place=placed(record.place),
        see_also=links(record.see_also),
        sections=sections_of_records(record.sections),
    )


def data_points_of(records: DataPoints, ids: FindIds) -> tuple[DataPoint, ...]:
    """The data points of a topic; `ids` finds an item's sources by its list and position."""
    return tuple(
        DataPoint(
            label=p.label,
            value=p.value,
            unit=p.unit or "",
            note=p.note,
            sources=ids(p, "data_points", i),
            also_asked=(*p.also_asked,),
            checked=p.checked,
        )
        for i, p in enumerate(records)
    )


def faqs_of(records: Faqs, key: str, ids: FindIds) -> tuple[Faq, ...]:
    """The questions of a topic, which stand in its file under `key`."""
    return tuple(
        Faq(
            question=f.question,
            answer=f.answer,
            sources=ids(f, key, i),
            also_asked=(*f.also_asked,),
            checked=f.checked,
            place=placed(f.place),
            see_also=links(f.see_also),
        )
        for i, f in enumerate(records)
    )


def placed(record: PlaceRecord | None) -> Place | None:
    """The place that a record tells, if it tells one."""
    return Place(record.path, (*record.section,), record.anchor, record.page) if record else None


def sections_of_records(records: Sequence[SectionRecord]) -> tuple[Section, ...]:
    """The sections that records tell."""
    return tuple(
        Section(
            record.id, record.heading, record.text,
            Place(record.place.path, (*record.place.section,), record.place.anchor,
                  record.place.page),
            links(record.see_also),
        )
        for record in records
    )  # fmt: skip


def links(records: Sequence[LinkRecord]) -> tuple[Link, ...]:
    """The links that records tell."""
    return tuple(Link(record.label, record.url) for record in records)


def practice_of(records: Sequence[PracticeRecord], ids: FindIds) -> tuple[Practice, ...]:
    """The statements of practice, with the ids of their sources as `ids` finds them."""
    return tuple(
        Practice(p.text, p.why, p.sign, ids(p, "practice", i), (*p.also_asked,), p.checked)
        for i, p in enumerate(records)
    )


def caveats_of(records: Sequence[CaveatRecord], ids: FindIds) -> tuple[Caveat, ...]:
    """The caveats, with the ids of their sources as `ids` finds them."""
    return tuple(Caveat(c.text, ids(c, "caveats", i)) for i, c in enumerate(records))


def parse_topic(text: str, name: str, problems: Problems) -> Topic | None:
    """One topic from the text of its file, or None where it can't be used.

    Args:
        text: YAML.
        name: the file as messages name it.
        problems: where bad records are noted.

    Raises:
        KnowledgeBaseError: the text is not YAML.
    """
    document = load_yaml(text, name)

    def place(loc: Loc) -> str:
        return f"{name}:{document.line(loc)} {json_path(loc)}".rstrip()

    found = checked(TopicRecord, document.value, problems, place)
    return None if found is None else topic_from(found, problems, place)


def read_topic(path: Path, problems: Problems) -> Topic | None:
    """One topic from its file.

    Raises:
        KnowledgeBaseError: the file can't be read or is not YAML.
    """
    return parse_topic(read_text(path), str(path), problems)
