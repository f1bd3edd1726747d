"""What the renderer makes of an answer's text, hostile text included."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.record.types import Citation, Claim, ClaimStatus
from app.ui import safe
from app.ui.blocks import set_apart
from app.ui.render import render_answer
from tests.ui.playing import HOSTILE

_TAGS = {
    "a", "p", "ul", "ol", "li", "em", "strong", "s", "code", "pre", "div", "span", "sup", "table",
    "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr",
    "br", "button",
}  # fmt: skip
_FORMULA_TAGS = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msup", "msub", "msubsup", "mfrac",
    "msqrt", "mroot", "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mpadded",
    "mphantom", "mstyle", "menclose",
}  # fmt: skip
_FORMULA_ATTRIBUTES = {
    "display", "displaystyle", "mathvariant", "stretchy", "fence", "form", "separator", "lspace",
    "rspace", "minsize", "maxsize", "movablelimits", "symmetric", "largeop", "accent",
    "accentunder", "linethickness", "columnalign", "rowspacing", "columnspacing", "columnlines",
    "rowlines", "width", "height", "depth", "voffset", "scriptlevel", "mathsize", "notation",
}  # fmt: skip
_ATTRIBUTES = {
    "href", "target", "rel", "referrerpolicy", "class", "data-card", "data-source", "data-tip",
    "data-copy-code", "data-basis", "data-claim", "aria-label", "dir", "tabindex", "type", "role",
    "start", "style",
}  # fmt: skip


class _Seen(HTMLParser):
    """What a browser would make of the output."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str]:
        return [str(value) for name, value in self.attributes if name == "href"]


def _citation(n: int, url: str = "https://arxiv.org/abs/1904.09751") -> Citation:
    return Citation(n, f"t/faq/{n}", url, "Holtzman et al. (2020) — Degeneration", "quote")


def _claim(text: str, cites: tuple[int, ...], status: ClaimStatus = "supported") -> Claim:
    return Claim(text, 0, len(text), cites, (), status)


def _rendered(text: str, cites: tuple[int, ...] = (1,), status: ClaimStatus = "supported") -> str:
    citations = [_citation(n) for n in cites]
    return render_answer(text, citations, [_claim(text, cites, status)], "t0")


def test_a_marker_becomes_a_citation_with_a_card_and_a_link() -> None:
    html = _rendered("Top-p adapts [1].")
    assert 'data-card="t0-k0-s1"' in html
    assert 'data-source="t0-s1"' in html
    assert 'href="https://arxiv.org/abs/1904.09751"' in html
    assert 'rel="noopener noreferrer"' in html
    assert 'target="_blank"' in html


def test_blocks_run_as_their_own_words_do() -> None:
    html = _rendered("## כותרת\n\nשלום עולם [1].\n\n- מילה\n\n| א | b |\n|---|---|\n| ג | d |\n")
    for tag in ("h2", "p", "li", "td", "th"):
        assert len(re.findall(f"<{tag}[ >]", html)) == html.count(f'<{tag} dir="auto"')


def test_a_number_that_is_no_citation_stays_text() -> None:
    seen = _Seen(_rendered("One [1], two [2], three [99]."))
    assert len(seen.links) == 1
    assert "[2]" in seen.text
    assert "[99]" in seen.text


def test_a_marker_outside_its_claim_stays_text() -> None:
    claim = Claim("Yes [1].", 0, 8, (1,), (), "supported")
    html = render_answer("Yes [1]. No [1].", [_citation(1)], [claim], "t0")
    assert html.count("data-card") == 1
    assert "No [1]." in html


@pytest.mark.parametrize(
    "text", ["`x[1]` is code [1]", "```\nx[1]\n```\n\nprose [1]", "    x[1]\n\nprose [1]"]
)
def test_markers_in_code_stay_code(text: str) -> None:
    html = _rendered(text)
    assert re.search(r"<code>x\[1\]\s*</code>", html)
    assert html.count("data-card") == 1


