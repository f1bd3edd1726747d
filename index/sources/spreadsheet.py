"""Parser of Excel workbooks: a sheet is a section, its runs of rows are tables."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.html import table_block
from index.sources.office import opened_archive, words_of, xml_of

__all__ = ["parse_xlsx"]

_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# Built-in formats of dates and times (ECMA-376, part 1, 18.8.30).
_DATES = frozenset({*range(14, 23), 45, 46, 47})
_NO_FORMAT = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_COLUMN = re.compile(r"[A-Z]{1,3}")
_MOST_COLUMNS = 256


@dataclass(frozen=True, slots=True)
class _Book:
    """What cells refer to: texts by number, the styles that mean dates, and the day 0."""

    texts: Sequence[str]
    dates: frozenset[int]
    day_zero: datetime


def parse_xlsx(path: Path) -> Parsed:
    """An Excel workbook, the values of its cells as they were last computed.

    Raises:
        KnowledgeBaseError: it is none.
    """
    blocks: list[Block] = []
    with opened_archive(path, "an Excel workbook") as archive:
        names = set(archive.namelist())
        root = xml_of(archive, "xl/workbook.xml")
        targets = {
            one.get("Id"): posixpath.normpath(posixpath.join("/xl", one.get("Target", "")))
            for one in xml_of(archive, "xl/_rels/workbook.xml.rels")
        }
        strings, styles = (
            xml_of(archive, name) if name in names else None
            for name in ("xl/sharedStrings.xml", "xl/styles.xml")
        )
        texts = [words_of(one) for one in strings.iter("{*}si")] if strings is not None else []
        properties = next(root.iter("{*}workbookPr"), None)
        early = properties is None or properties.get("date1904") not in ("1", "true")
        day_zero = datetime(1899, 12, 30) if early else datetime(1904, 1, 1)  # noqa: DTZ001
        book = _Book(texts, _date_styles(styles), day_zero)
        for sheet in root.iter("{*}sheet"):
            name = targets[sheet.get(_REL)].lstrip("/")
            if name in names and name.startswith("xl/worksheets/"):
                tables = list(_tables(xml_of(archive, name), book))
                heading = Block(BlockKind.HEADING, sheet.get("name") or "Sheet", 1)
                blocks += [heading, *tables] if tables else []
    return Parsed(tuple(blocks))


def _date_styles(root: Any) -> frozenset[int]:  # noqa: ANN401 - lxml has no types
    if root is None:
        return frozenset()
    own = {
        int(one.get("numFmtId", "0"))
        for one in root.iter("{*}numFmt")
        if re.search("[yd]|h.*m", _NO_FORMAT.sub("", one.get("formatCode", "")).lower())
    }
    used = (one for formats in root.iter("{*}cellXfs") for one in formats.iter("{*}xf"))
    return frozenset(
        n for n, one in enumerate(used) if int(one.get("numFmtId", "0")) in _DATES | own
    )


def _tables(root: Any, book: _Book) -> Iterator[Block]:  # noqa: ANN401
    rows = [_row(row, book) for row in root.iter("{*}row")]
    for filled, run in groupby(rows, key=any):
        if not filled:
            continue
        found = list(run)
        width = max(max(n for n, cell in enumerate(row) if cell) + 1 for row in found)
        even = [[*row[:width], *[""] * (width - len(row))] for row in found]
        if len(even) == 1 or width == 1:
            yield from (Block(BlockKind.TEXT, " ".join(filter(None, row))) for row in even)
        else:
            yield Block(BlockKind.TABLE, table_block(even))


def _row(row: Any, book: _Book) -> list[str]:  # noqa: ANN401
    cells: list[str] = []
    for cell in row.iter("{*}c"):
        letters = _COLUMN.match(cell.get("r", ""))
        at = _number_of(letters[0]) if letters else len(cells)
        if at < _MOST_COLUMNS:
            cells += [""] * (at + 1 - len(cells))
            cells[at] = _value(cell, book)
    return cells


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: Any, book: _Book) -> str:  # noqa: ANN401
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return words_of(cell)
    stored = next((one.text or "" for one in cell.iter("{*}v")), "").strip()
    if kind == "s":
        return book.texts[int(stored)] if stored else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(stored, stored)
    if kind == "n" and stored and int(cell.get("s", "0")) in book.dates:
        return _date(float(stored), book.day_zero)
    return " ".join(stored.split())


def _date(days: float, day_zero: datetime) -> str:
    try:
        found = day_zero + timedelta(seconds=round(days * 86_400))
    except OverflowError:
        return f"{days:g}"
    if days < 1:
        return found.strftime("%H:%M:%S")
    return found.date().isoformat() if days == int(days) else found.isoformat(" ")
