"""Formulas among prose, prices and code; whatever TeX says, only MathML comes out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.record.types import Citation, Claim
from app.ui.formulas import formula_html, formulas_in, with_formulas
from app.ui.render import render_answer

_ALLOWED = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msup", "msub", "msubsup", "mfrac",
    "msqrt", "mroot", "mover", "munder", "munderover", "mmultiscripts", "mprescripts", "none",
    "mtable", "mtr", "mtd", "mpadded", "mphantom", "mstyle", "menclose", "span", "code",
}  # fmt: skip


class _Seen(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.names: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def _rendered(text: str) -> str:
    citation = Citation(1, "t/faq/1", "https://x.example", "X", "q")
    claim = Claim(text, 0, len(text), (1,), (), "supported")
    return render_answer(text, [citation], [claim], "t0")


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        (r"so $d_k = 64$ here", ["d_k = 64"]),
        (r"$\frac{QK^T}{\sqrt{d_k}}$", [r"\frac{QK^T}{\sqrt{d_k}}"]),
        (r"a \(x^2\) and \[y\] too", ["x^2", "y"]),
        ("$$e = mc^2$$", ["e = mc^2"]),
        ("$n$ tokens and $m$ heads", ["n", "m"]),
        ("$5$", ["5"]),
        ("it costs $5 and $10 a month", []),
        ("between $5-$10, or $1,000/month in US$", []),
        ("from $3M to $4M$ ", []),
        ("$HOME/bin and $PATH", []),
        (r"\$5 and \$6", []),
        ("5$ and 6$", []),
        ("$ x $", []),
        ("$2 per million in, and out at 10$", []),
        ("about $0.5 per 1M tokens (US$)", []),
        (r"\\(not one\\)", []),
        ("$unclosed", []),
        ("$$ $$", []),
        ("US$5 for x$", []),
        ("set $PATH$ and $JAVA_HOME$", []),
        ("${VAR:-x}$ or $(date)$", []),
        ("$env:PATH$, $name$, $Id: file,v 1.2$", []),
        ("^[a-z]+$ beside $foo$ and $some-name$", []),
        ("echo $$ prints the pid $$", []),
        (r"$W_Q$, $d_model$, $KV$, $\text{softmax}$", ["W_Q", "d_model", "KV", r"\text{softmax}"]),
        ("$softmax(x)$ and $loss = -x$", ["softmax(x)", "loss = -x"]),
    ],
)
def test_what_is_a_formula(text: str, sources: list[str]) -> None:
    assert [found.source for found in formulas_in(text)] == sources


def test_a_formula_becomes_mathml() -> None:
    html = _rendered(r"Scores are $\frac{QK^T}{\sqrt{d_k}}$ [1].")
    assert {"math", "mfrac", "msqrt", "msup", "msub"} <= set(_Seen(html).tags)
    assert "data-card" in html
    shown = _rendered("$$\\sum_{i=1}^{n} x_i$$")
    assert 'class="formula"' in shown
    assert 'display="block"' in shown
    assert "∑" in shown


def test_several_lines_between_double_dollars_are_one_formula() -> None:
    html = _rendered("Then\n\n$$\nx = 1\n+ y\n$$\n\nand **so** on [1].")
    assert html.count("<math") == 1
    assert "<ul>" not in html
    assert re.search("<strong><span [^>]*>so</span></strong>", html)


@pytest.mark.parametrize("text", ["`$x_1$`", "```\n$x_1$\n```", "    $x_1$"])
def test_code_stays_code(text: str) -> None:
    html = _rendered(text)
    assert "<math" not in html
    assert "$x_1$" in html


def test_prices_stay_text() -> None:
    html = _rendered("GPT-4 costs $5 per million and $15 after [1].")
    assert "<math" not in html
    assert "$5 per million and $15 after" in _Seen(html).text


def test_a_marker_in_a_formula_is_part_of_it() -> None:
    html = _rendered("Take $a[1] + b$ here [1].")
    assert html.count("data-card") == 1
    assert "<math" in html


def test_what_cannot_be_drawn_is_shown_as_written() -> None:
    for source in ("{" * 60 + "}" * 60, "x" * 3000, r"\left( x"):
        assert formula_html(source, display=False).startswith(("<code>", "<math"))
    assert formula_html("{" * 60 + "}" * 60, display=False).startswith("<code>")


@pytest.mark.parametrize(
    "source",
    [
        r"\text{<img src=x onerror=alert(1)>}",
        r"\href{javascript:alert(1)}{x}",
        r"\class{x}{y}",
        r"\style{background:url(http://evil.example)}{y}",
        "<script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        r"\text{</math><img src=x onerror=alert(1)>}",
        r"\color{red\" onload=\"alert(1)}{x}",
        r"\unicode{x3c}script\unicode{x3e}",
        r"\includegraphics{http://evil.example/x.png}",
    ],
)
def test_hostile_tex_is_only_text(source: str) -> None:
    for display in (False, True):
        seen = _Seen(formula_html(source, display=display))
        assert set(seen.tags) <= _ALLOWED
        assert not {name for name in seen.names if name.startswith("on") or name in ("href", "src")}


_TEX = st.lists(
    st.sampled_from(
        [
            "x", "1", "+", "=", " ", "{", "}", "^", "_", "&", "\\\\", r"\frac", r"\sqrt", r"\sum",
            r"\text{", r"\left(", r"\right)", r"\begin{matrix}", r"\end{matrix}", r"\mathbb{R}",
            "<b>", "&lt;", "'", '"', r"\href{", r"\limits", r"\overset", r"\hline", "[", "]", "%",
            r"\color{red}", r"\operatorname{softmax}", "\u2028", "\x00", "𝔘", "#",
        ]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(_TEX, st.text(max_size=40)), st.booleans())
def test_no_tex_breaks_out(source: str, display: bool) -> None:
    seen = _Seen(formula_html(source, display=display))
    assert set(seen.tags) <= _ALLOWED
    assert not {name for name in seen.names if name.startswith("on") or name in ("href", "src")}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$\\()[]x1 \n{}_^<>&a", max_size=60))
def test_text_around_formulas_is_escaped_and_kept(text: str) -> None:
    seen = _Seen(with_formulas(text))
    assert set(seen.tags) <= _ALLOWED
    found = list(formulas_in(text))
    assert all(one.start < one.end <= len(text) for one in found)
    if not found:
        assert re.sub(r"\s", "", seen.text) == re.sub(r"\s", "", text)
