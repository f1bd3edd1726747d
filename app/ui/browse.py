"""The knowledge base as a page to look through: topics, their questions, figures and sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.ui import safe, texts
from app.ui.sources import short_label
from index.types import Passage, PassageKind

__all__ = ["browse_html"]


def browse_html(passages: Sequence[Passage]) -> str:
    """Show every topic, closed; the page's script filters them as the reader types."""
    topics: dict[str, list[Passage]] = {}
    for passage in passages:
        topics.setdefault(passage.topic, []).append(passage)
    if not topics:
        return f'<p class="faint">{texts.BROWSE_EMPTY}</p>'
    counts = " · ".join(
        (
            texts.counted(len(topics), "topic", "topics"),
            texts.counted(_count(passages, PassageKind.FAQ), "question", "questions"),
            texts.counted(_count(passages, PassageKind.DATA), "figure", "figures"),
        )
    )
    ordered = sorted(topics.values(), key=lambda found: found[0].title.casefold())
    return (
        f'<p class="lead">{texts.BROWSE_LEAD} <span class="who">{counts}</span></p>'
        f'<label class="unseen" for="browse-search">{texts.BROWSE_SEARCH}</label>'
        f'<input id="browse-search" type="search" placeholder="{texts.BROWSE_PLACEHOLDER}" '
        'autocomplete="off" spellcheck="false">'
        f'<p id="browse-none" class="faint" role="status" hidden>{texts.BROWSE_NONE}</p>'
        f'<div id="topics">{"".join(_topic(found) for found in ordered)}</div>'
    )


def _count(passages: Iterable[Passage], kind: PassageKind) -> int:
    return sum(passage.kind is kind for passage in passages)


def _topic(passages: Sequence[Passage]) -> str:
    first = passages[0]
    by_kind: Mapping[PassageKind, list[Passage]] = {
        kind: [passage for passage in passages if passage.kind is kind] for kind in PassageKind
    }
    about = "".join(
        f"<p data-about>{safe.text(one.text)}</p>" for one in by_kind[PassageKind.DESCRIPTION]
    )
    questions = "".join(map(_question, by_kind[PassageKind.FAQ]))
    rows = "".join(map(_figure, by_kind[PassageKind.DATA]))
    figures = (
        f"<section><h3>{texts.BROWSE_FIGURES}</h3><div class='scrolls' tabindex='0'><table>"
        f"<thead><tr><th>{texts.BROWSE_FIGURE}</th><th>{texts.BROWSE_SOURCE}</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></section>"
        if rows
        else ""
    )
    if questions:
        questions = f"<section><h3>{texts.BROWSE_QUESTIONS}</h3>{questions}</section>"
    return (
        f'<details class="topic"><summary>{safe.text(first.title)}</summary>'
        f"{about}{questions}{figures}</details>"
    )


def _question(passage: Passage) -> str:
    return (
        f'<div class="entry" data-entry><p class="heading">{safe.text(passage.heading)}</p>'
        f"<p>{safe.text(passage.text)}</p>"
        f'<p class="who">{_sources(passage)} '
        f'<button type="button" class="quiet" data-ask="{safe.attribute(passage.heading)}">'
        f"{texts.BROWSE_ASK}</button></p></div>"
    )


def _figure(passage: Passage) -> str:
    return f"<tr data-entry><td>{safe.text(passage.text)}</td><td>{_sources(passage)}</td></tr>"


def _sources(passage: Passage) -> str:
    return " · ".join(
        safe.web_link(source.url, safe.text(short_label(source.label, source.year)))
        for source in passage.sources[:4]
    )
