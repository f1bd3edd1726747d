"""Parser of PDF: text in reading order, page by page, under the headings of its outline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from index.errors import KnowledgeBaseError
from index.sources.blocks import Block, BlockKind, Parsed

__all__ = ["parse_pdf"]

_MOST_PAGES = 3000
# A line that stands at the edge of this many pages, and of half of all, is a running head.
_RUNNING = 4
_SHORT_PAGE = 8
_ITEM = re.compile(r"(?:[•‣▪◦–-]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+\S")
_ENDS = re.compile(r"[.!?:…][\"'”’)\]]*$")


def parse_pdf(path: Path) -> Parsed:
    """The text of a PDF.

    Raises:
        KnowledgeBaseError: it is none, is locked with a password, or has too many pages.
    """
    import pypdfium2  # type: ignore[import-untyped]

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise KnowledgeBaseError(f"{path}: not readable as PDF: {error}") from error
    try:
        if len(document) > _MOST_PAGES:
            raise KnowledgeBaseError(
                f"{path}: expected at most {_MOST_PAGES:,} pages, found {len(document):,}; split it"
            )
        outline = _outline(document)
        pages = [_lines(document[n]) for n in range(len(document))]
        title = str(document.get_metadata_dict().get("Title") or "").strip()
    except pypdfium2.PdfiumError as error:
        raise KnowledgeBaseError(f"{path}: not readable as PDF: {error}") from error
    finally:
        document.close()
    known = {_bare(name) for marks in outline.values() for _, name in marks}
    blocks = [
        block
        for number, lines in enumerate(_without_running_heads(pages, known), 1)
        for block in _page(lines, number, outline.get(number, []))
    ]
    return Parsed(tuple(blocks), title if _tells(title) else "")


def _tells(title: str) -> bool:
    """Whether a title is one, not what a program calls its file."""
    return " " in title and not re.search(r"\.\w{2,4}$|^(?:untitled|microsoft word)", title, re.I)


def _outline(document: object) -> dict[int, list[tuple[int, str]]]:
    """Level and title of the headings of each page, by its number from 1."""
    import pypdfium2

    found: dict[int, list[tuple[int, str]]] = {}
    if not isinstance(document, pypdfium2.PdfDocument):
        return found
    for mark in document.get_toc(max_depth=6):
        place = mark.get_dest()
        index = place.get_index() if place is not None else None
        title = " ".join(str(mark.get_title()).split())
        if index is not None and title:
            found.setdefault(index + 1, []).append((mark.level + 1, title))
    return found


def _lines(page: object) -> list[str]:
    text = page.get_textpage().get_text_bounded()  # type: ignore[attr-defined]
    # U+FFFE and U+0002 stand where a word was divided at the end of a line.
    text = re.sub(r"[\ufffe\u0002]\r?\n?", "", text)
    # Leaders of a table of contents.
    text = re.sub(r"(?:[ \t]*\.){5,}", " …", text)
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\uffff]", " ", text)
    return [line.strip() for line in re.split(r"\r\n|\r|\n", text)]


def _without_running_heads(pages: Sequence[list[str]], headings: set[str]) -> list[list[str]]:
    """The pages without what is repeated at their edges, numbers aside, and is no heading."""

    def folded(line: str) -> str:
        return re.sub(r"\d+", "#", line)

    def edges(lines: Sequence[str]) -> set[int]:
        depth = 2 if len(lines) > _SHORT_PAGE else 1
        return {n for n in range(len(lines)) if min(n, len(lines) - 1 - n) < depth}

    counts = Counter(
        edge
        for lines in pages
        for edge in {folded(lines[n]) for n in edges(lines) if _bare(lines[n]) not in headings}
    )
    running = {edge for edge, n in counts.items() if edge and n >= max(_RUNNING, len(pages) / 2)}
    kept = []
    for lines in pages:
        dropped = {
            n for n in edges(lines)
            if folded(lines[n]) in running and _bare(lines[n]) not in headings
        }  # fmt: skip
        kept.append([line for n, line in enumerate(lines) if n not in dropped])
    return kept


def _page(lines: Sequence[str], number: int, headings: list[tuple[int, str]]) -> Iterator[Block]:
    """Paragraphs of a page, each under the heading whose line stands above it."""
    left = list(headings)
    gathered: list[str] = []
    width = max((len(line) for line in lines), default=0)
    position = 0
    while position < len(lines):
        found = _heading_at(lines, position, left)
        if found is not None:
            heading, position = found
            yield from _paragraph(gathered, number)
            gathered = []
            # Those before it that have no line of their own come first.
            until = left.index(heading) + 1
            yield from (Block(BlockKind.HEADING, t, n, page=number) for n, t in left[:until])
            del left[:until]
            continue
        line = lines[position]
        position += 1
        if not line or (_ITEM.match(line) and gathered):
            yield from _paragraph(gathered, number)
            gathered = []
        if line:
            gathered.append(line)
        if _ENDS.search(line) and len(line) < 0.8 * width:
            yield from _paragraph(gathered, number)
            gathered = []
    yield from _paragraph(gathered, number)
    yield from (Block(BlockKind.HEADING, title, level, page=number) for level, title in left)


def _heading_at(
    lines: Sequence[str], position: int, headings: Sequence[tuple[int, str]]
) -> tuple[tuple[int, str], int] | None:
    """The heading whose one to three lines stand here, and where the text goes on."""
    if not headings or not lines[position]:
        return None
    for length in (1, 2, 3):
        here = _bare(" ".join(lines[position : position + length]))
        for heading in headings:
            if here and here == _bare(heading[1]):
                return heading, position + length
    return None


def _bare(text: str) -> str:
    """A heading without its number and its typography."""
    return re.sub(r"\W+", "", re.sub(r"^[\dA-Z]?[\d.]*\s+", "", text)).casefold()


def _paragraph(lines: Sequence[str], number: int) -> Iterator[Block]:
    text = ""
    for line in lines:
        if re.search(r"[^\W\d_]-$", text) and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    if text:
        kind = BlockKind.ITEM if _ITEM.match(text) else BlockKind.TEXT
        yield Block(kind, re.sub(r"^[•‣▪◦–]\s*", "- ", text), page=number)