@pytest.mark.parametrize("before", ["", "𝔘𝔫𝔦 ", "👩‍🔬 ", "漢字 ", "e\u0301 "])
def test_offsets_are_code_points(before: str) -> None:
    sentence = "Top-p adapts [1]."
    text = f"{before}{sentence} Other [1]."
    claim = Claim(sentence, len(before), len(before) + len(sentence), (1,), (), "partial")
    html = render_answer(text, [_citation(1)], [claim], "t0")
    assert html.count("data-card") == 1
    partial = re.findall(r'class="claim partial"[^>]*>([^<]*)<', html)
    assert [one.strip() for one in partial] == ["Top-p adapts.\u2060"]
    assert before.strip() not in "".join(partial) or not before
    assert "Other [1]." in html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Top-p adapts [1].", "Top-p adapts.\u2060⟨1⟩"),
        ("Top-p [1][1], as it is [1]!", "Top-p,\u2060⟨1⟩\u2060⟨1⟩ as it is!\u2060⟨1⟩"),
        ("核采样会适应[1]。它如此[1]。", "核采样会适应。\u2060⟨1⟩它如此。\u2060⟨1⟩"),
        ("Version [1].5 (see [1]).", "Version\u2060⟨1⟩.5 (see\u2060⟨1⟩)."),
        ("`a[1].b` adapts [1].", "a[1].b adapts.\u2060⟨1⟩"),
    ],
)
def test_a_citation_follows_the_stop_and_never_begins_a_line(text: str, expected: str) -> None:
    html = re.sub(r"<sup>.*?>(\d+)</a></sup>", r"⟨\1⟩", _rendered(text))
    assert _Seen(html).text.strip() == expected


def test_emphasis_beside_a_marker_is_kept() -> None:
    html = _rendered("**Top-p adapts.**[1] *So it does.*[1]")
    assert re.search("<strong><span [^>]*>Top-p adapts.</span></strong>", html)
    assert re.search("<em><span [^>]*>So it does.</span></em>", html)
    assert html.count("data-card") == 2


@pytest.mark.parametrize(("status", "name"), [("partial", "partial"), ("unsupported", "unsupp")])
def test_what_lacks_support_looks_so_and_says_so(status: ClaimStatus, name: str) -> None:
    html = _rendered("Top-p **adapts** well [1].", status=status)
    assert f'class="claim {name}' in html
    assert "data-tip=" in html
    assert "supported)" in _Seen(html).text


@pytest.mark.parametrize(
    "text",
    [
        "- a list [1]",
        "1. a list [1]",
        "## A heading",
        "> quoted [1]",
        "| a | b |\n|--|--|\n| c | d |",
    ],
)
def test_marking_a_claim_keeps_its_block(text: str) -> None:
    blocks = {"ul", "ol", "h2", "blockquote", "table", "td"}
    plain = [tag for tag in _Seen(_rendered(text)).tags if tag in blocks]
    marked = _Seen(_rendered(text, status="partial"))
    assert [tag for tag in marked.tags if tag in blocks] == plain
    assert ("class", "claim partial") in marked.attributes


def test_code_that_lacks_support_gets_a_note() -> None:
    html = _rendered("```\nx = 1\n```", status="unsupported")
    assert "x = 1" in html
    assert "Not supported" in html


def test_a_claim_cut_short_does_not_mark_what_follows() -> None:
    first, second = "Doubtful.", "Certain [1]."
    text = f"{first}\n\n{second}"
    claims = [
        Claim(first, 0, len(first), (), (), "partial"),
        Claim(second, len(first) + 2, len(text), (1,), (), "supported"),
    ]
    html = render_answer(text, [_citation(1)], claims, "t0")
    assert '<p dir="auto"><span class="claim" data-claim="1" data-basis="restated">Certain' in html


def test_a_source_without_a_web_address_is_no_link() -> None:
    for url in ("javascript:alert(1)", "data:text/html,x", "//evil", "", "file:///etc/passwd"):
        html = render_answer("Yes [1].", [_citation(1, url)], [_claim("Yes [1].", (1,))], "t0")
        assert "href" not in html
        assert 'data-card="t0-k0-s1"' in html


def test_hostile_text_is_only_text() -> None:
    seen = _Seen(_rendered(f"{HOSTILE} [1]\n\n{HOSTILE}"))
    assert set(seen.tags) <= _TAGS
    assert seen.links == ["https://arxiv.org/abs/1904.09751"]
    assert "<script>window.pwned=1</script>" in seen.text
    assert not [name for name, _ in seen.attributes if name.startswith("on")]


