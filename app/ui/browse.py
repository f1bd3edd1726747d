"""The knowledge base as a page to look through: topics, figures, a map, and corrections.

The page's script switches between the four views and searches all of them as the reader types.
The map takes longer than the rest and comes in a place of its own beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.ui import safe, texts
from app.ui.catalogue import Catalogue, TopicEntry, catalogue
from app.ui.conversation import BrowsedIndex
from app.ui.corrections import corrections_html
from app.ui.figure_tables import all_figures_html, figures_html
from app.ui.formulas import with_formulas
from app.ui.links import source_links
from index.types import Passage

__all__ = ["browse_html"]

_VIEWS = ("topics", "figures", "map", "corrections")
Rows = Mapping[str, int]


def browse_html(index: BrowsedIndex) -> str:
    """Show everything that an index holds; the map is drawn beside it."""
    found = catalogue(index)
    if not found.topics:
        return f'<p class="faint">{texts.BROWSE_EMPTY}</p>'
    rows = {passage.id: row for row, passage in enumerate(index.passages)}
    corrections = sum(len(topic.errata) for topic in found.topics)
    views = {
        "topics": (_topics_html(found, rows), len(found.topics)),
        "figures": (all_figures_html(found, rows), sum(len(t.figures) for t in found.topics)),
        "map": (texts.MAP_LATER, 0),
        "corrections": (corrections_html(found) if corrections else "", corrections),
    }
    shown = {name: views[name] for name in _VIEWS if views[name][0]}
    tabs = "".join(_tab(name, count) for name, (_, count) in shown.items())
    panels = "".join(_panel(name, inner) for name, (inner, _) in shown.items() if name != "map")
    return (
        f'<header class="shelf-head"><p class="lead">{texts.BROWSE_LEAD} '
        f'<span class="who">{_counts(found)}</span></p>'
        f'<label class="unseen" for="browse-search">{texts.BROWSE_SEARCH}</label>'
        f'<input id="browse-search" type="search" placeholder="{texts.BROWSE_PLACEHOLDER}" '
        'autocomplete="off" spellcheck="false">'
        f'<div class="shelf-views" role="tablist" aria-label="{texts.BROWSE_VIEWS}">{tabs}</div>'
        f'</header><p id="browse-none" class="faint" role="status" hidden>{texts.BROWSE_NONE}</p>'
        f"{panels}"
    )


def _counts(found: Catalogue) -> str:
    return " · ".join(
        (
            texts.counted(len(found.topics), texts.N_TOPICS),
            texts.counted(sum(len(t.questions) for t in found.topics), texts.N_QUESTIONS),
            texts.counted(sum(len(t.figures) for t in found.topics), texts.N_FIGURES),
        )
    )


def _tab(name: str, count: int) -> str:
    first = name == _VIEWS[0]
    shown = texts.number(count)
    told = f' <span class="count" data-all="{shown}">{shown}</span>' if count else ""
    return (
        f'<button type="button" role="tab" id="view-{name}" data-view="{name}" '
        f'aria-controls="shelf-{name}" aria-selected="{"true" if first else "false"}" '
        f'tabindex="{0 if first else -1}">{texts.VIEWS[name]}{told}</button>'
    )


def _panel(name: str, inner: str) -> str:
    hidden = "" if name == _VIEWS[0] else " hidden"
    return (
        f'<div role="tabpanel" id="shelf-{name}" class="shelf-panel" '
        f'aria-labelledby="view-{name}"{hidden}>{inner}</div>'
    )


def _topics_html(found: Catalogue, rows: Rows) -> str:
    parts = []
    for name, topics in found.categories:
        heading = f"<h2>{safe.text(name)}</h2>" if name else ""
        inner = "".join(_topic(topic, rows) for topic in topics)
        parts.append(f'<section class="category" data-group>{heading}{inner}</section>')
    return "".join(parts)


def _topic(topic: TopicEntry, rows: Rows) -> str:
    about = "".join(
        f'<p class="about" dir="auto">{with_formulas(one.text)}</p>'
        f"{_foot(one, texts.about(topic.name))}"
        for one in topic.about
    )
    questions = "".join(_question(passage, rows) for passage in topic.questions)
    holds = [
        texts.counted(len(topic.questions), texts.N_QUESTIONS) if topic.questions else "",
        texts.counted(len(topic.figures), texts.N_FIGURES) if topic.figures else "",
    ]
    return (
        f'<details class="topic" data-topic="{safe.attribute(topic.slug)}"><summary>'
        f'<span class="name" dir="auto">{safe.text(topic.name)}</span>'
        f'<span class="gist" dir="auto">{safe.text(topic.gist)}</span>'
        f'<span class="holds">{" · ".join(filter(None, holds))}</span></summary>'
        f'<div class="inside">{about}'
        f"{_section(texts.BROWSE_QUESTIONS, questions)}"
        f"{_section(texts.BROWSE_FIGURES, figures_html(topic, rows) if topic.figures else '')}"
        f"{_section(texts.BROWSE_PRACTICE, _statements(topic.practice, topic.name))}"
        f"{_section(texts.BROWSE_CAVEATS, _statements(topic.caveats, topic.name))}"
        f"{_corrected(topic)}</div></details>"
    )


def _section(heading: str, inner: str) -> str:
    return f"<section data-group><h3>{heading}</h3>{inner}</section>" if inner else ""


def _question(passage: Passage, rows: Rows) -> str:
    return (
        f'<details class="entry" data-entry id="p{rows[passage.id]}">'
        f"<summary>{safe.text(passage.heading)}</summary>"
        f'<p dir="auto">{with_formulas(passage.text)}</p>'
        f"{_foot(passage, passage.heading)}</details>"
    )


def _statements(passages: Sequence[Passage], name: str) -> str:
    return "".join(
        f'<p dir="auto">{with_formulas(one.text)}</p>{_foot(one, texts.about(name))}'
        for one in passages
    )


def _foot(passage: Passage, question: str) -> str:
    return (
        f'<p class="foot"><span class="who">{source_links(passage)}</span>'
        f'<button type="button" class="quiet" data-ask="{safe.attribute(question)}">'
        f"{texts.BROWSE_ASK}</button></p>"
    )


def _corrected(topic: TopicEntry) -> str:
    if not topic.errata:
        return ""
    count = texts.counted(len(topic.errata), texts.N_CORRECTIONS)
    return (
        f'<p class="corrected"><button type="button" class="quiet" data-show="corrections" '
        f'data-at="{safe.attribute(topic.slug)}">{count}</button> {texts.CORRECTED}</p>'
    )
