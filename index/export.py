"""A knowledge base back on disk, as YAML, tower JSON or JSON Lines, without loss.

What a bare format lacks is carried in optional fields that the readers in `index.sources` know:
source ids and years, the sources of each item, and the other ways a question is asked.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml

from index.errors import KnowledgeBaseError
from index.sources import read
from index.sources.records import is_slug
from index.types import DataPoint, Faq, KnowledgeBase, Place, Practice, Section, Source, Topic

__all__ = ["ExportFormat", "write"]

ExportFormat = Literal["yaml", "tower", "jsonl"]


class _Dumper(yaml.CSafeDumper):
    """Values in double quotes, keys bare: no value can be taken for a number or a date."""


class _Quoted(str):
    """A value rather than a key."""

    __slots__ = ()


def _represent(dumper: yaml.CSafeDumper, text: _Quoted) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_Dumper.add_representer(_Quoted, _represent)


def _quoted(value: Any) -> Any:  # noqa: ANN401 - any JSON-like value
    if isinstance(value, str):
        return _Quoted(value)
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    return value


def _source(source: Source) -> dict[str, Any]:
    known = {} if source.year is None else {"year": source.year}
    return {"id": source.id, "label": source.label, "url": source.url, **known}


def _point(point: DataPoint) -> dict[str, Any]:
    return {
        "label": point.label,
        "value": point.value,
        **({"unit": point.unit} if point.unit else {}),
        "note": point.note,
        "sources": list(point.sources),
        "also_asked": list(point.also_asked),
        **_how_checked(point),
    }


def _where(item: Faq | Topic | Section) -> dict[str, Any]:
    """Where a text stands in a document, and what that links to; nothing where it is none's."""
    links = [asdict(link) for link in item.see_also]
    return {
        **({"place": _place(item.place)} if item.place else {}),
        **({"see_also": links} if links else {}),
    }


def _place(place: Place) -> dict[str, Any]:
    return {**asdict(place), "section": list(place.section)}


def _how_checked(item: DataPoint | Faq | Practice) -> dict[str, str]:
    return {"checked": item.checked} if item.checked else {}


def _practice(one: Practice) -> dict[str, Any]:
    return {
        "text": one.text,
        "why": one.why,
        **({"sign": one.sign} if one.sign else {}),
        "also_asked": list(one.also_asked),
        "sources": list(one.sources),
        **_how_checked(one),
    }


def _more(topic: Topic) -> dict[str, Any]:
    """What a topic may have beside its questions and figures; what it lacks is left out."""
    more: dict[str, Any] = {
        "definition": topic.definition,
        "terms": list(topic.terms),
        "practice": [_practice(one) for one in topic.practice],
        "caveats": [{"text": one.text, "sources": list(one.sources)} for one in topic.caveats],
        "sections": [
            {"id": one.id, "heading": one.heading, "text": one.text, **_where(one)}
            for one in topic.sections
        ],
    }
    return {name: value for name, value in more.items() if value} | _where(topic)


def _faq(faq: Faq) -> dict[str, Any]:
    return {
        "question": faq.question,
        "answer": faq.answer,
        "also_asked": list(faq.also_asked),
        "sources": list(faq.sources),
        **_how_checked(faq),
        **_where(faq),
    }


def _record(topic: Topic) -> dict[str, Any]:
    """A topic as its YAML file has it, without its questions."""
    return {
        "slug": topic.slug,
        "title": topic.title,
        "category": topic.category,
        "description": topic.description,
        "snippet": topic.snippet,
        "date_modified": topic.date_modified,
        "sources": [_source(source) for source in topic.sources],
        "data_points": [_point(point) for point in topic.data_points],
        **_more(topic),
    }


def _tower_topic(topic: Topic) -> dict[str, Any]:
    own = _record(topic)
    return {
        "slug": topic.slug,
        "title": topic.title,
        "description": topic.description,
        "category": topic.category,
        "citation_snippet": topic.snippet,
        # A year of null is written out: without the key, the reader takes it from the label.
        "sources": [{**_source(source), "year": source.year} for source in topic.sources],
        "data_points": own["data_points"],
        "faq_items": [_faq(faq) for faq in topic.faqs],
        "date_modified": topic.date_modified,
        **_more(topic),
    }


def _write_yaml(base: KnowledgeBase, out: Path) -> None:
    out.mkdir()
    for topic in base.topics:
        document = _quoted({**_record(topic), "faqs": [_faq(faq) for faq in topic.faqs]})
        text = yaml.dump(
            document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31 - 1
        )
        (out / f"{topic.slug}.yaml").write_text(text, encoding="utf-8", newline="\n")


