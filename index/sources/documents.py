"""Readers of documents: their own words, cut into sections, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from index.mentions import source_id
from index.sources.blocks import Parsed
from index.sources.bounded_files import Document, read_text
from index.sources.cut import sections_of
from index.sources.markdown import parse_markdown
from index.sources.problems import Problems
from index.sources.slugs import slugify
from index.types import Place, Source, Topic

__all__ = ["Reader", "document_topics", "read_markdown", "reader_of"]

Reader = Callable[[Path, Problems, Document], list[Topic]]


def document_topics(
    parsed: Parsed, path: Path, problems: Problems, document: Document
) -> list[Topic]:
    """The topic that a document makes; none, and a problem, where it has no text."""
    about = document.about
    title = about.title or parsed.title or _title_from(path)
    sections = sections_of(parsed, title, document.path, document.source)
    if not sections:
        what = "none in it" + (", only pictures of pages" if path.suffix.lower() == ".pdf" else "")
        problems.add(str(path), "a document with text", what)
        return []
    label, url = about.label or title, about.url or parsed.url or document.url
    source = Source(source_id(title, set()), label, url, about.year)
    return [
        Topic(
            slug=slugify(path.stem),
            title=title,
            sources=(source,),
            place=Place(document.path),
            sections=sections,
        )
    ]


def reader_of(parse: Callable[[Path], Parsed]) -> Reader:
    """The reader of a format that `parse` parses."""
    return lambda path, problems, document: document_topics(parse(path), path, problems, document)


def _title_from(path: Path) -> str:
    """A title for a document that has none: its file's name, in words."""
    return re.sub(r"[\s_-]+", " ", path.stem).strip() or path.name


read_markdown: Reader = reader_of(lambda path: parse_markdown(read_text(path)))
