"""Readers of FAQ tables: CSV, TSV and JSON Lines."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from index.errors import KnowledgeBaseError
from index.sources.faq_rows import FaqRow, TopicsFromRows, with_field_names
from index.sources.files import Document, read_text
from index.sources.problems import Problems, shown
from index.sources.records import TopicRecord
from index.sources.tower import load_json
from index.sources.validate import Loc, checked, json_path
from index.sources.yaml_topics import topic_from
from index.types import Topic

__all__ = ["read_csv", "read_jsonl"]

_DELIMITERS = (",", ";", "\t", "|")


def _add(row: dict[str, Any], place: str, topics: TopicsFromRows, problems: Problems) -> None:
    def inside(loc: Loc) -> str:
        return f"{place} {json_path(loc)}".rstrip()

    found = checked(FaqRow, row, problems, inside)
    if found is not None:
        topics.add(found.record, problems, lambda: inside(("sources",)))


def _rows(text: str, delimiter: str) -> tuple[list[str], Any]:
    # `strict` makes the parser refuse a quote that is never closed.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return next(rows, []), rows


def _opened(text: str, path: Path) -> tuple[list[str], Any]:
    """The header and the rows after it, under the delimiter that gives the two columns."""
    header: list[str] = []
    try:
        for delimiter in _DELIMITERS:
            header, rows = _rows(text, delimiter)
            if {"question", "answer"} <= with_field_names(dict.fromkeys(header)).keys():
                return header, rows
        header, _ = _rows(text, _DELIMITERS[0])
    except csv.Error as error:
        raise KnowledgeBaseError(f"{path}:1: not readable as CSV: {error}") from error
    names = ", ".join(repr(name[:30]) for name in header[:8]) or "an empty file"
    raise KnowledgeBaseError(
        f"{path}:1: expected a header row with the columns question and answer "
        f"(and, if you like, topic, source_url, source_label), found {names}"
    )


def read_csv(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """The topics of a FAQ table with a header row; the delimiter is the one that fits it.

    Raises:
        KnowledgeBaseError: the file can't be read, or its header lacks question or answer.
    """
    header, rows = _opened(read_text(path), path)
    topics = TopicsFromRows(path.stem, document)
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            problems.add(f"{path}:{line}", "a CSV row", f"{error}; the rest is left out")
            break
        if cells is None:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            problems.add(f"{path}:{line}", f"{len(header)} columns", f"{len(cells)}")
            continue
        padded = cells + [""] * (len(header) - len(cells))
        row = with_field_names(dict(zip(header, padded, strict=True)))
        # A table has no lists: ids and other phrasings can't be told from prose there.
        row = {key: cell for key, cell in row.items() if key not in ("sources", "also_asked")}
        _add(row, f"{path}:{line}", topics, problems)
    return list(topics.topics())


def _begin(
    document: dict[str, Any], place: str, topics: TopicsFromRows, problems: Problems
) -> None:
    """A topic's own record, as `index export` writes it before the topic's questions."""

    def inside(loc: Loc) -> str:
        return f"{place} {json_path(loc)}".rstrip()

    own = {key: value for key, value in document.items() if key != "record"}
    found = checked(TopicRecord, own, problems, inside)
    if found is None:
        return
    if topics.has(found.record.slug):
        problems.add(place, "distinct slugs", f"a second topic {found.record.slug!r}; left out")
    else:
        topics.begin(topic_from(found, problems, inside))


def read_jsonl(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """The topics of a file with one JSON object a line.

    A line is a FAQ row, or, with `"record": "topic"`, what a topic has besides its questions.

    Raises:
        KnowledgeBaseError: the file can't be read.
    """
    topics = TopicsFromRows(path.stem, document)
    # Not splitlines(): it also splits at characters that may stand inside a JSON string.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        place = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            record = load_json(line, str(path))
        except KnowledgeBaseError as error:
            problems.add(place, "a JSON object", str(error.__cause__ or error))
            continue
        if not isinstance(record, dict):
            problems.add(place, "a JSON object", shown(record))
        elif record.get("record") == "topic":
            _begin(record, place, topics, problems)
        else:
            _add(with_field_names(record), place, topics, problems)
    return list(topics.topics())
