"""Slugs: made from titles, and kept distinct."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from index.sources.problems import Problems
from index.types import KnowledgeBase, Topic

__all__ = ["distinct", "merged", "slug_of_path", "slugify"]

_LONGEST = 80


def slugify(title: str) -> str:
    """A slug from a title in any script.

    Where Latin letters and digits don't tell the title (`第1章`, `C++`, a very long one), part of
    its hash follows: titles that differ have slugs that differ, the same from run to run.
    """
    decomposed = unicodedata.normalize("NFKD", title)
    plain = decomposed.encode("ascii", "ignore").decode().lower()
    full = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    slug = full[:_LONGEST].rstrip("-")
    if not slug:
        return "topic-" + _digest(title, 8)
    lost = any(
        c in "+#" or (not c.isascii() and unicodedata.category(c)[0] in "LN") for c in decomposed
    )
    return f"{slug}-{_digest(title, 6)}" if lost or len(full) > _LONGEST else slug


def slug_of_path(path: str, taken: Container[str]) -> str:
    """The slug of a document by its path in the folder, distinct from those taken."""
    slug = slugify(path.rpartition(".")[0] or path)
    return f"{slug}-{_digest(path, 6)}" if slug in taken else slug


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:length]


def _ordered(topics: dict[str, Topic]) -> tuple[Topic, ...]:
    # By slug, whatever the format: a folder has no order of its own, and a knowledge base
    # must be the same after it was exported to one.
    return tuple(topics[slug] for slug in sorted(topics))


def distinct(topics: Iterable[Topic], where: str, problems: Problems) -> tuple[Topic, ...]:
    """The topics of one knowledge base by slug, without those that repeat a slug."""
    kept: dict[str, Topic] = {}
    for topic in topics:
        if topic.slug in kept:
            problems.add(where, "distinct slugs", f"a second topic {topic.slug!r}; left out")
        else:
            kept[topic.slug] = topic
    return _ordered(kept)


def merged(bases: Sequence[KnowledgeBase], problems: Problems) -> KnowledgeBase:
    """Several knowledge bases as one; a slug met again is qualified with its base's name."""
    taken: dict[str, Topic] = {}
    sections: set[str] = set()
    for base in bases:
        for topic in base.topics:
            topic = _with_own_ids(topic, sections)
            slug, n = topic.slug, 1
            kept = topic.slug[:_LONGEST].rstrip("-_.")
            while slug in taken:
                suffix = "" if n == 1 else f"-{n}"
                slug, n = f"{slugify(base.name)}--{kept}{suffix}", n + 1
            if slug != topic.slug:
                problems.add(
                    f"{base.name}: {topic.slug}",
                    "slugs that are distinct over all knowledge bases",
                    f"one that is taken; it is now {slug!r}",
                )
                topic = replace(topic, slug=slug)
            taken[slug] = topic
    return KnowledgeBase("+".join(base.name for base in bases), _ordered(taken))


def _with_own_ids(topic: Topic, taken: set[str]) -> Topic:
    """The topic, its sections' ids distinct: two sources may have one name and one file."""
    if not taken.isdisjoint(section.id for section in topic.sections):
        n = 2
        while any(f"{n}-{section.id}" in taken for section in topic.sections):
            n += 1
        renamed = (replace(section, id=f"{n}-{section.id}") for section in topic.sections)
        topic = replace(topic, sections=tuple(renamed))
    taken.update(section.id for section in topic.sections)
    return topic
