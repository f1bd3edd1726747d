"""Models and machines named in a text, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from index.calculations.shapes import Machine, Model, machines, models, plain

__all__ = ["NamedModel", "machines_in", "models_in"]

_WORD = re.compile(r"[A-Za-z0-9]+(?:\.[0-9]+)*\+?")
_LONGEST = 8  # words of a name
_JOINED = re.compile(r"[\s_/:.-]{1,2}")
_SIZE = re.compile(r"\d+(?:\.\d+)?b", re.IGNORECASE)
_RTX = re.compile(r"[2345]0[5-9]0(?:ti)?", re.IGNORECASE)
# Names that are words of the field as well: they mean the model only with its size.
_COMMON = frozenset({"bert", "kimi", "orin", "grok", "jamba", "nemotron", "davinci"})
# What follows an amount and not a card: "4090 tokens".
_COUNTED = re.compile(r"\s*(?:tokens?|steps?|samples?|examples?|%|parameters?|MB|GB|ms|s\b)")


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model or machine at its place in a text."""

    slug: str
    start: int
    end: int


def models_in(text: str) -> list[NamedModel]:
    """The public models that a text names, the longest name at each place."""
    return list(_found(text, "model"))


def machines_in(text: str) -> list[NamedModel]:
    """The GPUs, accelerators and CPUs that a text names."""
    return list(_found(text, "machine"))


@cache
def _model_names() -> Mapping[str, str]:
    return _names(models().values())


@cache
def _machine_names() -> Mapping[str, str]:
    return _names(machines().values())


def _names(known: Iterable[Model | Machine]) -> Mapping[str, str]:
    named = {
        plain(name): each.slug for each in known for name in (each.slug, each.name, *each.aliases)
    }
    return {name: slug for name, slug in named.items() if name not in _COMMON}


@cache
def _beginnings(kind: str) -> frozenset[str]:
    """What a name of that kind begins with, so that a text's other words are left at once."""
    known = _model_names() if kind == "model" else _machine_names()
    return frozenset(name[:end] for name in known for end in range(1, len(name) + 1))


def _found(text: str, kind: str) -> Iterator[NamedModel]:
    words = list(_WORD.finditer(text))
    position = 0
    while position < len(words):
        slug, length = _longest(text, words[position : position + _LONGEST], kind)
        if slug:
            last = words[position + length - 1]
            yield NamedModel(slug, words[position].start(), last.end())
        position += max(length, 1)


def _longest(text: str, words: list[re.Match[str]], kind: str) -> tuple[str, int]:
    """The longest name that begins with the first word, and how many words it has."""
    known = _model_names() if kind == "model" else _machine_names()
    begins = _beginnings(kind)
    size = words[0].group().lower() if kind == "model" else ""
    turned = bool(_SIZE.fullmatch(size)) and len(words) > 1  # "70B Llama 3.1"
    joined, found, length = "", "", 0
    for count, word in enumerate(words, start=1):
        if count > 1 and not _JOINED.fullmatch(text[words[count - 2].end() : word.start()]):
            break
        if count == 2 and len(words[0].group()) == 1 and text[words[0].end()].isspace():
            break  # "a 10x budget" names no A10
        if not (turned and count == 1):
            joined += word.group().lower()
        single = joined.removesuffix("s")
        for name in (joined + size,) if turned else (joined, single):
            if name in known:
                found, length = known[name], count
        if kind == "machine" and count == 1 and _RTX.fullmatch(single):
            card = known.get(f"rtx{single}")
            if card and not _COUNTED.match(text, word.end()):
                found, length = card, count
        if joined and joined not in begins and single not in begins:
            break
    return found, length
