"""YAML as plain values: strings, numbers, lists and mappings, nothing that runs or multiplies.

The document is built from the parser's events, not from its nodes: libyaml's own composer
recurses in C, and a few kilobytes of brackets end the process. Scalars mean what YAML 1.2 says,
where `no` and `2026-01-01` are strings, which is also what a JSON Schema validator takes them for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from index.errors import KnowledgeBaseError
from index.sources.validate import Loc

__all__ = ["YamlDocument", "load_yaml"]

_STRING = "tag:yaml.org,2002:str"
_COLLECTIONS = (None, "!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_DEEPEST = 20
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A parsed document, and the line (from 1) on which each place in it begins."""

    value: Any
    lines: dict[Loc, int]

    def line(self, loc: Loc) -> int:
        """The line of a place, or of the closest thing around it."""
        for length in range(len(loc), -1, -1):
            if loc[:length] in self.lines:
                return self.lines[loc[:length]]
        return 1


def _mark(event: yaml.Event) -> Any:  # noqa: ANN401 - the C parser's marks have a type of their own
    return event.start_mark


def _fail(event: yaml.Event, expected: str, found: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(
        problem=f"expected {expected}, found {found}", problem_mark=_mark(event)
    )


def _scalar(event: yaml.ScalarEvent) -> str | int | float | bool | None:
    text: str = event.value
    if event.tag not in (None, "!", _STRING):
        raise _fail(event, "plain YAML", f"the tag {event.tag[:60]!r}")
    if event.tag is not None or not event.implicit[0]:
        return text  # quoted, a block, or said to be a string
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


class _Builder:
    """Puts events together."""

    def __init__(self) -> None:
        self.root: Any = None
        self.lines: dict[Loc, int] = {}
        # Open collections with their places, and the key that waits for its value.
        self._open: list[tuple[dict[str, Any] | list[Any], Loc]] = []
        self._key: str | None = None
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Handle one event."""
        match event:
            case yaml.ScalarEvent() if self._awaits_key():
                self._name(event)
            case yaml.ScalarEvent():
                self._put(event, _scalar(event))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._begin(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
            case yaml.AliasEvent():
                # The format has no use for them, and a few lines of aliases can stand for
                # gigabytes.
                raise _fail(event, "no aliases", f"the alias {str(event.anchor)[:60]!r}")
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _fail(event, "one document", "a second one")

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and self._key is None

    def _name(self, event: yaml.ScalarEvent) -> None:
        if event.value in self._open[-1][0]:
            raise _fail(event, "distinct keys", f"{event.value[:60]!r} a second time")
        self._key = event.value

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        if self._awaits_key():
            raise _fail(event, "a string as key", "a collection")
        if event.tag not in _COLLECTIONS:
            raise _fail(event, "plain YAML", f"the tag {event.tag[:60]!r}")
        if len(self._open) >= _DEEPEST:
            raise _fail(event, f"at most {_DEEPEST} levels", "a deeper one")
        made: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append((made, self._put(event, made)))

    def _put(self, event: yaml.Event, value: Any) -> Loc:  # noqa: ANN401 - any YAML value
        place: Loc = ()
        if not self._open:
            self.root = value
        else:
            holder, around = self._open[-1]
            if isinstance(holder, dict):
                key = str(self._key)
                self._key = None
                holder[key] = value
                place = (*around, key)
            else:
                place = (*around, len(holder))
                holder.append(value)
        self.lines[place] = _mark(event).line + 1
        return place


def load_yaml(text: str, name: str) -> YamlDocument:
    """One YAML document as plain values.

    Args:
        text: YAML.
        name: the file as messages name it.

    Raises:
        KnowledgeBaseError: the text is not one plain YAML document: a syntax error, a tag, an
            alias, a key that is no string or stands twice, or more than 20 levels.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = error.problem or "a syntax error"
        raise KnowledgeBaseError(f"{name}{line}: not readable as YAML: {problem}") from error
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())[:200]
        raise KnowledgeBaseError(f"{name}: not readable as YAML: {what}") from error
    return YamlDocument(builder.root, builder.lines)
