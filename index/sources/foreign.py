"""Which structured files of a folder are about something else than knowledge.

Trees of documentation have settings, navigation and data beside their text, in formats in which
knowledge comes as well; what is knowledge is told by what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from index.errors import KnowledgeBaseError
from index.sources.bounded_files import read_text
from index.sources.detect import Format
from index.sources.faq_rows import with_field_names
from index.sources.faq_tables import has_questions
from index.sources.plain_yaml import load_yaml
from index.sources.tower import load_json

__all__ = ["why_foreign"]


def _is_topic(text: str) -> bool:
    value = load_yaml(text, "").value
    return isinstance(value, dict) and "slug" in value


def _is_tower(text: str) -> bool:
    value = load_json(text, "")
    return isinstance(value, dict) and isinstance(value.get("topics"), list)


def _has_rows(text: str) -> bool:
    first = next((line for line in text.split("\n") if line.strip()), "")
    value = load_json(first, "")
    if not isinstance(value, dict):
        return False
    return (
        value.get("record") == "topic" or {"question", "answer"} <= with_field_names(value).keys()
    )


_KNOWLEDGE: dict[Format, tuple[Callable[[str], bool], str]] = {
    Format.YAML: (_is_topic, "no Citewise topic"),
    Format.TOWER: (_is_tower, "no tower document"),
    Format.CSV: (has_questions, "a table without the columns question and answer"),
    Format.JSONL: (_has_rows, "rows without question and answer"),
}


def why_foreign(kind: Format, file: Path) -> str:
    """Why a file beside documents is no knowledge; empty where it is, or is a document."""
    if kind not in _KNOWLEDGE:
        return ""
    is_knowledge, reason = _KNOWLEDGE[kind]
    try:
        text = read_text(file)
    except KnowledgeBaseError:
        return "no text in UTF-8; convert it, if it is one"
    try:
        return "" if is_knowledge(text) else reason
    except KnowledgeBaseError:
        return reason
