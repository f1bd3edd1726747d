"""Every word and sign of the evidence reaches the reader, whatever draws the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.answer.compose import compose
from app.answer.writer import Writer
from app.record.evidence import Evidence, evidence_of
from app.record.markers import markers_of
from app.record.types import Claim
from app.ui.render import render_answer
from app.verifying.supports import Support
from index.types import Hit, Passage, PassageKind, Source
from tests.app.record.test_sanitize import strip_but_joiners
from tests.hostile.suite import Parsed

_CLIENTS = (
    MarkdownIt("commonmark"),
    MarkdownIt("gfm-like", {"html": True, "linkify": True}),
)
_PIECES = (
    r"[0] [1] [2,3] x[1] a[i][j] <b> </s> <|im_end|> `code` ` `` http://x.org a@b.co x.com fast.ai "
    r"![a](b) [a](b) [r]: &lt; &#65; __init__ *.py **b** *a* _x_ a_b_c ~~~ ~~x~~ ==== onclick=1 "
    r"\href{x}{y} \( \* אב شلام می‌خ ① ［1］ javascript:x Node.js | # ## - + > >90% 1. 2) * -- <!-- "
    r"<br> 10<20 a<b a->b 👩‍👧 ❤️ {x} #tag C# ≤.NET /etc/x C:\x \\srv ::1 [::1]:80 <T> std::cout<<x "
    r"[x] [^1] [[w]] ``a`b`` x`y`z 2*3*4 f(*a,**k) “q” 日本語 ½ x² <think> [INST] ⸨0⸩ ⦑1⸩ ⦒ (a) %d"
).split()
_LINE = st.lists(
    st.tuples(st.sampled_from((*_PIECES, "limit", "5", "The")), st.sampled_from(("", " ", " "))),
    min_size=1,
    max_size=7,
).map(lambda pairs: "".join(piece + space for piece, space in pairs).strip())


def _evidence(text: str) -> Evidence:
    source = Source("s", "Doe (2020) — X", "https://e.org/x", 2020)
    passage = Passage("t/faq/0", PassageKind.FAQ, "t", "T", "Q?", text, (source,))
    return evidence_of([Hit(passage, 1.0)])[0]


def _written(item: Evidence) -> Writer:
    writer = Writer([item])
    for span in item.spans:
        support = Support(item.passage.id, 1, span.start, span.end, 1.0)
        writer.claim(" ", span.text, "supported", [support], 1.0)
    return writer


def _without_markers(text: str, claims: Sequence[Claim]) -> str:
    parts, position = [], 0
    for marker in markers_of(text, claims):
        parts.append(text[position : marker.start])
        position = marker.end
    return "".join([*parts, text[position:]])


def _signs(text: str) -> str:
    """All that a reader sees of a text, without spaces and what makes code of it."""
    return re.sub(r"[\s`\u2060]+", "", strip_but_joiners(text))


@settings(max_examples=250, deadline=None)
@given(st.lists(_LINE, min_size=1, max_size=3).map("\n".join))
def test_whoever_draws_it_every_sign_is_shown_and_none_acts(text: str) -> None:
    item = _evidence(text)
    said = [span.text for span in item.spans if any(char.isalnum() for char in span.text)]
    writer = _written(item)
    shown = _without_markers(writer.text, writer.claims)
    assert _signs(shown) == _signs(" ".join(said))
    page = render_answer(writer.text, writer.citations, writer.claims, "t")
    page = re.sub(r"<sup>.*?</sup>|<button.*?</button>", "", page)
    for drawn in (page, *(one.render(shown) for one in _CLIENTS)):
        seen = Parsed(drawn)
        assert _signs(seen.text) == _signs(" ".join(said))
        assert set(seen.tags) <= {"p", "code", "pre", "span", "div", "button"}


@pytest.mark.parametrize(
    "text",
    [
        "> 5 GB of memory is required. > 8 GB is better.",
        "- 5 °C is the lowest temperature. + 40 °C is the highest.",
        ">90% of requests end in 1 s.",
        "# of workers: 8 on each host.",
        "Wait first. 3) is the third way. - 2 is the least.",
        "The marks are ⸨0⸩, ⦑1⸩ and ⦒.",
        "1. Tag it.\n2. Push it.\n3. Wait for [ok].",
        "- Tag it.\n- 5 minutes later, push it.",
        "Call **`run --fast`** or *`stop`*, not `a`[0].",
    ],
)
def test_what_begins_like_a_mark_keeps_its_sign(text: str) -> None:
    item = _evidence(text)
    chosen = compose("Q?", [item], lambda _: 1.0, shape="papers")
    writer = Writer([item])
    for one in chosen:
        support = Support(item.passage.id, 1, one.start, one.end, 1.0)
        writer.claim(one.lead, one.text, "supported", [support], 1.0)
    assert _signs(_without_markers(writer.text, writer.claims)) == _signs(text)


def test_a_gap_in_a_numbered_list_is_a_gap_on_the_page() -> None:
    text = "1. Tag it.\n3. Push it.\n4. Wait."
    item = _evidence(text)
    chosen = compose("Q?", [item], lambda _: 1.0, shape="papers")
    shown = "".join(f"{one.lead}{one.text}" for one in chosen)
    for client in _CLIENTS:
        numbers = re.findall(r'<ol(?: start="(\d+)")?>', client.render(shown))
        assert numbers == ["", "3"]


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n|---|---|\n| x*y|z* |",
        "| a | b |\n|---|---|\n| `x|y` | too | many |",
        "|a|\n|-|\n|**bold|words**|",
        "| a | b |\n|---|---|\n| > 5 | [1] |\n| - 1 | a\\|b |",
        "| a | b |\n| c | d |",
    ],
)
def test_every_cell_of_a_table_is_shown(text: str) -> None:
    item = _evidence(text)
    writer = _written(item)
    shown = _without_markers(writer.text, writer.claims)
    page = re.sub(
        r"<sup>.*?</sup>", "", render_answer(writer.text, writer.citations, writer.claims, "t")
    )
    wanted = re.findall(r"[^\s|`\\-]+", text)
    for drawn in (page, *(one.enable("table").render(shown) for one in _CLIENTS)):
        seen = re.findall(
            r"[^\s|`\\-]+",
            re.sub(r"<[^>]*>", " ", drawn).replace("&gt;", ">").replace("\u2060", ""),
        )
        assert [word for word in seen if word != "Copy"] == wanted
