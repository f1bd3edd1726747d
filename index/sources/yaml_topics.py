"""Reader of Citewise's own format: one YAML file a topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from index.sources.files import read_text
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
)
from index.sources.validate import Checked, Loc, checked, json_path, known_ids, unique_sources
from index.types import Caveat, DataPoint, Faq, Link, Place, Practice, Section, Source, Topic

__all__ = [
    "caveats_of",
    "links",
    "parse_topic",
    "placed",
    "practice_of",
    "read_topic",
    "sections_of_records",
    "topic_from",
]

Item = DataPointRecord | FaqRecord | PracticeRecord | CaveatRecord
FindIds = Callable[[Item, str, int], tuple[str, ...]]


def topic_from(
    found: Checked[TopicRecord], problems: Problems, place: Callable[[Loc], str]
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
        return known_ids(item.sources, sources, problems, lambda: place(at))

    return Topic(
        slug=record.slug,
        title=record.title,
        category=record.category,
        description=record.description,
        snippet=record.snippet,
        date_modified=record.date_modified,
        sources=sources,
        data_points=tuple(
            DataPoint(
                p.label,
                p.value,
                p.unit,
                p.note,
                ids(p, "data_points", i),
                (*p.also_asked,),
                p.checked,
            )
            for i, p in enumerate(record.data_points)
        ),
        faqs=tuple(
            Faq(
                f.question,
                f.answer,
                ids(f, "faqs", i),
                (*f.also_asked,),
                f.checked,
                placed(f.place),
                links(f.see_also),
            )
            for i, f in enumerate(record.faqs)
        ),
        definition=record.definition,
        terms=tuple(dict.fromkeys(record.terms)),
        practice=practice_of(record.practice, ids),
        caveats=caveats_of(record.caveats, ids),
        place=placed(record.place),
        see_also=links(record.see_also),
        sections=sections_of_records(record.sections),
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
