"""A conversation as one web page that needs nothing else: no script, no request, no font."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.ui import safe, texts
from app.ui.conversation import Turn
from app.ui.exports.bibliography import Bibliography, Reference, bibliography
from app.ui.render import render_answer
from app.ui.speaking import language

__all__ = ["conversation_html", "web_page_of"]

_STYLE = Path(__file__).with_name("web_page.css")
# The browser is told to fetch and run nothing, whatever the page holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def web_page_of(turns: Sequence[Turn]) -> str:
    """Write the conversation as HTML; each source has one number throughout."""
    title = safe.attribute(turns[0].question if turns else texts.TITLE)
    today = datetime.now(UTC).date().isoformat()
    return (
        f'<!doctype html>\n<html lang="{language()}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{title} · {texts.TITLE}</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        f'<header><p class="from">{texts.TITLE} · <time>{today}</time></p></header>'
        f"{conversation_html(turns)}</main></body></html>\n"
    )


def conversation_html(turns: Sequence[Turn]) -> str:
    """Write the questions with their answers, and the sources of all of them."""
    found = bibliography(turns)
    body = "".join(
        _turn(turn, numbers, position)
        for position, (turn, numbers) in enumerate(zip(turns, found.numbers, strict=True))
    )
    return f"{body}{_listed(turns, found)}"


def _turn(turn: Turn, numbers: Mapping[int, int], position: int) -> str:
    def cite(claim: int, n: int) -> str:
        del claim
        number = numbers[n]
        return f'<a class="cite" href="#source-{number}">{number}</a>'

    note = turn.trouble or (texts.STOPPED if turn.stopped else "")
    answer = render_answer(turn.text, turn.citations, turn.claims, f"t{position}", cite=cite)
    heading = "" if turn.also else f'<h1 dir="auto">{safe.text(turn.question)}</h1>'
    return (
        f"<article>{heading}"
        f'<p class="by">{safe.text(turn.persona)}</p><div class="answer">{answer}</div>'
        f"{f'<p class=note>{safe.text(note)}</p>' if note else ''}</article>"
    )


def _listed(turns: Sequence[Turn], found: Bibliography) -> str:
    if not found.references:
        return ""
    quotes: dict[int, dict[str, None]] = {}
    for turn, numbers in zip(turns, found.numbers, strict=True):
        for citation in turn.citations:
            if citation.quote:
                quotes.setdefault(numbers[citation.n], {})[citation.quote] = None
    items = "".join(_reference(one, tuple(quotes.get(one.n, ()))) for one in found.references)
    return f'<section class="sources"><h2>{texts.BIBLIOGRAPHY}</h2><ol>{items}</ol></section>'


def _reference(reference: Reference, quotes: Sequence[str]) -> str:
    work, who = safe.split_label(reference.label, reference.year)
    who = reference.file or who
    by = f"<span>{safe.text(who)}</span>" if who else ""
    tag = "q" if reference.file else "p"  # only a document's own words are quoted
    shown = "".join(f"<{tag}>{safe.text(quote)}</{tag}>" for quote in quotes)
    if shown and not reference.file:
        shown = f"<small>{texts.RESTATED}</small>{shown}"
    heading = safe.web_link(reference.url or "", f"<strong>{safe.text(work)}</strong>")
    works = "".join(
        f"<span>{safe.web_link(one.url or '', safe.text(one.label))}</span>"
        for one in reference.works
    )
    address = f"<small>{safe.text(reference.url)}</small>" if reference.url else ""
    return f'<li id="source-{reference.n}">{heading}{by}{works}{address}{shown}</li>'
