"""The evidence: what an answer cites, with the words that bear each sentence, and what was read.

Each answer carries its own, hidden; the page's script shows that of the answer in view beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.record.types import Citation, Claim, Conflict
from app.ui import safe, texts
from app.ui.cards import (
    around_html,
    bearing,
    passages_of,
    source_heading,
    span_of,
    words_html,
    works_links,
)
from app.ui.conversation import Turn
from app.ui.links import source_links
from app.ui.viewer import place_address
from index.types import Hit

__all__ = ["conflicts_html", "evidence_html", "panel_html"]

_AROUND = 160  # characters of a passage shown on either side of what is marked in it
_NO_NUMBERS: Mapping[int, int] = {}


def panel_html() -> str:
    """The place beside the conversation where the evidence of the answer in view is shown."""
    title = texts.EVIDENCE
    step = "".join(
        f'<button type="button" class="quiet" data-step="{way}" aria-label="{name}" '
        f'data-tip="{name} ({key})">{sign}</button>'
        for way, key, sign, name in (
            (-1, "k", "↑", texts.PREVIOUS_SENTENCE),
            (1, "j", "↓", texts.NEXT_SENTENCE),
        )
    )
    return (
        f'<section class="sources" aria-label="{title}"><header><h2>{title}</h2>'
        f'<span class="steps">{step}<button type="button" class="quiet" data-unpin hidden>'
        f'{texts.UNPIN}</button><button type="button" class="quiet" data-fold>{texts.CLOSE}'
        f'</button></span></header><p class="of" dir="auto" hidden></p>'
        '<p class="basis" role="status"></p>'
        f'<div class="shown"><p class="faint">{texts.EVIDENCE_EMPTY}</p></div></section>'
    )


def evidence_html(turn: Turn, prefix: str, numbers: Mapping[int, int] = _NO_NUMBERS) -> str:
    """Show where an answer comes from; `numbers` are what its sources are shown as."""
    if turn.retrieved is None:
        return "" if turn.over else f'<p class="faint">{texts.SOURCES_SEARCHING}</p>'
    hits = (*turn.retrieved.hits, *turn.retrieved.counterparts)
    cited = {citation.ref for citation in turn.citations}
    unused = [hit for hit in hits if hit.passage.id not in cited]
    by_id = {hit.passage.id: hit for hit in (*hits, *turn.retrieved.beside)}
    parts = [f'<p class="bases">{texts.bases(turn.claims)}</p>'] if turn.claims else []
    if turn.citations:
        items = "".join(
            _sources(group, turn.claims, by_id, prefix, numbers)
            for group in _by_passages(turn.citations)
        )
        parts.append(f'<ol class="cited" aria-label="{texts.CITED}">{items}</ol>')
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


def _by_passages(citations: Sequence[Citation]) -> list[list[Citation]]:
    """Put the citations of those sources together that are cited through the same passages."""
    refs: dict[int, set[str]] = {}
    for citation in citations:
        refs.setdefault(citation.n, set()).add(citation.ref)
    groups: dict[tuple[str, ...], list[Citation]] = {}
    for citation in sorted(citations, key=lambda one: one.n):
        groups.setdefault(tuple(sorted(refs[citation.n])), []).append(citation)
    return list(groups.values())


def _sources(
    group: Sequence[Citation],
    claims: Sequence[Claim],
    hits: Mapping[str, Hit],
    prefix: str,
    numbers: Mapping[int, int],
) -> str:
    """Show sources, and under them the passages that all of them are cited through."""
    first = {citation.n: citation for citation in reversed(group)}
    by_ref: dict[str, list[Citation]] = {}
    for citation in group:
        by_ref.setdefault(citation.ref, []).append(citation)
    borne: dict[Citation, list[int]] = {}
    for at, claim in enumerate(claims):
        for n in claim.cites:
            own = [citation for citation in group if citation.n == n]
            for citation in bearing(claim, own):
                borne.setdefault(citation, []).append(at)
    names = " ".join(f"{prefix}-s{n}" for n in sorted(first))
    headings = "".join(_heading(first[n], numbers.get(n, n)) for n in sorted(first))
    passages = "".join(_passage(found, borne, hits.get(ref)) for ref, found in by_ref.items())
    return f'<li data-sources="{names}">{headings}{passages}</li>'


def _heading(cited: Citation, number: int) -> str:
    works = f'<p class="who">{works_links(cited)}</p>' if cited.works else ""
    return (
        f'<div class="source"><span class="number">{number}</span>'
        f"<div>{safe.web_link(cited.url, source_heading(cited))}{works}</div></div>"
    )


def _passage(
    citations: Sequence[Citation], borne: Mapping[Citation, Sequence[int]], hit: Hit | None
) -> str:
    """Show a passage with what is cited of it marked, each mark with the sentences it bears."""
    quoted = citations[0].place is not None
    if hit is None:
        marks = dict.fromkeys(citation.quote for citation in citations)
        body = " … ".join(f"<mark>{safe.text(quote)}</mark>" for quote in marks if quote)
        return words_html(body, quoted=quoted)
    text = hit.passage.text
    spans = [(*span_of(one, text), set(borne.get(one, ()))) for one in citations]
    marks_of = {
        (start, end): f' data-claims="{" ".join(map(str, sorted(claims)))}"'
        for start, end, claims in _apart(spans)
    }
    body = around_html(text, marks_of or {(0, 0): ""}, _AROUND)
    named = "" if hit.passage.heading == hit.passage.title else safe.text(hit.passage.heading)
    heading = f'<p class="heading" dir="auto">{named} {_why(hit)}</p>'
    opened = _opened(citations[0]) if quoted else ""
    return f"{heading}{words_html(body, quoted=quoted)}{opened}"


def _opened(cited: Citation) -> str:
    """The document itself, at the place, once it is asked for."""
    address = safe.attribute(place_address(cited.ref, cited.quote))
    return (
        f'<details class="document"><summary>{texts.VIEW_PLACE}</summary>'
        f'<iframe loading="lazy" sandbox="allow-popups" src="{address}" '
        f'title="{safe.attribute(cited.title)}"></iframe></details>'
    )


def _apart(spans: Sequence[tuple[int, int, set[int]]]) -> list[tuple[int, int, set[int]]]:
    """Join spans that overlap, with all that they bear; empty ones are left out."""
    joined: list[tuple[int, int, set[int]]] = []
    for start, end, claims in sorted(spans, key=lambda span: span[:2]):
        if joined and start < joined[-1][1]:
            first, last, known = joined[-1]
            joined[-1] = first, max(last, end), known | claims
        elif start < end:
            joined.append((start, end, claims))
    return joined


def _unused(hit: Hit) -> str:
    passage = hit.passage
    return (
        f'<p class="heading">{safe.text(passage.heading)} {_why(hit)}</p>'
        f'<p class="who">{safe.text(passage.title)}</p>'
        f'<p class="who">{source_links(passage, 3)}</p>'
    )


def _why(hit: Hit) -> str:
    """Say why a passage was found: each stage's score, and its rank there."""
    parts = [
        _measure(name, hit.trace.get(key), hit.trace.get(f"{key}_rank"))
        for key, name in (
            ("dense", texts.WHY_DENSE),
            ("lexical", texts.WHY_LEXICAL),
            ("late", texts.WHY_LATE),
        )
    ]
    parts.append(_measure(texts.WHY_SCORE, hit.score, None))
    told = safe.attribute(f"{texts.WHY}: {' · '.join(filter(None, parts))}")
    return (
        f'<span class="why" data-tip="{told}" tabindex="0" role="img" aria-label="{told}">'
        f"{hit.score:.2f}</span>"
    )


def _measure(name: str, score: float | None, rank: float | None) -> str:
    if score is None:
        return ""
    place = f" ({texts.ordinal(int(rank))})" if rank else ""
    return f"{name} {score:.2f}{place}"


def conflicts_html(turn: Turn, numbers: Mapping[int, int] = _NO_NUMBERS) -> str:
    """Show the figures that the sources disagree on, where the answer cites one of them."""
    known = turn.answer or turn.retrieved
    cited = {citation.ref for citation in turn.citations}
    return "".join(
        _conflict(conflict, turn, numbers)
        for conflict in (known.conflicts if known else ())
        if cited & {value.ref for value in conflict.values}
    )


def _conflict(conflict: Conflict, turn: Turn, numbers: Mapping[int, int]) -> str:
    found = turn.retrieved
    passages = passages_of((*found.hits, *found.counterparts, *found.beside)) if found else {}
    rows = []
    for value in conflict.values:
        passage = passages.get(value.ref)
        n = numbers.get(value.n, value.n)
        number = f'<span class="number">{n}</span>' if n else ""
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
