"""A knowledge base as people look it up: categories, their topics, and what each topic holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.ui import texts
from app.ui.conversation import BrowsedIndex
from index.errata import SHIPPED_NAME, Erratum, shipped_errata
from index.types import Passage, PassageKind

__all__ = ["Catalogue", "TopicEntry", "catalogue"]


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A topic with its passages by kind, and where it departs from its first compilation."""

    slug: str
    title: str
    category: str
    questions: tuple[Passage, ...]
    figures: tuple[Passage, ...]
    about: tuple[Passage, ...]
    practice: tuple[Passage, ...] = ()
    caveats: tuple[Passage, ...] = ()
    errata: tuple[Erratum, ...] = ()

    @property
    def name(self) -> str:
        """The title up to its first colon."""
        return self.title.partition(": ")[0]

    @property
    def gist(self) -> str:
        """What follows it; may be empty."""
        return self.title.partition(": ")[2]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Topics by category, both in alphabetical order."""

    categories: tuple[tuple[str, tuple[TopicEntry, ...]], ...]

    @property
    def topics(self) -> tuple[TopicEntry, ...]:
        """All topics, in the categories' order."""
        return tuple(topic for _, topics in self.categories for topic in topics)


def catalogue(index: BrowsedIndex) -> Catalogue:
    """Put an index's passages in order."""
    by_topic: dict[str, list[Passage]] = {}
    for passage in index.passages:
        by_topic.setdefault(passage.topic, []).append(passage)
    errata = shipped_errata() if SHIPPED_NAME in index.knowledge_base.split("+") else {}
    topics = [_topic(slug, found, errata.get(slug, ())) for slug, found in by_topic.items()]
    named: dict[str, list[TopicEntry]] = {}
    for topic in sorted(topics, key=lambda one: one.title.casefold()):
        named.setdefault(texts.category(topic.category), []).append(topic)
    ordered = sorted(named.items(), key=lambda pair: pair[0].casefold())
    return Catalogue(tuple((name, tuple(found)) for name, found in ordered))


def _topic(slug: str, passages: Sequence[Passage], errata: Iterable[Erratum]) -> TopicEntry:
    def of(*kinds: PassageKind) -> tuple[Passage, ...]:
        return tuple(passage for passage in passages if passage.kind in kinds)

    return TopicEntry(
        slug=slug,
        title=passages[0].title,
        category=passages[0].category,
        questions=of(PassageKind.FAQ, PassageKind.SECTION),
        figures=of(PassageKind.DATA),
        about=of(PassageKind.DEFINITION) or of(PassageKind.DESCRIPTION),
        practice=of(PassageKind.PRACTICE),
        caveats=of(PassageKind.CAVEAT),
        errata=tuple(errata),
    )
