"""Data points as tables: value, unit, year and source, by topic or all of them."""

from __future__ import annotations

from collections.abc import Mapping

from app.ui import safe, texts
from app.ui.catalogue import Catalogue, TopicEntry
from app.ui.formulas import with_formulas
from app.ui.links import source_links, years
from index.types import Figure, Passage

__all__ = ["all_figures_html", "figures_html"]

Rows = Mapping[str, int]


def figures_html(topic: TopicEntry, rows: Rows) -> str:
    """One topic's figures, each with its note."""
    body = "".join(_row(one, noted=True, name=f"p{rows[one.id]}") for one in topic.figures)
    return _table(f"<tbody>{body}</tbody>", topic.name)


def all_figures_html(found: Catalogue, rows: Rows) -> str:
    """Every figure of the knowledge base, by topic; empty where it has none."""
    bodies = "".join(
        f'<tbody data-group><tr class="group"><th colspan="6" scope="rowgroup">'
        f"{safe.text(topic.name)}</th></tr>"
        + "".join(_row(one, noted=False, name=f"f{rows[one.id]}") for one in topic.figures)
        + "</tbody>"
        for topic in found.topics
        if topic.figures
    )
    return _table(bodies, texts.BROWSE_FIGURES) if bodies else ""


def _table(bodies: str, caption: str) -> str:
    names = (
        texts.BROWSE_FIGURE, texts.BROWSE_VALUE, texts.BROWSE_UNIT, texts.BROWSE_YEAR,
        texts.BROWSE_SOURCE,
    )  # fmt: skip
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        f'<table class="figures"><caption class="unseen">{safe.text(caption)}</caption>'
        f'<thead><tr>{heads}<th scope="col"><span class="unseen">{texts.BROWSE_ASK}</span></th>'
        f"</tr></thead>{bodies}</table>"
    )


def _row(passage: Passage, *, noted: bool, name: str) -> str:
    stated = passage.figure or Figure(passage.text)
    note = (
        f'<span class="note">{with_formulas(stated.note)}</span>' if noted and stated.note else ""
    )
    cells = (
        (texts.BROWSE_VALUE, "value", with_formulas(stated.value)),
        (texts.BROWSE_UNIT, "unit", with_formulas(stated.unit)),
        (texts.BROWSE_YEAR, "year", safe.text(years(passage))),
        (texts.BROWSE_SOURCE, "from", source_links(passage, 3)),
    )
    told = "".join(
        f'<td class="{kind}" data-label="{label}">{inner}</td>' for label, kind, inner in cells
    )
    question = safe.attribute(texts.about(passage.heading))
    return (
        f'<tr data-entry id="{name}"><th scope="row">{with_formulas(passage.heading)}{note}</th>'
        f'{told}<td class="ask"><button type="button" class="quiet" data-ask="{question}">'
        f"{texts.BROWSE_ASK}</button></td></tr>"
    )
