"""What looks like a name: acronyms, CamelCase, letters with digits, words with a capital."""

from __future__ import annotations

import re

from index.text.tokens import STOP_WORDS

__all__ = ["asked_names", "names_in", "version_names", "versions_in"]

_NAME = re.compile(
    r"\b(?:[A-Z][\w.+-]*[A-Z0-9][\w+-]*|[a-z]+[A-Z][\w]*|[A-Z][\w]*\d[\w.-]*|[A-Z]{2,})\b"
)
_PROPER = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][a-z]{2,}(?:-[A-Z]?[a-z]+)*\b")
# In a question anything with a digit and a letter may be a name (w4a16, 4bit), and any capital.
_ASKED = re.compile(
    r"\b(?:[A-Z][\w+.-]*[A-Z0-9][\w+-]*|[a-z]+[A-Z]\w*|[A-Z]{2,}|\w*\d\w*[A-Za-z]\w*"
    r"|(?<![.!?:]\s)(?<!^)[A-Z][a-z]+)\b"
)
# What a number counts, or whose place it is, is no name with a version: step 3000, epoch 2.
_COUNTED = frozenset(
    "step steps epoch epochs iteration iterations batch layer layers line lines page pages row "
    "rows token tokens word words question example item day days week weeks hour hours minute "
    "minutes second seconds top rank size about around after before than under over until only "
    "least".split()
)
# A name with its version: GPT-4, Llama 3, V100, HTTP/2.
_VERSION = re.compile(r"\b(?:([A-Za-z]{2,})[- ]?|([A-Z]|[A-Z]{2,}/))(\d+(?:\.\d+)*[A-Za-z]*)\b")


def names_in(text: str) -> list[str]:
    """Find what looks like a name: acronyms, CamelCase, letters with digits, inner capitals."""
    return list(dict.fromkeys([*_NAME.findall(text), *_PROPER.findall(text)]))


def asked_names(question: str) -> list[str]:
    """Find what looks like a name in a question, identifiers such as w4a16 among them."""
    return _ASKED.findall(question)


def versions_in(text: str) -> frozenset[str]:
    """Return names with their versions, however they are joined: gpt4, llama3, v100."""
    return frozenset(version_names(text))


def version_names(text: str) -> dict[str, str]:
    """Return names with their versions, joined, each with how it is written first."""
    found: dict[str, str] = {}
    for match in _VERSION.finditer(text.replace("\u2011", "-")):
        name, short, version = match.groups()
        if name is None or (name.lower() not in STOP_WORDS and name.lower() not in _COUNTED):
            joined = (name or short.removesuffix("/")) + version
            found.setdefault(joined.lower(), match.group())
    return found
