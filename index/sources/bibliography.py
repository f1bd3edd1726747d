"""Reader of BibTeX: each entry with what it tells of its work; and the files that it names.

Zotero and its like write the file of a work beside its entry: what is read from that file is
then cited as the work.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.errors import KnowledgeBaseError
from index.mentions import source_id
from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.bounded_files import About, Document, read_text
from index.sources.cut import sections_of
from index.sources.latex import plain_latex
from index.sources.problems import Problems
from index.sources.slugs import slugify
from index.types import Place, Source, Topic

__all__ = ["attachments", "read_bibliography"]

_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_WHERE = ("journal", "journaltitle", "booktitle", "publisher", "institution", "school")
_WORDS = ("abstract", "annotation", "annote", "note")
_MOST_NAMED = 3
_AS_IT_IS = frozenset({"file", "url", "doi", "eprint"})


@dataclass(frozen=True, slots=True)
class _Work:
    """An entry, its fields as plain text but for `file` and `url`, which are as they stand."""

    key: str
    fields: dict[str, str]

    @property
    def title(self) -> str:
        return self.fields.get("title", "")

    @property
    def year(self) -> int | None:
        found = _YEAR.search(self.fields.get("year", "") or self.fields.get("date", ""))
        return int(found[0]) if found else None

    @property
    def authors(self) -> list[str]:
        """Their names, each family name first where the entry has it so."""
        given = self.fields.get("author", "") or self.fields.get("editor", "")
        return [name.strip() for name in re.split(r"\s+and\s+", given) if name.strip()]

    @property
    def label(self) -> str:
        """As the shipped sources are labelled: "Vaswani et al. (2017) — Attention Is …"."""
        names = [name.partition(",")[0] if "," in name else name.split()[-1]
                 for name in self.authors]  # fmt: skip
        if len(names) > _MOST_NAMED:
            names = [f"{names[0]} et al."]
        who = " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
        when = f"({self.year})" if self.year else ""
        before = " ".join(filter(None, (who, when)))
        return f"{before} — {self.title}" if before else self.title

    @property
    def url(self) -> str:
        """Its own address, by its DOI or arXiv id where it names none."""
        fields = self.fields
        if re.fullmatch(r"https?://\S+", fields.get("url", "")):
            return fields["url"]
        if re.fullmatch(r"10\.\d{4,9}/\S+", fields.get("doi", "")):
            return f"https://doi.org/{fields['doi']}"
        arxiv = fields.get("archiveprefix", fields.get("eprinttype", "")).lower() == "arxiv"
        if arxiv and re.fullmatch(r"[\w.\-/]+", fields.get("eprint", "")):
            return f"https://arxiv.org/abs/{fields['eprint']}"
        return ""

    @property
    def about(self) -> About:
        return About(self.title, self.url, self.label, self.year)

    def blocks(self) -> Iterator[Block]:
        yield Block(BlockKind.HEADING, self.title, 1, self.key)
        where = next((self.fields[name] for name in _WHERE if self.fields.get(name)), "")
        authors = ", ".join(self.authors)
        said = [one for one in (authors, self.title, where, str(self.year or "")) if one]
        yield Block(BlockKind.TEXT, ". ".join(said) + ".")
        for name in _WORDS:
            for part in re.split(r"\n\s*\n", self.fields.get(name, "")):
                if part.strip():
                    yield Block(BlockKind.TEXT, " ".join(part.split()))


def _works(path: Path, problems: Problems) -> list[_Work]:
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.middlewares import (
        RemoveEnclosingMiddleware,
        ResolveStringReferencesMiddleware,
    )

    # What it complains of is told as a problem, with its line.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    stack = [ResolveStringReferencesMiddleware(), RemoveEnclosingMiddleware()]
    library = parse_string(read_text(path), parse_stack=stack)
    for block in library.failed_blocks:
        place = f"{path}, line {(block.start_line or 0) + 1}"
        problems.add(place, "a BibTeX entry", str(block.error)[:120])
    found = []
    for entry in library.entries:
        raw = {field.key.lower(): str(field.value) for field in entry.fields}
        fields = {
            name: value.strip() if name in _AS_IT_IS else plain_latex(value)
            for name, value in raw.items()
        }
        work = _Work(entry.key, fields)
        if work.title:
            found.append(work)
        else:
            problems.add(f"{path}: {entry.key}", "an entry with a title", "none")
    return found


def read_bibliography(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """Each entry as a topic whose one source is the work.

    Raises:
        KnowledgeBaseError: the file can't be read.
    """
    topics, slugs = [], set[str]()
    for work in _works(path, problems):
        slug = made = slugify(f"{path.stem}-{work.key}")
        while slug in slugs:
            slug = f"{made}-{len(slugs)}"
        slugs.add(slug)
        parsed = Parsed(tuple(work.blocks()), work.title)
        source = Source(source_id(work.label, set()), work.label, work.url, work.year)
        sections = sections_of(parsed, "", document.path, document.source)
        topics.append(
            Topic(
                slug, work.title, sources=(source,), place=Place(document.path), sections=sections
            )
        )
    return topics


def attachments(bibliographies: Sequence[Path], root: Path) -> dict[str, About]:
    """What the entries of BibTeX files say of files below a folder, by their path from there.

    A file that can't be read says nothing here; its reading tells why.
    """
    found: dict[str, About] = {}
    home = root.resolve()
    for path in bibliographies:
        try:
            works = _works(path, Problems())
        except KnowledgeBaseError:
            continue
        for work in works:
            for name in _files(work.fields.get("file", "")):
                try:
                    place = (path.parent / name).resolve()
                    if place.is_relative_to(home):
                        found[place.relative_to(home).as_posix()] = work.about
                except (OSError, ValueError):
                    continue
    return found


def _files(said: str) -> Iterator[str]:
    """The paths of a field `file`: bare, or `Description:path:type` as Zotero writes it."""
    for one in re.split(r"(?<!\\);", said):
        parts = [part.replace("\\", "") for part in re.split(r"(?<!\\):", one)]
        if len(parts) >= 3:
            yield ":".join(parts[1:-1])
        elif one.strip():
            yield one.strip()
