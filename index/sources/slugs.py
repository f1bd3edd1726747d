"""Slugs: made from titles, and kept distinct."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from index.sources.problems import Problems
from index.types import KnowledgeBase, Topic

__all__ = ["distinct", "merged", "slugify"]

_LONGEST = 80


def slugify(title: str) -> str:
    """A slug from a title in any script.

    A title without a single Latin letter or digit gets a slug from its hash: it stays the same
    from run to run.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-")
    return slug or "topic-" + hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:8]


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
    for base in bases:
        for topic in base.topics:
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
