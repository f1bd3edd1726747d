"""Reader of Citewise's own format: one YAML file a topic."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from index.errors import KnowledgeBaseError
from index.sources.files import read_text
from index.sources.problems import Problems
from index.sources.records import DataPointRecord, FaqRecord, TopicRecord
from index.sources.validate import Checked, Loc, checked, json_path, known_ids, unique_sources
from index.types import DataPoint, Faq, Source, Topic

__all__ = ["load_yaml", "parse_topic", "read_topic", "topic_from"]

_STRING = "tag:yaml.org,2002:str"
_SEQUENCE = "tag:yaml.org,2002:seq"
_MAPPING = "tag:yaml.org,2002:map"
# What PyYAML resolves a plain scalar to. It follows YAML 1.1, where `no` is a boolean and
# 2026-01-01 a date; what the scalar means is decided again below, as YAML 1.2 has it.
_PLAIN_KINDS = ("int", "float", "bool", "null", "timestamp", "merge", "value")
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in _PLAIN_KINDS}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def _fail(node: yaml.Node, expected: str, found: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(
        problem=f"expected {expected}, found {found}", problem_mark=node.start_mark
    )


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if node.tag == _STRING:
        return text
    if node.tag not in _PLAIN:
        raise _fail(node, "plain YAML", f"the tag {node.tag[:60]!r}")
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _mapping(node: yaml.MappingNode, seen: set[int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _fail(key_node, "a string as key", "a collection")
        key = str(key_node.value)
        if key in made:
            raise _fail(key_node, "distinct keys", f"{key[:60]!r} a second time")
        made[key] = _value(value_node, seen)
    return made


def _value(node: yaml.Node, seen: set[int]) -> Any:  # noqa: ANN401 - any YAML value
    # A node met twice is an alias. The format has no use for them, and a few lines of aliases
    # can stand for gigabytes.
    if id(node) in seen:
        raise _fail(node, "no aliases", "an anchor that is used again")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if node.tag not in (_SEQUENCE, _MAPPING):
        raise _fail(node, "plain YAML", f"the tag {str(node.tag)[:60]!r}")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, seen)
    return [_value(item, seen) for item in node.value]


def load_yaml(text: str, name: str) -> tuple[Any, yaml.Node | None]:
    """A YAML document as plain values, with its node tree for line numbers.

    Raises:
        KnowledgeBaseError: the text is not one plain YAML document.
    """
    try:
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        return (None if node is None else _value(node, set())), node
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = error.problem or "a syntax error"
        raise KnowledgeBaseError(f"{name}{line}: not readable as YAML: {problem}") from error
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())[:200]
        raise KnowledgeBaseError(f"{name}: not readable as YAML: {what}") from error
    except RecursionError as error:
        raise KnowledgeBaseError(
            f"{name}: expected a topic, found YAML that is nested too deeply"
        ) from error


def _line(node: yaml.Node | None, loc: Loc) -> int:
    """The line of a place in the document, or of the closest thing around it, from 1."""
    line = 1
    for step in (*loc, None):
        if node is None:
            break
        line = node.start_mark.line + 1
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [value for key, value in node.value if key.value == step]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            children = node.value[step : step + 1]
        node = children[0] if children else None
    return line


def topic_from(
    found: Checked[TopicRecord], problems: Problems, place: Callable[[Loc], str]
) -> Topic:
    """The topic of a checked record; ids that name no source are noted and left out."""
    record = found.record
    sources = unique_sources(
        (Source(s.id, s.label, s.url, s.year) for s in record.sources),
        problems,
        lambda i: place(("sources", found.position("sources", i))),
    )

    def ids(item: DataPointRecord | FaqRecord, key: str, i: int) -> tuple[str, ...]:
        at = (key, found.position(key, i), "sources")
        return known_ids(item.sources, sources, problems, lambda: place(at))

    return Topic(
        slug=record.slug,
        title=record.title,
        category=record.category,
        description=record.description,
        snippet=record.snippet,
        date_modified=record.date_modified,
        sources=sources,
        data_points=tuple(
            DataPoint(p.label, p.value, p.unit, p.note, ids(p, "data_points", i), (*p.also_asked,))
            for i, p in enumerate(record.data_points)
        ),
        faqs=tuple(
            Faq(f.question, f.answer, ids(f, "faqs", i), (*f.also_asked,))
            for i, f in enumerate(record.faqs)
        ),
    )


def parse_topic(text: str, name: str, problems: Problems) -> Topic | None:
    """One topic from the text of its file, or None where it can't be used.

    Args:
        text: YAML.
        name: the file as messages name it.
        problems: where bad records are noted.

    Raises:
        KnowledgeBaseError: the text is not YAML.
    """
    document, root = load_yaml(text, name)

    def place(loc: Loc) -> str:
        return f"{name}:{_line(root, loc)} {json_path(loc)}".rstrip()

    found = checked(TopicRecord, document, problems, place)
    return None if found is None else topic_from(found, problems, place)


def read_topic(path: Path, problems: Problems) -> Topic | None:
    """One topic from its file.

    Raises:
        KnowledgeBaseError: the file can't be read or is not YAML.
    """
    return parse_topic(read_text(path), str(path), problems)
