"""Readers: from what people have to a `KnowledgeBase`.

The format is told by the file's extension and checked against its content; nothing is guessed.
A record that can't be used is left out and named in the result, or refused with `strict`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from index.errors import KnowledgeBaseError
from index.sources.detect import Format, detect
from index.sources.files import Document
from index.sources.markdown import read_markdown
from index.sources.problems import Problem, Problems, ReadResult, refusal
from index.sources.slugs import distinct, merged, slugify
from index.sources.tables import read_csv, read_jsonl
from index.sources.tower import read_tower
from index.sources.webpage import read_page
from index.sources.yaml_topics import read_topic
from index.types import KnowledgeBase, Topic

__all__ = ["SHIPPED", "Problem", "ReadResult", "read", "read_all"]

_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")

SHIPPED: Path = Path(__file__).resolve().parent.parent / "corpus" / "ai"


def _yaml(path: Path, problems: Problems, document: Document) -> list[Topic]:
    del document  # the sources of a topic are those that it names itself
    topic = read_topic(path, problems)
    return [] if topic is None else [topic]


_READERS: dict[Format, Callable[[Path, Problems, Document], list[Topic]]] = {
    Format.YAML: _yaml,
    Format.CSV: read_csv,
    Format.JSONL: read_jsonl,
    Format.HTML: read_page,
    Format.MARKDOWN: read_markdown,
}


def _default_name(path: Path) -> str:
    resolved = path.resolve()
    return (resolved.name if resolved.is_dir() else resolved.stem) or "knowledge"


def _named(topic: Topic, file: Path, path: Path) -> Topic:
    """The topic, its slug made from the file's whole path where it was found in a folder.

    Saved sites and Markdown trees have an `index` in every folder; a YAML topic names itself.
    """
    if file == path or Format.YAML.has(file):
        return topic
    return replace(topic, slug=slugify(str(file.relative_to(path).with_suffix(""))))


def _document(file: Path, path: Path, base_url: str) -> Document:
    """A file as it is cited, from the folder or file that was read."""
    relative = file.name if file == path else file.relative_to(path).as_posix()
    if not base_url:
        return Document(relative)
    if "{path}" not in base_url and "{page}" not in base_url:
        base_url = f"{base_url.rstrip('/')}/{{path}}"
    page = relative.removesuffix(file.suffix)
    return Document(
        relative, base_url.replace("{path}", quote(relative)).replace("{page}", quote(page))
    )


def _topics(path: Path, problems: Problems, base_url: str) -> tuple[str | None, list[Topic]]:
    """The topics of whatever lies at `path`, and the name that it gives itself."""
    kind, files = detect(path)
    if kind is Format.TOWER:
        return read_tower(path, problems)
    topics: list[Topic] = []
    for file in files:
        try:
            read = _READERS[kind](file, problems, _document(file, path, base_url))
            topics += [_named(topic, file, path) for topic in read]
        except KnowledgeBaseError as error:
            if len(files) == 1:
                raise
            # One bad file of a folder is one bad record.
            problems.add(str(file), "a readable file", str(error).removeprefix(f"{file}: "))
    return None, topics


def read(
    path: Path, *, name: str | None = None, strict: bool = False, base_url: str = ""
) -> ReadResult:
    """Read one knowledge base.

    Args:
        path: a Citewise YAML folder or file, a tower JSON file, FAQ as CSV or JSONL, saved HTML
            pages with schema.org FAQPage (a file or a folder), or Markdown (a file or a folder).
        name: what to call it; by default the name it gives itself, else the file's.
        strict: refuse instead of leaving bad records out.
        base_url: where its files can be read on the web. `{path}` in it stands for a file's path,
            `{page}` for that without its ending; with neither, the path follows it.

    Returns:
        The knowledge base with all that could be read, its topics by slug, and a `Problem` for
        each record that could not.

    Raises:
        KnowledgeBaseError: there is nothing to read at `path`, its format isn't one of those
            above, no topic in it is usable, `base_url` is no web address, or, with `strict`,
            anything in it is wrong.
    """
    if base_url and not _ADDRESS.fullmatch(base_url):
        raise KnowledgeBaseError(
            f"expected an http(s) address of the files in {path}, found {base_url[:80]!r}"
        )
    problems = Problems()
    own_name, topics = _topics(path, problems, base_url)
    kept = distinct(topics, str(path), problems)
    found = problems.as_tuple()
    if strict and found:
        raise refusal(f"{path} is refused in strict mode", found)
    if not kept:
        raise (
            refusal(f"{path}: no topic could be read", found)
            if found
            else KnowledgeBaseError(f"{path}: expected at least one topic, found none")
        )
    return ReadResult(KnowledgeBase(name or own_name or _default_name(path), kept), found)


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
    if not specs:
        raise KnowledgeBaseError("expected at least one knowledge base (PATH or NAME=PATH)")
    addresses = _by_name(base_urls, alone=len(specs) == 1)
    results = []
    for spec in specs:
        name, equals, rest = spec.partition("=")
        named = bool(equals and name and rest) and not Path(spec).exists()
        path = Path(rest if named else spec)
        own = name if named else _default_name(path)
        address = addresses.pop(own, "") or addresses.pop("", "")
        results.append(read(path, name=name if named else None, strict=strict, base_url=address))
    if addresses:
        raise KnowledgeBaseError(
            f"expected the address of one of the knowledge bases given, found one of "
            f"{', '.join(map(repr, addresses))}"
        )
    if len(results) == 1:
        return results[0]
    problems = Problems()
    base = merged([result.knowledge_base for result in results], problems)
    before = tuple(problem for result in results for problem in result.problems)
    return ReadResult(base, before + problems.as_tuple())
