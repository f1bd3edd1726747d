"""Readers: from what people have to a `KnowledgeBase`.

The format is told by the file's extension and checked against its content; nothing is guessed.
A record that can't be used is left out and named in the result, or refused with `strict`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from index.errors import KnowledgeBaseError
from index.sources.detect import Format, detect
from index.sources.markdown import read_markdown
from index.sources.problems import Problem, Problems, ReadResult, refusal
from index.sources.slugs import distinct, merged, slugify
from index.sources.tables import read_csv, read_jsonl
from index.sources.tower import read_tower
from index.sources.webpage import read_page
from index.sources.yaml_topics import read_topic
from index.types import KnowledgeBase, Topic

__all__ = ["SHIPPED", "Problem", "ReadResult", "read", "read_all"]

SHIPPED: Path = Path(__file__).resolve().parent.parent / "corpus" / "ai"


def _yaml(path: Path, problems: Problems) -> list[Topic]:
    topic = read_topic(path, problems)
    return [] if topic is None else [topic]


_READERS: dict[Format, Callable[[Path, Problems], list[Topic]]] = {
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


def _topics(path: Path, problems: Problems) -> tuple[str | None, list[Topic]]:
    """The topics of whatever lies at `path`, and the name that it gives itself."""
    kind, files = detect(path)
    if kind is Format.TOWER:
        return read_tower(path, problems)
    topics: list[Topic] = []
    for file in files:
        try:
            topics += [_named(topic, file, path) for topic in _READERS[kind](file, problems)]
        except KnowledgeBaseError as error:
            if len(files) == 1:
                raise
            # One bad file of a folder is one bad record.
            problems.add(str(file), "a readable file", str(error).removeprefix(f"{file}: "))
    return None, topics


def read(path: Path, *, name: str | None = None, strict: bool = False) -> ReadResult:
    """Read one knowledge base.

    Args:
        path: a Citewise YAML folder or file, a tower JSON file, FAQ as CSV or JSONL, saved HTML
            pages with schema.org FAQPage (a file or a folder), or Markdown (a file or a folder).
        name: what to call it; by default the name it gives itself, else the file's.
        strict: refuse instead of leaving bad records out.

    Returns:
        The knowledge base with all that could be read, its topics by slug, and a `Problem` for
        each record that could not.

    Raises:
        KnowledgeBaseError: there is nothing to read at `path`, its format isn't one of those
            above, no topic in it is usable, or, with `strict`, anything in it is wrong.
    """
    problems = Problems()
    own_name, topics = _topics(path, problems)
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


def read_all(specs: Sequence[str], *, strict: bool = False) -> ReadResult:
    """Read several knowledge bases as one.

    Where two have a topic of the same slug, the later one's becomes `<name>--<slug>`, and a
    problem says so; that alone is no reason to refuse.

    Args:
        specs: each `PATH` or `NAME=PATH`. A path that exists is taken as it stands, so that a
            path with "=" in it can be given.
        strict: refuse instead of leaving bad records out.

    Raises:
        KnowledgeBaseError: as `read`, or no spec was given.
    """
    if not specs:
        raise KnowledgeBaseError("expected at least one knowledge base (PATH or NAME=PATH)")
    results = []
    for spec in specs:
        name, equals, rest = spec.partition("=")
        if equals and name and rest and not Path(spec).exists():
            results.append(read(Path(rest), name=name, strict=strict))
        else:
            results.append(read(Path(spec), strict=strict))
    if len(results) == 1:
        return results[0]
    problems = Problems()
    base = merged([result.knowledge_base for result in results], problems)
    before = tuple(problem for result in results for problem in result.problems)
    return ReadResult(base, before + problems.as_tuple())
