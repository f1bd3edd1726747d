"""Readers of FAQ tables: CSV, TSV and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from index.errors import KnowledgeBaseError
from index.sources.bounded_files import MAX_BYTES, Document, read_text
from index.sources.faq_rows import FaqRow, TopicsFromRows, with_field_names
from index.sources.problems import Problems, shown
from index.sources.records import TopicRecord, is_url
from index.sources.validate import Loc, checked, json_path
from index.sources.yaml_topics import topic_from
from index.types import Topic

__all__ = ["has_questions", "read_csv", "read_jsonl"]

_DELIMITERS = (",", ";", "\t", "|")
# Beyond this many lines, a quote was never closed.
_MOST_LINES = 2000


def _add(row: dict[str, Any], place: str, topics: TopicsFromRows, problems: Problems) -> None:
    def inside(loc: Loc) -> str:
        return f"{place} {json_path(loc)}".rstrip()

    address = row.get("source_url")
    if isinstance(address, str) and not is_url(address):
        problems.add(f"{place} source_url", "an http(s) address; the row is kept", shown(address))
        del row["source_url"]
    found = checked(FaqRow, row, problems, inside)
    if found is not None:
        topics.add(found.record, problems, lambda: inside(("sources",)))


@dataclass(frozen=True, slots=True)
class _Table:
    """A table's header, its rows' physical lines, and what separates their cells."""

    header: list[str]
    lines: list[str]
    delimiter: str
    first: int

    def rows(self, problems: Problems, path: Path) -> Iterator[tuple[int, list[str]]]:
        """Each row with the line on which it begins, from 1; a row that is broken is noted.

        Where a quote is never closed, that line is lost and reading goes on with the next.
        """
        position = self.first
        while position < len(self.lines):
            row, read, fault = self._row(position)
            if fault:
                problems.add(f"{path}:{position + 1}", "a CSV row", fault)
                position += 1
                continue
            if any(cell.strip() for cell in row):
                yield position + 1, row
            position += read

    def _row(self, position: int) -> tuple[list[str], int, str]:
        # `strict` makes the parser refuse a quote that is never closed.
        lines = self.lines[position : position + _MOST_LINES]
        rows = csv.reader(lines, delimiter=self.delimiter, strict=True)
        try:
            return next(rows, []), rows.line_num, ""
        except csv.Error as error:
            return [], 0, str(error)


def _lines_of(text: str) -> tuple[list[str], int, str | None]:
    """A table's lines, where its header is, and the delimiter that a first line `sep=;` names."""
    lines = list(io.StringIO(text, newline=""))
    named = None
    for number, line in enumerate(lines):
        stated = re.fullmatch(r"\"?sep=(.)\"?\s*", line)
        if stated and named is None:
            named = stated[1]
        elif line.strip().strip(",;\t|"):
            return lines, number, named
    return lines, len(lines), named


def _opened(text: str, path: Path) -> _Table:
    """The table, under the delimiter that gives the two columns."""
    # A field may be as long as a file may be; the default ends at 131,072 characters.
    csv.field_size_limit(MAX_BYTES)
    lines, start, named = _lines_of(text)
    header: list[str] = []
    for delimiter in [named] if named else _DELIMITERS:
        found, read, _ = _Table([], lines, delimiter, 0)._row(start)
        header = header or found
        if {"question", "answer"} <= with_field_names(dict.fromkeys(found, "")).keys():
            _refuse_twice(found, f"{path}:{start + 1}")
            return _Table(found, lines, delimiter, start + read)
    names = ", ".join(repr(name[:30]) for name in header[:8]) or "an empty file"
    raise KnowledgeBaseError(
        f"{path}:{start + 1}: expected a header row with the columns question and answer "
        f"(and, if you like, topic, source_url, source_label), found {names}"
    )


def _refuse_twice(header: Sequence[str], place: str) -> None:
    known = [name for name in header if with_field_names({name: ""})]
    folded = [name.strip().lower() for name in known]
    twice = [name for name in known if folded.count(name.strip().lower()) > 1]
    if twice:
        raise KnowledgeBaseError(
            f"{place}: expected distinct columns, found {', '.join(map(repr, twice))}; "
            "rename or remove all but one of them"
        )


def has_questions(text: str) -> bool:
    """Whether a table has the columns of a FAQ."""
    try:
        return bool(_opened(text, Path()).header)
    except KnowledgeBaseError as error:
        return "distinct columns" in str(error)


def read_csv(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """The topics of a FAQ table with a header row; the delimiter is the one that fits it.

    A row that is broken costs that row only.

    Raises:
        KnowledgeBaseError: the file can't be read, its header lacks question or answer, or has
            one of its columns twice.
    """
    table = _opened(read_text(path), path)
    header = table.header
    topics = TopicsFromRows(path.stem, document)
    for line, cells in table.rows(problems, path):
        if any(cell.strip() for cell in cells[len(header) :]):
            problems.add(f"{path}:{line}", f"{len(header)} columns", f"{len(cells)}")
            continue
        padded = cells[: len(header)] + [""] * (len(header) - len(cells))
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
    for place, text in _records(read_text(path), path):
        if isinstance(text, str):
            try:
                found = load_json_leniently(text)
            except ValueError as error:
                problems.add(place, "a JSON object", str(error))
                continue
        else:
            found = text
        if not isinstance(found, dict):
            problems.add(place, "a JSON object", shown(found))
        elif found.get("record") == "topic":
            _begin(found, place, topics, problems)
        else:
            _add(with_field_names(found), place, topics, problems)
    return list(topics.topics())


def _records(text: str, path: Path) -> Iterator[tuple[str, object]]:
    """What stands on each line, still as text, or in a list that the file holds instead."""
    if text.lstrip().startswith("["):
        try:
            listed = load_json_leniently(text)
        except ValueError:
            listed = None
        if isinstance(listed, list):
            yield from ((f"{path}[{n}]", item) for n, item in enumerate(listed))
            return
    # Not splitlines(): it also splits at characters that may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def load_json_leniently(text: str) -> object:
    """A JSON value; NaN, as pandas writes what is missing, is null.

    Raises:
        ValueError: it is not JSON, or nested so deeply that it is no record.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as strict:
        if "NaN" not in text:
            raise
        try:
            return json.loads(text, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise strict from error
