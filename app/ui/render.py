"""An answer's text becomes HTML: Markdown without HTML, links or images, and its citations.

A marker such as [2] becomes a citation only where a claim of the answer holds it and cites that
source; anywhere else it stays the text that it is. Before Markdown is read, each such marker
is put aside under a placeholder made of punctuation, as the marker was, so that emphasis beside
it parses the same; claims that lack support are bracketed in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from app.record.types import Citation, Claim
from app.ui import safe, texts
from app.ui.blocks import set_apart
from app.ui.formulas import formula_html, read_formulas
from app.ui.links import short_source

__all__ = ["Cite", "card_id", "render_answer"]

Cite = Callable[[int, int], str]

_MARKER = re.compile(r"[ \t]?\[(\d{1,4})\]")
# Rare paired punctuation serves as placeholders; while Markdown is read, noncharacters, which no
# text may hold, stand for the same characters of the text.
_LEFT, _RIGHT, _BEGIN, _END = "⸨", "⸩", "⦑", "⦒"
_GIVE_WAY = str.maketrans(_LEFT + _RIGHT + _BEGIN + _END, "\ufdd0\ufdd1\ufdd2\ufdd3")
_BACK = str.maketrans("\ufdd0\ufdd1\ufdd2\ufdd3", _LEFT + _RIGHT + _BEGIN + _END)
_PLACEHOLDER = re.compile(f"{_LEFT}(\\d+){_RIGHT}|{_BEGIN}(\\d+){_RIGHT}|{_END}")
# Citations before a sentence's stop, which on the page come after it.
_BEFORE_STOP = re.compile(
    f"((?:{_LEFT}\\d+{_RIGHT})+)({_END}?(?:[.,;:!?…]+(?=[\\s{_END}]|$)|[。，；：！？]+))"
)
_JOINER = "\u2060"  # a word joiner: no citation begins a line
_BLOCK_OPENING = re.compile(r"(?:\s|[-*+](?=\s)|\d{1,9}[.)](?=\s)|#{1,6}(?=\s)|>|\|)*")


@dataclass(frozen=True, slots=True)
class _Marker:
    raw: str
    n: int
    claim: int


@dataclass(slots=True)
class _State:
    markers: Sequence[_Marker]
    claims: Sequence[Claim]
    cited: Mapping[int, Citation]
    prefix: str
    numbers: Mapping[int, int] = field(default_factory=dict)
    cite: Cite | None = None
    open_claim: int | None = None
    seen: set[int] = field(default_factory=set)


def card_id(prefix: str, claim: int, n: int) -> str:
    """Name the card of a source under one claim."""
    return f"{prefix}-k{claim}-s{n}"


def render_answer(
    text: str,
    citations: Sequence[Citation],
    claims: Sequence[Claim],
    prefix: str,
    *,
    numbers: Mapping[int, int] | None = None,
    cite: Cite | None = None,
) -> str:
    """Render an answer, or the part of it that is known so far.

    Args:
        text: the answer in Markdown, with its markers.
        citations: its sources; markers of other numbers stay text.
        claims: its sentences; their offsets are code points of `text`.
        prefix: what the page's ids of this answer begin with; letters, digits and dashes.
        numbers: what the sources are shown as, by their own numbers; by default as these.
        cite: makes a citation's HTML from its claim's position and its number; by default it
            opens a card and leads to the source.
    """
    cited = {citation.n: citation for citation in reversed(citations)}
    markers: list[_Marker] = []
    prepared = _prepare(text, claims, set(cited), markers)
    state = _State(markers, claims, cited, prefix, numbers or {}, cite)
    return str(_MARKDOWN.render(prepared, {"state": state}))


def _prepare(text: str, claims: Sequence[Claim], numbers: set[int], markers: list[_Marker]) -> str:
    """Put placeholders for the markers that are citations and around each sentence."""
    text = text.translate(_GIVE_WAY)
    parts: list[str] = []
    position, apart = 0, set_apart(text, claims)
    for number, claim in sorted(enumerate(claims), key=lambda pair: pair[1].start):
        start = min(max(claim.start, position), len(text))
        end = min(max(claim.end, start), len(text))
        parts.append(apart.get(number, text[position:start]))
        body = _with_markers(text[start:end], number, claim, numbers, markers)
        parts.append(_bracketed(body, number, claim))
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _bracketed(body: str, number: int, claim: Claim) -> str:
    """Bracket a claim inside its block's own syntax.

    Code and what is empty stay as they are; where they lack support, a note below says so.
    """
    opening = _BLOCK_OPENING.match(body)
    at = opening.end() if opening else 0
    tail = len(body.rstrip().rstrip("|").rstrip())
    if at >= tail or "```" in body or "~~~" in body:
        if claim.status == "supported":
            return body
        note = texts.PARTIAL if claim.status == "partial" else texts.UNSUPPORTED
        return f"{body}\n\n{_BEGIN}{number}{_RIGHT}{note}{_END}\n\n"
    return f"{body[:at]}{_BEGIN}{number}{_RIGHT}{body[at:tail]}{_END}{body[tail:]}"


def _with_markers(
    body: str, number: int, claim: Claim, numbers: set[int], markers: list[_Marker]
) -> str:
    def put(found: re.Match[str]) -> str:
        n = int(found[1])
        if n not in claim.cites or n not in numbers:
            return found[0]
        markers.append(_Marker(found[0], n, number))
        return f"{_LEFT}{len(markers) - 1}{_RIGHT}"

    return _MARKER.sub(put, body)


class _Renderer(RendererHTML):
    """Renders leaves through the one escape, with citations where placeholders stand."""

    def text(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        return _leaf(tokens[idx].content, env["state"])

    def code_inline(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        state: _State = env["state"]
        return _in_claim(f"<code>{safe.text(_restored(tokens[idx].content, state))}</code>", state)

    def code_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        code = safe.text(_restored(tokens[idx].content, env["state"]))
        return (
            f'<div class="code"><button type="button" class="quiet" data-copy-code>{texts.COPY}'
            f'</button><pre tabindex="0"><code>{code}</code></pre></div>\n'
        )

    def fence(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        return self.code_block(tokens, idx, options, env)

    def formula(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        token, state = tokens[idx], env["state"]
        source = _restored(token.content, state)
        return _in_claim(formula_html(source, display=token.meta["display"]), state)

    def table_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        return '<div class="scrolls" tabindex="0" role="group"><table>\n'

    def table_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        return "</table></div>\n"

    def html_block(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Mapping[str, Any]
    ) -> str:
        return _leaf(tokens[idx].content, env["state"])

    html_inline = html_block


def _leaf(content: str, state: _State) -> str:
    """Render text: escaped, wrapped where its claim lacks support, markers as citations."""
    content = _BEFORE_STOP.sub(r"\2\1", content)
    out: list[str] = []
    position = 0
    for found in _PLACEHOLDER.finditer(content):
        before = _shown(content[position : found.start()])
        position = found.end()
        if found[1] is not None:
            out.append(_in_claim(f"{before}{_JOINER}" if before.strip() else before, state))
            out.append(_citation(state.markers[int(found[1])], state, bare=not before.strip()))
        else:
            out.append(_in_claim(before, state))
            out.append(_turn_claim(found, state))
    out.append(_in_claim(_shown(content[position:]), state))
    return "".join(out)


def _shown(content: str) -> str:
    return safe.text(content.translate(_BACK))


def _restored(content: str, state: _State) -> str:
    """Code shows its markers as they were written."""

    def back(found: re.Match[str]) -> str:
        if found[1] is not None:
            return state.markers[int(found[1])].raw
        _turn_claim(found, state)
        return ""

    return _PLACEHOLDER.sub(back, content).translate(_BACK)


def _turn_claim(found: re.Match[str], state: _State) -> str:
    """Enter or leave a claim; one that lacks support says so to a screen reader on leaving."""
    if found[2] is not None:
        state.open_claim = int(found[2])
        return ""
    claim, state.open_claim = state.open_claim, None
    if claim is None or state.claims[claim].status == "supported":
        return ""
    note = texts.PARTIAL if state.claims[claim].status == "partial" else texts.UNSUPPORTED
    if f"({note})".casefold() in state.claims[claim].text.casefold():
        return ""  # the sentence says it itself
    return f'<span class="unseen"> ({note})</span>'


def _in_claim(inner: str, state: _State) -> str:
    if state.open_claim is None or not inner.strip():
        return inner
    claim = state.claims[state.open_claim]
    at = f'data-claim="{state.open_claim}" data-basis="{claim.basis}"'
    if claim.status == "supported":
        return f'<span class="claim" {at}>{inner}</span>' if state.cite is None else inner
    partial = claim.status == "partial"
    name, tip = (
        ("partial", texts.PARTIAL_TIP) if partial else ("unsupported", texts.UNSUPPORTED_TIP)
    )
    focus = "" if state.open_claim in state.seen else ' tabindex="0"'
    state.seen.add(state.open_claim)
    return f'<span class="claim {name}" {at} data-tip="{safe.attribute(tip)}"{focus}>{inner}</span>'


def _citation(marker: _Marker, state: _State, *, bare: bool) -> str:
    """A citation; `bare` where no words of the sentence, with their joiner, stand before it."""
    joiner = _JOINER if bare else ""
    if state.cite is not None:
        return f"{joiner}<sup>{state.cite(marker.claim, marker.n)}</sup>"
    name = safe.attribute(card_id(state.prefix, marker.claim, marker.n))
    cited = state.cited[marker.n]
    number = state.numbers.get(marker.n, marker.n)
    label = safe.attribute(f"{texts.SOURCE} {number}: {short_source(cited)}")
    role = "" if safe.web_address(cited.url) else ' tabindex="0" role="button"'
    link = safe.web_link(
        cited.url,
        str(number),
        attributes=f'class="cite" data-card="{name}" data-source="{state.prefix}-s{marker.n}" '
        f'data-basis="{state.claims[marker.claim].basis}" aria-label="{label}"{role}',
        told=False,
    )
    return f"{joiner}<sup>{link}</sup>"


def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}, renderer_cls=_Renderer)
    made.enable(["table", "strikethrough"])
    made.disable(["link", "image", "autolink", "reference", "html_block", "html_inline"])
    read_formulas(made)
    made.core.ruler.push("direction", _directed)
    return made


def _directed(state: StateCore) -> None:
    """Have each block run as its own words do, Arabic and Hebrew from the right."""
    for token in state.tokens:
        if token.nesting == 1 and token.tag != "table":
            token.attrSet("dir", "auto")


_MARKDOWN = _markdown()
