"""Which format lies at a path."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from index.errors import KnowledgeBaseError

__all__ = ["ACCEPTED", "Format", "detect"]

_MOST_FILES = 10_000


class Format(Enum):
    """A format that can be read, with the extensions it is told by."""

    YAML = (".yaml", ".yml")
    TOWER = (".json",)
    CSV = (".csv", ".tsv")
    JSONL = (".jsonl", ".ndjson")
    HTML = (".html", ".htm", ".xhtml")
    MARKDOWN = (".md", ".markdown")

    def has(self, path: Path) -> bool:
        """Whether a path has one of the format's extensions."""
        return path.suffix.lower() in self.value


ACCEPTED = (
    "a Citewise YAML file or folder (.yaml), a tower document (.json), FAQ as .csv, .tsv or "
    ".jsonl, a saved web page or folder of pages with schema.org FAQPage (.html), "
    "Markdown or a folder of it (.md)"
)
_IN_FOLDERS = (Format.YAML, Format.HTML, Format.MARKDOWN)


def _format(path: Path) -> Format | None:
    return next((kind for kind in Format if kind.has(path)), None)


def _is_aside(path: Path) -> bool:
    """Whether a file tells about the folder rather than being part of it."""
    return path.stem.upper() in {"README", "LICENSE", "CHANGELOG", "CONTRIBUTING"}


def _folder(path: Path) -> tuple[Format, list[Path]]:
    kinds: dict[Format, list[Path]] = {}
    others = []
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if any(part.startswith(".") for part in relative.parts) or not file.is_file():
            continue
        kind = _format(file)
        if kind in _IN_FOLDERS and kind is not None:
            kinds.setdefault(kind, []).append(file)
        elif kind is not None:
            others.append(file)
    if (
        len(kinds) > 1
        and Format.MARKDOWN in kinds
        and all(_is_aside(file) for file in kinds[Format.MARKDOWN])
    ):
        del kinds[Format.MARKDOWN]
    if len(kinds) == 1 and not others:
        kind, files = next(iter(kinds.items()))
        if len(files) > _MOST_FILES:
            raise KnowledgeBaseError(
                f"{path}: expected at most {_MOST_FILES:,} files, found {len(files):,}"
            )
        return kind, files
    if not kinds and not others:
        raise KnowledgeBaseError(f"{path}: expected {ACCEPTED}; found a folder with none of them")
    found = sorted({file.suffix.lower() for files in kinds.values() for file in files})
    found += sorted({file.suffix.lower() for file in others})
    raise KnowledgeBaseError(
        f"{path}: expected a folder of YAML, of HTML or of Markdown, found {', '.join(found)}; "
        "name the parts one by one"
    )


def detect(path: Path) -> tuple[Format, list[Path]]:
    """The format at a path, and the files to read.

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
    return kind, [path]
