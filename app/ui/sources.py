"""The sources panel: conflicts, what an answer cites with its quotes, and what was not used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.record.types import Citation, Conflict
from app.ui import safe, texts
from app.ui.cards import passages_of, source_heading, words_html, works_links
from app.ui.conversation import Turn
from app.ui.formulas import with_formulas
from app.ui.links import source_links
from index.types import Hit, Passage

__all__ = ["panel_html"]


def panel_html(turn: Turn | None, prefix: str = "t0") -> str:
    """Show where the latest answer comes from."""
    if turn is None or (turn.retrieved is None and turn.over):
        body = f'<p class="faint">{texts.SOURCES_EMPTY}</p>'
    elif turn.retrieved is None:
        body = f'<p class="faint">{texts.SOURCES_SEARCHING}</p>'
    else:
        body = _body(turn, (*turn.retrieved.hits, *turn.retrieved.counterparts), prefix)
    title = texts.SOURCES
    return f'<section class="sources" aria-label="{title}"><h2>{title}</h2>{body}</section>'


def _body(turn: Turn, hits: Sequence[Hit], prefix: str) -> str:
    passages = passages_of(hits)
    cited = {citation.ref for citation in turn.citations}
    unused = [hit for hit in hits if hit.passage.id not in cited]
    known = turn.answer or turn.retrieved
    touched = [
        conflict
        for conflict in (known.conflicts if known else ())
        if cited & {value.ref for value in conflict.values}
    ]
    parts = [_conflict(conflict, passages) for conflict in touched]
    by_id = {hit.passage.id: hit for hit in hits}
    if turn.citations:
        items = "".join(
            _source(group, by_id, prefix) for group in _by_number(turn.citations).values()
        )
        parts.append(f'<h3>{texts.CITED}</h3><ol class="cited">{items}</ol>')
    elif turn.over:
        parts.append(f'<p class="faint">{texts.NONE_CITED}</p>')
    if unused:
        rows = "".join(f"<li>{_unused(hit)}</li>" for hit in unused)
        name = texts.NOT_USED if turn.over else texts.FOUND_SO_FAR
        parts.append(
            f"<details{'' if turn.over else ' open'}><summary>{name} "
            f'<span class="count">{len(unused)}</span></summary>'
            f'<ul class="unused">{rows}</ul></details>'
        )
    return "".join(parts)


def _by_number(citations: Sequence[Citation]) -> Mapping[int, list[Citation]]:
    groups: dict[int, list[Citation]] = {}
    for citation in sorted(citations, key=lambda one: one.n):
        groups.setdefault(citation.n, []).append(citation)
    return groups


def _source(group: list[Citation], hits: Mapping[str, Hit], prefix: str) -> str:
    first = group[0]
    heading = safe.web_link(first.url, source_heading(first))
    works = f'<p class="who">{works_links(first)}</p>' if first.works else ""
    by_ref: dict[str, list[Citation]] = {}
    for citation in group:
        by_ref.setdefault(citation.ref, []).append(citation)
    quotes = "".join(_quotes(found, hits.get(ref)) for ref, found in by_ref.items())
    return (
        f'<li id="{prefix}-s{first.n}"><span class="number">{first.n}</span>'
        f"<div>{heading}{works}{quotes}</div></li>"
    )


def _quotes(citations: Sequence[Citation], hit: Hit | None) -> str:
    """Show what one passage is cited for, and why it was found."""
    quoted = citations[0].place is not None
    tag = "q" if quoted else "p"
    quotes = dict.fromkeys(citation.quote for citation in citations)
    shown = "".join(f"<{tag}>{with_formulas(quote)}</{tag}>" for quote in quotes if quote)
    return words_html(f"{shown}{_why(hit) if hit else ''}", quoted=quoted)


def _unused(hit: Hit) -> str:
    passage = hit.passage
    return (
        f'<p class="heading">{safe.text(passage.heading)}</p>'
        f'<p class="who">{safe.text(passage.title)}</p>'
        f'<p class="who">{source_links(passage, 3)}</p>{_why(hit)}'
    )


def _why(hit: Hit) -> str:
    """Say why a passage was found: each stage's score, and its rank there."""
    parts = [
        _measure(name, tip, hit.trace.get(key), hit.trace.get(f"{key}_rank"))
        for key, name, tip in (
            ("dense", texts.WHY_DENSE, texts.WHY_DENSE_TIP),
            ("lexical", texts.WHY_LEXICAL, texts.WHY_LEXICAL_TIP),
            ("late", texts.WHY_LATE, texts.WHY_LATE_TIP),
        )
    ]
    parts.append(_measure(texts.WHY_SCORE, texts.WHY_SCORE_TIP, hit.score, None))
    return f'<p class="why">{"".join(parts)}</p>'


def _measure(name: str, tip: str, score: float | None, rank: float | None) -> str:
    if score is None:
        return ""
    place = f" <i>{texts.ordinal(int(rank))}</i>" if rank else ""
    return f'<span data-tip="{safe.attribute(tip)}">{name} <b>{score:.2f}</b>{place}</span>'


def _conflict(conflict: Conflict, passages: Mapping[str, Passage]) -> str:
    rows = []
    for value in conflict.values:
        passage = passages.get(value.ref)
        number = f'<span class="number">{value.n}</span>' if value.n else ""
        where = ""
        if passage is not None:
            where = source_links(passage, 3) or safe.text(passage.title)
        rows.append(
            f"<li><strong>{safe.text(value.value)}</strong>"
            f'<span class="who">{number}{where}</span></li>'
        )
    return (
        f'<div class="conflict" role="note"><h3>{texts.CONFLICT}</h3>'
        f"<p>{safe.text(conflict.quantity)}</p><ul>{''.join(rows)}</ul></div>"
    )
