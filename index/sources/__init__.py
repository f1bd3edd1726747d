"""Readers: from what people have to a `KnowledgeBase`.

The format is told by the file's extension and checked against its content; nothing is guessed.
A record that can't be used is left out and named in the result, or refused with `strict`. Files
of a folder that are of no format that is read are no fault: they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from index.errors import KnowledgeBaseError
from index.sources.bibliography import attachments, read_bibliography
from index.sources.bounded_files import About, Document, read_text
from index.sources.detect import BINARY, STRUCTURED, Format, detect
from index.sources.documents import Reader, document_topics, read_markdown, reader_of
from index.sources.faq_tables import read_csv, read_jsonl
from index.sources.foreign import why_foreign
from index.sources.isolated import Isolated
from index.sources.kept import Kept
from index.sources.plain import parse_asciidoc, parse_notebook, parse_rst, parse_text
from index.sources.problems import Problem, Problems, ReadResult, Skipped, refusal, skipped_by_kind
from index.sources.slugs import distinct, merged, slug_of_path
from index.sources.tower import read_tower
from index.sources.webpage import read_page
from index.sources.yaml_topics import read_topic
from index.types import KnowledgeBase, Topic

__all__ = [
    "SHIPPED",
    "Kept",
    "Problem",
    "ReadResult",
    "Skipped",
    "given_sources",
    "joined",
    "read",
    "read_all",
]

_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")

SHIPPED: Path = Path(__file__).resolve().parent.parent / "corpus" / "ai"


def _yaml(path: Path, problems: Problems, document: Document) -> list[Topic]:
    del document  # the sources of a topic are those that it names itself
    topic = read_topic(path, problems)
    return [] if topic is None else [topic]


def _tower(path: Path, problems: Problems, document: Document) -> list[Topic]:
    del document
    return read_tower(path, problems)[1]


_READERS: dict[Format, Reader] = {
    Format.YAML: _yaml,
    Format.TOWER: _tower,
    Format.CSV: read_csv,
    Format.JSONL: read_jsonl,
    Format.HTML: read_page,
    Format.MARKDOWN: read_markdown,
    Format.TEXT: reader_of(lambda path: parse_text(read_text(path))),
    Format.RST: reader_of(lambda path: parse_rst(read_text(path))),
    Format.ASCIIDOC: reader_of(lambda path: parse_asciidoc(read_text(path))),
    Format.BIBTEX: read_bibliography,
    Format.NOTEBOOK: reader_of(lambda path: parse_notebook(read_text(path))),
}


def _default_name(path: Path) -> str:
    resolved = path.resolve()
    return (resolved.name if resolved.is_dir() else resolved.stem) or "knowledge"


def _document(file: Path, path: Path, base_url: str, source: str) -> Document:
    """A file as it is cited, from the folder or file that was read."""
    relative = file.name if file == path else file.relative_to(path).as_posix()
    if not base_url:
        return Document(relative, source=source)
    if "{path}" not in base_url and "{page}" not in base_url:
        base_url = f"{base_url.rstrip('/')}/{{path}}"
    page = relative.removesuffix(file.suffix)
    return Document(
        relative, base_url.replace("{path}", quote(relative)).replace("{page}", quote(page)), source
    )


@dataclass
class _Reading:
    """What is read from a path, file by file."""

    path: Path
    source: str
    base_url: str
    problems: Problems = field(default_factory=Problems)
    topics: list[Topic] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    slugs: set[str] = field(default_factory=set)
    isolated: Isolated = field(default_factory=Isolated)
    kept: Kept | None = None
    about: Mapping[str, About] = field(default_factory=dict)

    def all(self) -> str | None:
        """Read whatever lies at the path; return the name that it gives itself, if any."""
        found = detect(self.path)
        self.skipped += [(file, "no format that is read") for file in found.others]
        if len(found.files) == 1 and found.files[0][0] is Format.TOWER:
            name, self.topics = read_tower(found.files[0][1], self.problems)
            return name
        mixed = len({kind for kind, _ in found.files}) > 1
        if self.path.is_dir():
            works = [file for kind, file in found.files if kind is Format.BIBTEX]
            self.about = {**attachments(works, self.path), **self.about}
        for kind, file in found.files:
            if mixed and (why := why_foreign(kind, file)):
                self.skipped.append((file, why))
            else:
                self._file(kind, file, alone=len(found.files) == 1)
        return None

    def _file(self, kind: Format, file: Path, *, alone: bool) -> None:
        document = _document(file, self.path, self.base_url, self.source)
        document = replace(document, about=self.about.get(document.path, About()))
        try:
            read = self._read(kind, file, document)
        except KnowledgeBaseError as error:
            if alone:
                raise
            # One bad file of a folder is one bad record.
            self.problems.add(str(file), "a readable file", str(error).removeprefix(f"{file}: "))
            return
        if kind not in STRUCTURED and file != self.path:
            # Saved sites and trees of documents have an `index` in every folder.
            slug = slug_of_path(document.path, self.slugs)
            read = [replace(topic, slug=slug) for topic in read]
        self.slugs |= {topic.slug for topic in read}
        self.topics += read

    def _read(self, kind: Format, file: Path, document: Document) -> list[Topic]:
        """What a file holds, parsed where it was not read before as it is now."""
        key = self.kept.key(kind.name, file, document) if self.kept else ""
        if self.kept and (known := self.kept.get(key)):
            self.problems.extend(known[1])
            return known[0]
        problems = Problems()
        if kind in BINARY:
            parsed = self.isolated.parse(kind.name, file)
            topics = document_topics(parsed, file, problems, document)
        else:
            topics = _READERS[kind](file, problems, document)
        if self.kept:
            self.kept.put(key, topics, problems.as_tuple())
        self.problems.extend(problems.as_tuple())
        return topics


def read(
    path: Path,
    *,
    name: str | None = None,
    strict: bool = False,
    base_url: str = "",
    kept: Kept | None = None,
    about: Mapping[str, About] | None = None,
) -> ReadResult:
    """Read one knowledge base.

    Args:
        path: a file or a folder: Citewise topics as YAML, a tower JSON file, FAQ as CSV or JSONL,
            or documents of the formats in `index.sources.detect`.
        name: what to call it; by default the name it gives itself, else the file's.
        strict: refuse instead of leaving bad records out.
        base_url: where its files can be read on the web. `{path}` in it stands for a file's path,
            `{page}` for that without its ending; with neither, the path follows it.
        kept: what files were read as before; those that are the same are not parsed again.
        about: what is known of files from elsewhere, by their path from the folder.

    Returns:
        The knowledge base with all that could be read, its topics by slug, a `Problem` for each
        record that could not, and what of the folder is of no format that is read.

    Raises:
        KnowledgeBaseError: there is nothing to read at `path`, its format isn't one of those
            above, no topic in it is usable, `base_url` is no web address, or, with `strict`,
            anything in it is wrong.
    """
    if base_url and not _ADDRESS.fullmatch(base_url):
        raise KnowledgeBaseError(
            f"expected an http(s) address of the files in {path}, found {base_url[:80]!r}"
        )
    reading = _Reading(path, name or _default_name(path), base_url, kept=kept, about=about or {})
    try:
        own_name = reading.all()
    finally:
        reading.isolated.close()
    topics = distinct(reading.topics, str(path), reading.problems)
    found = reading.problems.as_tuple()
    if strict and found:
        raise refusal(f"{path} is refused in strict mode", found)
    if not topics:
        raise (
            refusal(f"{path}: no topic could be read", found)
            if found
            else KnowledgeBaseError(f"{path}: expected at least one topic, found none")
        )
    base = KnowledgeBase(name or own_name or _default_name(path), topics)
    return ReadResult(base, found, skipped_by_kind(reading.skipped, path))


def _by_name(base_urls: Sequence[str], *, alone: bool) -> dict[str, str]:
    """Addresses by the name of their knowledge base; "" is the name of the only one."""
    found = {}
    for given in base_urls:
        name, equals, url = given.partition("=")
        if equals and _ADDRESS.fullmatch(url) and not _ADDRESS.fullmatch(given):
            found[name] = url
        elif alone:
            found[""] = given
        else:
            raise KnowledgeBaseError(
                f"expected NAME=URL, for there are several knowledge bases, found {given[:80]!r}"
            )
    return found


@dataclass(frozen=True, slots=True)
class SourceArgument:
    """A knowledge base as a command line gives it; `name` is empty where it names none."""

    name: str
    path: Path
    base_url: str

    @property
    def called(self) -> str:
        """What it is called: by its name, else by its file or folder."""
        return self.name or _default_name(self.path)


def given_sources(specs: Sequence[str], base_urls: Sequence[str] = ()) -> list[SourceArgument]:
    """Read `PATH` or `NAME=PATH`, and the addresses that belong to them.

    Raises:
        KnowledgeBaseError: no spec was given, or an address is of none of them.
    """
    if not specs:
        raise KnowledgeBaseError("expected at least one knowledge base (PATH or NAME=PATH)")
    addresses = _by_name(base_urls, alone=len(specs) == 1)
    found = []
    for spec in specs:
        name, equals, rest = spec.partition("=")
        named = bool(equals and name and rest) and not Path(spec).exists()
        given = SourceArgument(name if named else "", Path(rest if named else spec), "")
        address = addresses.pop(given.called, "") or addresses.pop("", "")
        found.append(replace(given, base_url=address))
    if addresses:
        raise KnowledgeBaseError(
            f"expected the address of one of the knowledge bases given, found one of "
            f"{', '.join(map(repr, addresses))}"
        )
    return found


def read_all(
    specs: Sequence[str], *, strict: bool = False, base_urls: Sequence[str] = ()
) -> ReadResult:
    """Read several knowledge bases as one.

    Where two have a topic of the same slug, the later one's becomes `<name>--<slug>`, and a
    problem says so; that alone is no reason to refuse.

    Args:
        specs: each `PATH` or `NAME=PATH`. A path that exists is taken as it stands, so that a
            path with "=" in it can be given.
        strict: refuse instead of leaving bad records out.
        base_urls: where their files can be read on the web, each `URL` or, where there are
            several specs, `NAME=URL`, of the form that `read` takes.

    Raises:
        KnowledgeBaseError: as `read`, no spec was given, or an address is of none of them.
    """
    results = [
        read(given.path, name=given.name or None, strict=strict, base_url=given.base_url)
        for given in given_sources(specs, base_urls)
    ]
    return joined(results)


def joined(results: Sequence[ReadResult]) -> ReadResult:
    """Several readings as one, in their order; a slug met again is qualified with its base's name.

    Raises:
        KnowledgeBaseError: there are none.
    """
    if not results:
        raise KnowledgeBaseError("expected at least one source, found none")
    if len(results) == 1:
        return results[0]
    problems = Problems()
    base = merged([result.knowledge_base for result in results], problems)
    before = tuple(problem for result in results for problem in result.problems)
    skipped = tuple(one for result in results for one in result.skipped)
    return ReadResult(base, before + problems.as_tuple(), skipped)
