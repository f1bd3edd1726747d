"""The cards that open on a citation: the passage, its supporting span, the paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from app.record.types import Citation, Claim
from app.ui import safe, texts
from app.ui.formulas import formulas_in, with_formulas
from app.ui.links import place_words, short_label
from app.ui.render import card_id
from index.types import Hit, Passage

__all__ = [
    "around_html",
    "bearing",
    "cards_html",
    "passages_of",
    "source_heading",
    "span_of",
    "words_html",
    "works_links",
]

_WORD = re.compile(r"[\w.%-]+")
_AROUND = 320  # characters of a passage shown on either side of its span


def passages_of(hits: Iterable[Hit]) -> dict[str, Passage]:
    """Return the retrieved passages by id."""
    return {hit.passage.id: hit.passage for hit in hits}


def cards_html(
    citations: Iterable[Citation],
    claims: Iterable[Claim],
    passages: Mapping[str, Passage],
    prefix: str,
    numbers: Mapping[int, int] | None = None,
) -> str:
    """Make one card for each source under each claim, hidden until it is asked for.

    `numbers` are what the sources are shown as, by their own numbers; by default as these.
    """
    shown = numbers or {}
    listed = list(citations)
    made = []
    for number, claim in enumerate(claims):
        for n in dict.fromkeys(claim.cites):
            found = bearing(claim, [citation for citation in listed if citation.n == n])
            if found:
                name = safe.attribute(card_id(prefix, number, n))
                card = _card(claim, found, passages, shown.get(n, n))
                made.append(f'<div id="{name}">{card}</div>')
    return f'<div class="cards" hidden>{"".join(made)}</div>' if made else ""


def bearing(claim: Claim, citations: Sequence[Citation]) -> list[Citation]:
    """Pick a claim's citations of one source: a passage once, with the quote nearest the claim.

    A source, and even a passage, may support several claims, each by another span of it.
    """
    own = [one for one in citations if one.ref in claim.refs] or list(citations)
    words = set(_WORD.findall(claim.text.casefold()))

    def nearness(citation: Citation) -> float:
        quoted = set(_WORD.findall(citation.quote.casefold()))
        return len(words & quoted) / (len(words | quoted) or 1)

    best: dict[str, Citation] = {}
    for citation in sorted(own, key=nearness, reverse=True):
        best.setdefault(citation.ref, citation)
    return list(best.values())


def _card(
    claim: Claim, citations: list[Citation], passages: Mapping[str, Passage], number: int
) -> str:
    first = citations[0]
    told = texts.BASIS.get(claim.basis)
    basis = f'<p class="whose">{told}</p>' if told else ""
    quotes = basis + "".join(_passage_html(citation, passages) for citation in citations)
    name = texts.OPEN_DOCUMENT if first.place else texts.OPEN_PAPER
    opens = f"{name} <span aria-hidden='true'>↗</span>"
    link = safe.web_link(first.url, opens, attributes='class="open"')
    foot = link if safe.web_address(first.url) else works_links(first) or texts.NO_LINK
    return (
        f'<header><span class="number">{number}</span><div>{source_heading(first)}</div></header>'
        f"{quotes}{_see_also(citations, passages)}<footer>{foot}</footer>"
    )


def source_heading(cited: Citation) -> str:
    """Show a source's work, and under it who wrote it when, or the file that it is."""
    work, who = safe.split_label(cited.title, cited.year)
    if cited.works:  # they are named one by one beside it
        work, who = work.rpartition(": ")[0] or work, ""
    if cited.place:
        who = " · ".join(filter(None, (cited.place.path, place_words(cited.place))))
    by = f'<span class="who">{safe.text(who)}</span>' if who else ""
    return f'<strong class="work" dir="auto">{safe.text(work)}</strong>{by}'


def works_links(cited: Citation) -> str:
    """Link each of several works of which any may support what is cited."""
    return " · ".join(
        safe.web_link(work.url, safe.text(short_label(work.label, work.year)))
        for work in cited.works
    )


def _see_also(citations: Sequence[Citation], passages: Mapping[str, Passage]) -> str:
    """Link what the document itself links to there."""
    cited = [passages[one.ref] for one in citations if one.ref in passages]
    links = {link.url: link for passage in cited for link in passage.see_also}
    listed = " · ".join(safe.web_link(one.url, safe.text(one.label)) for one in links.values())
    return f'<p class="heading">{texts.SEE_ALSO}: {listed}</p>' if listed else ""


def words_html(inner: str, *, quoted: bool) -> str:
    """Show words of a source as a quotation, and words about it as the knowledge base's own."""
    if quoted:
        return f'<blockquote class="words" dir="auto">{inner}</blockquote>'
    return f'<p class="whose">{texts.RESTATED}</p><div class="words" dir="auto">{inner}</div>'


def _passage_html(citation: Citation, passages: Mapping[str, Passage]) -> str:
    """Show a passage with the span that supports the claim highlighted."""
    passage = passages.get(citation.ref)
    if passage is None:
        shown = f"<mark>{safe.text(citation.quote)}</mark>"
        return words_html(shown, quoted=citation.place is not None)
    body = around_html(passage.text, {span_of(citation, passage.text): ""}, _AROUND)
    words = words_html(body, quoted=citation.place is not None)
    return f'<p class="heading" dir="auto">{safe.text(passage.heading)}</p>{words}'


def around_html(text: str, spans: Mapping[tuple[int, int], str], around: int) -> str:
    """Show a text about some spans of it, each marked; what lies further from them is left out.

    Args:
        text: the text.
        spans: where the marks begin and end, in code points, with their attributes, already safe.
            They don't overlap.
        around: how many characters are shown on either side of a mark.
    """
    out, shown = [], 0  # `shown` is how far the text is told
    marks = sorted(spans.items())
    for at, ((start, end), attributes) in enumerate(marks):
        left, right = _around(text, start, end, around)
        right = min(right, marks[at + 1][0][0]) if at + 1 < len(marks) else right
        out.append("…" if left > shown else "")
        left = max(left, shown)
        marked = f"<mark{attributes}>{with_formulas(text[start:end])}</mark>" if start < end else ""
        out += [with_formulas(text[left:start]), marked, with_formulas(text[end:right])]
        shown = right
    return f"{''.join(out)}{'…' if shown < len(text) else ''}"


def _around(text: str, start: int, end: int, around: int) -> tuple[int, int]:
    """How much of a passage is shown about a span; no formula is cut."""
    left, right = max(0, start - around), min(len(text), end + around)
    for found in formulas_in(text):
        if found.start < left < found.end:
            left = found.start
        if found.start < right < found.end:
            right = found.end
    return left, right


def span_of(citation: Citation, text: str) -> tuple[int, int]:
    """Where the quote stands in the passage, in code points; an empty span where it doesn't."""
    if 0 <= citation.start < citation.end <= len(text):
        return citation.start, citation.end
    at = text.find(citation.quote) if citation.quote else -1
    return (at, at + len(citation.quote)) if at >= 0 else (0, 0)
