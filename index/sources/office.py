"""Parsers of Word, PowerPoint, OpenDocument text and e-books: all are archives of XML."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from index.errors import KnowledgeBaseError
from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.html import blocks_of, table_block

__all__ = [
    "opened_archive", "parse_docx", "parse_epub", "parse_odt", "parse_pptx", "words_of", "xml_of",
]  # fmt: skip

# What an archive may hold unpacked.
_MOST_BYTES = 256 * 1024 * 1024
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DC = "{http://purl.org/dc/elements/1.1/}"


@contextmanager
def opened_archive(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """An archive whose content is of a size that can be read.

    Raises:
        KnowledgeBaseError: it is none, or what is read inside is not what it should be.
    """
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
            if size > _MOST_BYTES:
                raise KnowledgeBaseError(
                    f"{path}: expected at most {_MOST_BYTES:,} bytes unpacked, found {size:,}"
                )
            yield archive
    except (zipfile.BadZipFile, LxmlError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise KnowledgeBaseError(f"{path}: not readable as {what}: {error}") from error


def xml_of(archive: zipfile.ZipFile, name: str) -> Any:  # noqa: ANN401 - lxml has no types
    """The XML of a member; no entity is resolved and nothing fetched."""
    from lxml import etree  # type: ignore[import-untyped]

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(archive.read(name), parser)


def words_of(node: Any) -> str:  # noqa: ANN401
    """The text of an element and all within it, with single spaces."""
    return " ".join("".join(node.itertext()).split())


def parse_docx(path: Path) -> Parsed:
    """A Word document.

    Raises:
        KnowledgeBaseError: it is none.
    """
    import mammoth  # type: ignore[import-untyped]

    with opened_archive(path, "a Word document") as archive:
        archive.getinfo("word/document.xml")
        with path.open("rb") as file:
            html = mammoth.convert_to_html(
                file,
                style_map="p[style-name='Title'] => h1:fresh",
                convert_image=mammoth.images.img_element(lambda _: {"src": ""}),
            ).value
    blocks = blocks_of(html)
    title = next((b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1), "")
    return Parsed(tuple(blocks), title)


def parse_pptx(path: Path) -> Parsed:
    """A PowerPoint presentation: a slide is a page, its title a heading.

    Raises:
        KnowledgeBaseError: it is none.
    """
    blocks: list[Block] = []
    with opened_archive(path, "a presentation") as archive:
        root = xml_of(archive, "ppt/presentation.xml")
        targets = {
            one.get("Id"): posixpath.normpath(posixpath.join("ppt", one.get("Target", "")))
            for one in xml_of(archive, "ppt/_rels/presentation.xml.rels")
        }
        for number, slide in enumerate(root.iter(f"{_P}sldId"), 1):
            blocks += _slide(xml_of(archive, targets[slide.get(f"{_R}id")].lstrip("/")), number)
    title = next((block.text for block in blocks if block.kind is BlockKind.HEADING), "")
    return Parsed(tuple(blocks), title)


def _slide(root: Any, number: int) -> Iterator[Block]:  # noqa: ANN401
    for shape in root.iter(f"{_P}sp", f"{_P}graphicFrame"):
        holder = shape.find(f".//{_P}ph")
        kind = holder.get("type", "") if holder is not None else ""
        if table := shape.find(f".//{_A}tbl"):
            rows = [
                [words_of(cell) for cell in row.iter(f"{_A}tc")] for row in table.iter(f"{_A}tr")
            ]
            yield Block(BlockKind.TABLE, table_block(rows), page=number)
        elif kind in ("title", "ctrTitle"):
            if title := words_of(shape):
                yield Block(BlockKind.HEADING, title, 1, page=number)
        elif kind not in ("sldNum", "ftr", "dt"):
            for paragraph in shape.iter(f"{_A}p"):
                if text := words_of(paragraph):
                    yield Block(BlockKind.ITEM, f"- {text}", page=number)


def parse_odt(path: Path) -> Parsed:
    """An OpenDocument text.

    Raises:
        KnowledgeBaseError: it is none.
    """
    with opened_archive(path, "an OpenDocument text") as archive:
        blocks = list(_odt_blocks(xml_of(archive, "content.xml")))
    title = next((b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1), "")
    return Parsed(tuple(blocks), title)


def _odt_blocks(root: Any) -> Iterator[Block]:  # noqa: ANN401
    for node in root.iter(f"{_TEXT}h", f"{_TEXT}p", f"{_TABLE}table"):
        above = {one.tag for one in node.iterancestors()}
        if node.tag == f"{_TABLE}table":
            rows = [
                [words_of(cell) for cell in row.iter(f"{_TABLE}table-cell")]
                for row in node.iter(f"{_TABLE}table-row")
            ]
            if rows := [row for row in rows if any(row)]:
                yield Block(BlockKind.TABLE, table_block(rows))
        elif f"{_TABLE}table" in above or not (text := words_of(node)):
            continue
        elif node.tag == f"{_TEXT}h":
            yield Block(BlockKind.HEADING, text, int(node.get(f"{_TEXT}outline-level", "1")))
        elif f"{_TEXT}list-item" in above:
            yield Block(BlockKind.ITEM, f"- {text}")
        else:
            yield Block(BlockKind.TEXT, text)


def parse_epub(path: Path) -> Parsed:
    """An e-book, its chapters in reading order.

    Raises:
        KnowledgeBaseError: it is none.
    """
    blocks: list[Block] = []
    with opened_archive(path, "an e-book") as archive:
        container = xml_of(archive, "META-INF/container.xml")
        package = next(one for one in container.iter("{*}rootfile")).get("full-path")
        root = xml_of(archive, package)
        folder = posixpath.dirname(package)
        items = {one.get("id"): one.get("href", "") for one in root.iter("{*}item")}
        for chapter in root.iter("{*}itemref"):
            name = posixpath.normpath(posixpath.join(folder, unquote(items[chapter.get("idref")])))
            blocks += blocks_of(archive.read(name).decode("utf-8", "replace"), around=True)
        title = next((words_of(one) for one in root.iter(f"{_DC}title")), "")
    return Parsed(tuple(blocks), title)