def _write_tower(base: KnowledgeBase, out: Path) -> None:
    document = {"tower": base.name, "topics": [_tower_topic(topic) for topic in base.topics]}
    out.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def _write_jsonl(base: KnowledgeBase, out: Path) -> None:
    lines = []
    for topic in base.topics:
        lines.append(orjson.dumps({"record": "topic", **_record(topic)}))
        labels = {source.id: source for source in topic.sources}
        for faq in topic.faqs:
            # For readers of the bare format, which knows one source a row.
            first = next((labels[name] for name in faq.sources if name in labels), None)
            bare = {"source_url": first.url, "source_label": first.label} if first else {}
            lines.append(orjson.dumps({**_faq(faq), "topic": topic.slug, **bare}))
    out.write_bytes(b"\n".join(lines) + b"\n")


_WRITERS: dict[str, tuple[Callable[[KnowledgeBase, Path], None], str]] = {
    "yaml": (_write_yaml, ""),
    "tower": (_write_tower, ".json"),
    "jsonl": (_write_jsonl, ".jsonl"),
}


def _check(base: KnowledgeBase, made: Path) -> None:
    """Read back what was written and compare."""
    again = read(made, name=base.name, strict=True).knowledge_base
    was = {topic.slug: topic for topic in base.topics}
    for topic in again.topics:
        if topic != was.get(topic.slug):
            raise KnowledgeBaseError(
                f"{topic.slug}: expected texts without white space around them and ids without "
                "repeats, found a topic that the format can't hold without loss"
            )
    if len(was) != len(base.topics) or len(again.topics) != len(was):
        raise KnowledgeBaseError(f"{base.name}: expected topics with distinct slugs")


def write(kb: KnowledgeBase, out: Path, format: ExportFormat) -> None:  # noqa: A002
    """Write a knowledge base so that `index.sources.read` gives an equal one.

    What is written is read back and compared before it takes the place of `out`, so an export
    is without loss or does not happen. Topics come back in the order of their slugs, as
    from every reader.

    Args:
        kb: what to write.
        out: the file, or for YAML the folder, to write. A file is replaced; a folder must be
            missing or empty, or hold YAML files only, which are replaced together.
        format: "yaml" (a folder, one file a topic), "tower" (one JSON object) or "jsonl".

    Raises:
        KnowledgeBaseError: the knowledge base breaks a rule of the format (no topic, a slug that
            is none, a text that is empty where one must stand), or `out` can't be written.
    """
    writer, suffix = _checked(kb, out, format)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as beside:
            made = Path(beside) / f"made{suffix}"
            writer(kb, made)
            _check(kb, made)
            _swap(made, out, Path(beside))
    except (OSError, ValueError, TypeError) as error:
        # UnicodeEncodeError and orjson's JSONEncodeError: text that is not valid Unicode.
        raise KnowledgeBaseError(f"{out}: could not be written: {error}") from error


def _checked(
    kb: KnowledgeBase,
    out: Path,
    format: ExportFormat,  # noqa: A002
) -> tuple[Callable[[KnowledgeBase, Path], None], str]:
    """The writer and the file suffix of a format, once it is sure that it may write."""
    if format not in _WRITERS:
        raise KnowledgeBaseError(
            f"expected one of the formats {', '.join(_WRITERS)}, found {format!r}"
        )
    writer, suffix = _WRITERS[format]
    if suffix and out.suffix.lower() not in (suffix, ".ndjson" if format == "jsonl" else suffix):
        raise KnowledgeBaseError(
            f"{out}: expected a file name ending in {suffix}, so that it can be read back"
        )
    if format == "yaml" and out.exists():
        _replaceable(out)
    for topic in kb.topics:
        # Checked before any file is named after it.
        if not is_slug(topic.slug):
            raise KnowledgeBaseError(
                f"expected slugs of lower-case letters, digits and single separators, "
                f"found {topic.slug[:60]!r}"
            )
    return writer, suffix


def _replaceable(out: Path) -> None:
    strangers = [] if out.is_dir() else [out]
    if out.is_dir():
        strangers = [p for p in out.iterdir() if p.suffix not in (".yaml", ".yml")]
    if strangers:
        raise KnowledgeBaseError(
            f"{out}: expected a folder that is missing, empty or of YAML files only, "
            f"found {strangers[0].name}"
        )


def _swap(made: Path, out: Path, beside: Path) -> None:
    if made.is_dir() and out.is_dir():
        # A folder with files in it can't be replaced in one step; the old one steps aside.
        old = beside / "old"
        os.replace(out, old)
        try:
            os.replace(made, out)
        except OSError:
            os.replace(old, out)
            raise
        shutil.rmtree(old)
    else:
        os.replace(made, out)
