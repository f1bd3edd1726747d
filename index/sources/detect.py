"""Which format lies at a path, and what of a folder can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from index.errors import KnowledgeBaseError

__all__ = ["ACCEPTED", "BINARY", "STRUCTURED", "Format", "FoundFiles", "detect", "is_readable"]

_MOST_FILES = 10_000


class Format(Enum):
    """A format that can be read, with the extensions it is told by."""

    YAML = (".yaml", ".yml")
    TOWER = (".json",)
    CSV = (".csv", ".tsv")
    JSONL = (".jsonl", ".ndjson")
    HTML = (".html", ".htm", ".xhtml")
    MARKDOWN = (".md", ".markdown", ".mdx", ".qmd", ".rmd")
    TEXT = (".txt", ".text")
    RST = (".rst", ".rest")
    ASCIIDOC = (".adoc", ".asciidoc")
    NOTEBOOK = (".ipynb",)
    LATEX = (".tex", ".latex")
    BIBTEX = (".bib",)
    PDF = (".pdf",)
    DOCX = (".docx",)
    PPTX = (".pptx",)
    ODT = (".odt",)
    EPUB = (".epub",)
    XLSX = (".xlsx",)

    def has(self, path: Path) -> bool:
        """Whether a path has one of the format's extensions."""
        return path.suffix.lower() in self.value


# What a folder may hold beside what it is about: told apart by their content.
STRUCTURED = (Format.YAML, Format.TOWER, Format.CSV, Format.JSONL, Format.BIBTEX)
# Formats whose parsers get a process of their own.
BINARY = (Format.PDF, Format.DOCX, Format.PPTX, Format.ODT, Format.EPUB, Format.XLSX, Format.LATEX)

ACCEPTED = (
    "a Citewise YAML file or folder (.yaml), a tower document (.json), FAQ as .csv, .tsv or "
    ".jsonl, or documents, one or a folder of them: Markdown (.md, .mdx), PDF, web pages (.html), "
    "Word (.docx), PowerPoint (.pptx), OpenDocument (.odt), e-books (.epub), "
    "Excel (.xlsx), "
    "reStructuredText (.rst), AsciiDoc (.adoc), LaTeX (.tex), BibTeX (.bib), notebooks (.ipynb), "
    "plain text (.txt)"
)


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of a path that can be read, with their formats, and the others."""

    files: tuple[tuple[Format, Path], ...]
    others: tuple[Path, ...] = ()


def _format(path: Path) -> Format | None:
    return next((kind for kind in Format if kind.has(path)), None)


def is_readable(path: Path) -> bool:
    """Whether a file is of a format that is read, by its name."""
    return _format(path) is not None


def _is_aside(path: Path) -> bool:
    """Whether a file tells about a knowledge base rather than being part of it."""
    return path.stem.upper() in {"README", "LICENSE", "CHANGELOG", "CONTRIBUTING"}


def _files(path: Path) -> Iterator[Path]:
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if not hidden and file.is_file():
            yield file


def _folder(path: Path) -> FoundFiles:
    files, others = [], []
    for file in _files(path):
        kind = _format(file)
        if kind is None:
            others.append(file)
        else:
            files.append((kind, file))
    documents = [file for kind, file in files if kind not in STRUCTURED]
    if len(documents) < len(files) and all(_is_aside(file) for file in documents):
        files = [(kind, file) for kind, file in files if kind in STRUCTURED]
    if not files:
        endings = sorted({file.suffix.lower() or file.name for file in others})
        found = f"only {', '.join(endings[:10])}" if endings else "an empty folder"
        raise KnowledgeBaseError(f"{path}: expected {ACCEPTED}; found {found}")
    if len(files) > _MOST_FILES:
        raise KnowledgeBaseError(
            f"{path}: expected at most {_MOST_FILES:,} files, found {len(files):,}"
        )
    return FoundFiles(tuple(files), tuple(others))


def detect(path: Path) -> FoundFiles:
    """The files to read at a path.

    Raises:
        KnowledgeBaseError: nothing is there, or nothing that can be read.
    """
    try:
        if path.is_dir():
            return _folder(path)
        exists = path.is_file()
    except (OSError, ValueError) as error:
        raise KnowledgeBaseError(f"{path}: expected a readable path, found: {error}") from error
    if not exists:
        raise KnowledgeBaseError(f"{path}: expected {ACCEPTED}; found nothing there")
    kind = _format(path)
    if kind is None:
        found = f"the extension {path.suffix!r}" if path.suffix else "no extension"
        raise KnowledgeBaseError(f"{path}: expected {ACCEPTED}; found {found}")
    return FoundFiles(((kind, path),))