_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["<script>", "</p>", "[1]", "[2]", "**", "`", "```\n", "\n\n", "- ", "| a |\n|--|\n",
             "![x](http://e/x)", "<b", "&lt;", "⸨0⸩", "⸨9⸩", "⦑7⸩", "⦒", "\u2028", "\x00", "𝔘",
             "\\", "<!--", "]]>", "[1]: http://e", "<http://e>", "~~", '"', "'", "> "]
        ),
        st.text(max_size=12),
    ),
    max_size=24,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_PIECES, st.data())
def test_no_input_reaches_the_page_as_markup(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text) + 3))
    statuses: list[ClaimStatus] = ["supported", "partial", "unsupported"]
    status = data.draw(st.sampled_from(statuses))
    claims = [
        Claim("", start, end, (1,), (), status),
        Claim("", end, len(text), (2,), (), "partial"),
    ]
    seen = _Seen(render_answer(text, [_citation(1), _citation(2)], claims, "t0"))
    assert set(seen.tags) <= _TAGS | _FORMULA_TAGS
    assert {name for name, _ in seen.attributes} <= _ATTRIBUTES | _FORMULA_ATTRIBUTES
    assert set(seen.links) <= {"https://arxiv.org/abs/1904.09751"}


def _answer(*sentences: tuple[str, str]) -> tuple[str, list[Claim]]:
    """Sentences with their passages, one after the other."""
    text, claims = "", []
    for sentence, ref in sentences:
        start = len(text) + bool(text)
        text = f"{text} {sentence}".strip()
        claims.append(Claim(sentence, start, len(text), (), (ref,), "supported"))
    return text, claims


def test_a_wall_of_passages_becomes_the_answer_and_its_points() -> None:
    long = "Keys and values of every layer are kept for each token that was read" + " so far" * 20
    text, claims = _answer(
        (f"{long}.", "a"), ("It grows with them.", "b"), ("Windows bound it.", "c"),
        (f"{long} too.", "c"), ("Blocks hold sixteen.", "d"), ("Rows hold eight.", "e"),
    )  # fmt: skip
    made = render_answer(text, [], claims, "t0")
    assert [bool(tag == "li") for tag in _Seen(made).tags if tag in ("p", "li")] == [
        False, True, True, True,
    ]  # fmt: skip
    first, *points = re.split(r"<li[^>]*>", made)
    assert "It grows" in first  # "it" is in the sentence before
    assert "Windows" in points[0]
    assert "too" in points[0]
    assert " ".join(_Seen(made).text.split()) == text
    drafted = [replace(claim, basis="drafted") for claim in claims]
    assert "<li" not in render_answer(text, [], drafted, "t0")
    assert "<li" not in render_answer(*_short(), "t0")


def _short() -> tuple[str, list[Citation], list[Claim]]:
    text, claims = _answer(("One.", "a"), ("Two.", "b"), ("Three.", "c"))
    return text, [], claims


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("Word. " * 40, "- a", "1. b", "x\ny", "| c |", "No.")),
                          st.sampled_from("ab")), max_size=8))  # fmt: skip
def test_blocks_change_white_space_alone(sentences: list[tuple[str, str]]) -> None:
    text, claims = _answer(*[(sentence.strip(), ref) for sentence, ref in sentences])
    apart = set_apart(text, claims)
    for at, separator in apart.items():
        end = max(claim.end for claim in claims[:at])
        assert text[end : claims[at].start].isspace()
        assert separator.strip() in ("", "-")


@given(st.text())
def test_escaping_leaves_nothing_to_act_on(value: str) -> None:
    assert not set(safe.text(value)) & set("<>\"'")
    assert _Seen(safe.text(value)).tags == []


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://arxiv.org/abs/1", True),
        ("http://localhost:1/x?y=1&z=2#f", True),
        ("HTTPS://arxiv.org", True),
        ("https://", False),
        ("https:///x", False),
        ("java\nscript:alert(1)", False),
        ("https://a b", False),
        ("https://[x", False),
        ("ftp://x", False),
    ],
)
def test_only_web_addresses_are_links(url: str, good: bool) -> None:
    assert (safe.web_address(url) == url) is good
