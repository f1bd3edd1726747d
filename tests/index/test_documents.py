"""Documents of every format: no word is lost, and each part knows its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.export import ExportFormat, write
from index.passages import passages_of
from index.sources import read
from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.cut import sections_of
from index.sources.html import markup, parse_page
from index.sources.markdown import parse_markdown
from index.sources.plain import parse_asciidoc, parse_notebook, parse_rst, parse_text
from index.types import Section

WORD = re.compile(r"\w+")


def _cut(parsed: Parsed) -> tuple[Section, ...]:
    return sections_of(parsed, parsed.title, "a.md", "kb")


def _text(parsed: Parsed) -> str:
    return "\n\n".join(section.text for section in _cut(parsed))


def _follow(wanted: list[str], found: list[str]) -> bool:
    """Whether the wanted words stand among those found, in their order."""
    rest = iter(found)
    return all(word in rest for word in wanted)


words = st.text("abcdefghijklmnopqrstuvwxyzäß你好", min_size=1, max_size=9)
prose = st.lists(words, min_size=1, max_size=150).map(
    lambda found: " ".join(w + "." if n % 9 == 8 else w for n, w in enumerate(found)) + "."
)
lines = st.lists(words, min_size=1, max_size=60)


def _table(found: list[str]) -> str:
    rows = "".join(f"| {word} | {n} |\n" for n, word in enumerate(found))
    return f"| head | count |\n|---|---|\n{rows}"


markdown_blocks = st.one_of(
    prose,
    st.tuples(st.integers(1, 6), words).map(lambda made: f"{'#' * made[0]} {made[1]}"),
    lines.map(lambda found: "\n".join(f"- {word}" for word in found)),
    lines.map(lambda found: "\n".join(f"{n}. {word}" for n, word in enumerate(found, 1))),
    lines.map(lambda found: "```sh\n# comment\n" + "\n".join(found) + "\n```"),
    lines.map(_table),
    prose.map(lambda text: f"<details>\n<summary>more</summary>\n\n{text}\n\n</details>"),
    prose.map(lambda text: f"<div>{text}<br>last</div>"),
    prose.map(lambda text: f"> [!NOTE]\n> {text}"),
    prose.map(lambda text: f"!!! tip \"Title\"\n\n    {text}"),
    prose.map(lambda text: f":::warning\n\n{text}\n\n:::"),
    prose.map(lambda text: f"<Tabs>\n<Tab title=\"one\">\n\n{text}\n\n</Tab>\n</Tabs>"),
    words.map(lambda word: f"Formula $x_{{{word}}}$ and `code {word}` and [link {word}](x.md)."),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(markdown_blocks, min_size=1, max_size=12), st.booleans())
def test_the_words_of_a_document_are_those_of_its_passages(blocks: list[str], crlf: bool) -> None:
    # Without something between them, two lists are one.
    text = "\n\n<!-- -->\n\n".join(blocks)
    parsed = parse_markdown(text.replace("\n", "\r\n") if crlf else text)
    sections = _cut(parsed)
    # Headings stand in the path of what is below them, everything else in a text.
    shown = [f"{' '.join(s.place.section)} {s.text}" for s in sections]
    for block in blocks:
        plain = re.sub(r"<[^>]+>|^```sh|\]\(x\.md\)|^!!!.*|^:::.*|^> \[.*", " ", block, flags=re.M)
        if not block.startswith("#"):
            wanted = WORD.findall(plain.replace("_{", " {"))
            found = WORD.findall(" ".join(shown).replace("_{", " {"))
            assert _follow(wanted, found)
    known = set(WORD.findall(text.replace("_{", " {"))) | {"Note", "Warning", "one", "top"}
    assert set(WORD.findall(" ".join(shown).replace("_{", " {"))) <= known


@settings(deadline=None)
@given(st.lists(markdown_blocks, min_size=1, max_size=12))
def test_ids_are_distinct_and_parts_of_a_size(blocks: list[str]) -> None:
    sections = _cut(parse_markdown("\n\n".join(blocks)))
    assert len({section.id for section in sections}) == len(sections)
    for section in sections:
        assert section.text.strip() == section.text
        assert section.text
        assert len(section.text) <= 3000
        assert section.text.count("```") % 2 == 0


@settings(deadline=None)
@given(st.lists(markdown_blocks, min_size=2, max_size=8), prose)
def test_an_edit_above_changes_no_id_below(blocks: list[str], added: str) -> None:
    below = "\n\n## Below\n\n" + "\n\n".join(b for b in blocks if not b.startswith("#"))
    before = _cut(parse_markdown("# Title\n\nText." + below))
    after = _cut(parse_markdown(f"# Title\n\n{added}\n\n## New\n\nText." + below))
    kept = [section for section in before if "Below" in section.place.section]
    assert {(s.id, s.text) for s in kept} <= {(s.id, s.text) for s in after}


@settings(deadline=None)
@given(st.text(max_size=400))
def test_nothing_crashes_the_parsers_of_text(text: str) -> None:
    for parse in (parse_markdown, parse_asciidoc, parse_text, parse_page):
        _cut(parse(text))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("10<br>20", "10\n20"),
        ("10<sup>2</sup> and H<sub>2</sub>O", "10^2 and H2O"),
        ("a<b and c>d", "a<b and c>d"),
        ("if load<limit and queue>10", "if load<limit and queue>10"),
        ("Send <your-key> to `<host>`.", "Send <your-key> to `<host>`."),
        ("The method __init__ is run.", "The method __init__ is run."),
        ("Loss \\(x_1\\):\n\n\\[y_2\\]", "Loss $x_1$:\n\n$$\ny_2\n$$"),
        (r"$a_1 * b_1$ costs $5 and $6", r"$a_1 * b_1$ costs $5 and $6"),
        ("$$\n\\begin{a} x &= y \\\\ z\n$$", "$$\n\\begin{a} x &= y \\\\ z\n$$"),
        ("A claim[^1].\n\n[^1]: note", "A claim[^1].\n\n[^1]: note"),
        ("> [!TIP]\n> Do it.", "Tip: Do it."),
        ("!!! note \"Mind\"\n    T.\n\n    ```\n    x\n    ```\n", "Mind\n\nT.\n\n```\nx\n```"),
        ("=== \"Linux\"\n\n    apt", "Linux\n\napt"),
        (":::tip[Mind]\nText.\n:::", "Mind\n\nText."),
        ("```{note}\nA *note*.\n```", "Note\n\nA note."),
        ("```{code-block} python\n:linenos:\nx = 1\n```", "```python\nx = 1\n```"),
        ("import X from './x'\n\n<X a={1} />\n\nText.", "Text."),
        ("[[autodoc]] a.Trainer\n    - train\n    - save\n\nText.", "`a.Trainer`\n\nText."),
        ("[[open-in-colab]]\n\nText.", "Text."),
        ("1. a\n\n   ```\n   x\n   ```\n2. b\n   - in", "1. a\n\n```\nx\n```\n\n2. b\n  - in"),
        ("```\n[[autodoc]] X\n!!! note\n```", "```\n[[autodoc]] X\n!!! note\n```"),
        ("<!-- hidden -->Shown", "Shown"),
        ("<table><tr><td>Port</td><td>80</td></tr></table>", "| Port | 80 |\n|---|---|"),
    ],
)  # fmt: skip
def test_markdown_keeps_what_it_says(source: str, text: str) -> None:
    assert _text(parse_markdown(source)) == text


@pytest.mark.parametrize(
    "front", ["---\ntitle: Guide\ntags: [a]\n---\n", "+++\ntitle = 'Guide'\n+++\n"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_front_matter_gives_the_title_and_no_text(front: str, end: str) -> None:
    parsed = parse_markdown((front + "Text.\n").replace("\n", end))
    assert (parsed.title, _text(parsed)) == ("Guide", "Text.")
    rule = parse_markdown("---\n\nText\n\n---\n\nMore")
    assert _text(rule) == "Text\n\nMore"


def test_headings_name_their_anchors() -> None:
    source = (
        "# T\n## Use it { #use }\na\n## Two[[second]]\nb\n## Two {: .x #third }\nc\n## A `b`!\nd"
    )
    sections = _cut(parse_markdown(source))
    assert [(s.place.section, s.place.anchor) for s in sections] == [
        (("Use it",), "use"), (("Two",), "second"), (("Two",), "third"), (("A `b`!",), "a-b"),
    ]  # fmt: skip


def test_code_stays_with_the_line_that_introduces_it() -> None:
    filler = "Words of a paragraph. " * 28
    code = "```\n" + "x = 1\n" * 60 + "```"
    sections = _cut(parse_markdown(f"{filler}\n\nRun this:\n\n{code}\n\nThen rest."))
    assert sections[1].text.startswith("Run this:\n\n```")
    assert sections[1].text.count("x = 1") == 60


def test_a_long_table_repeats_its_head() -> None:
    table = "| name | value |\n|---|---|\n" + "".join(f"| n{n} | {n} |\n" for n in range(400))
    sections = _cut(parse_markdown(table))
    assert len(sections) > 1
    assert all(s.text.startswith("| name | value |\n|---|---|\n| n") for s in sections)


def test_a_page_is_its_content() -> None:
    html = (
        "<html><head><title>Guide</title><link rel=canonical href='https://x.org/g'></head><body>"
        "<nav><a href='/'>Home</a></nav><header>Site</header><main><h1 id=top>Guide</h1>"
        "<p>One &amp; two <code>a b</code>.</p><h2 id=how>How<a href='#how'>¶</a></h2>"
        "<ol start=3><li>x<li>y</ol><pre><code class='language-sh'>ls\n  -l</code></pre>"
        "<ul><li>p<ul><li>q</ul></ul></main><footer>Imprint</footer></body></html>"
    )
    parsed = parse_page(html)
    assert (parsed.title, parsed.url) == ("Guide", "https://x.org/g")
    assert [(s.place.anchor, s.text) for s in _cut(parsed)] == [
        ("top", "One & two `a b`."),
        ("how", "3. x\n4. y\n\n```sh\nls\n  -l\n```\n\n- p\n  - q"),
    ]


def test_what_only_looks_like_a_tag_is_text() -> None:
    assert markup("a<b and c>d <p>x</p> <Tip>y</Tip>", {"Tip"}) == (
        "a&lt;b and c&gt;d <p>x</p> <div>y</div>"
    )


def test_restructured_text_with_sphinx() -> None:
    source = (
        "Guide\n=====\n\nSee :ref:`the part <part>` and ``x``.\n\n.. toctree::\n   :maxdepth: 2\n\n"
        "   a\n\nUse\n---\n\n.. code-block:: python\n\n   x = 1\n\n.. versionadded:: 2.0\n   It is "
        "new.\n\n- one\n- two\n\n.. note:: Mind.\n\n.. math:: x_1\n"
    )
    parsed = parse_rst(source)
    text = _text(parsed)
    assert parsed.title == "Guide"
    assert "See `the part` and `x`." in text
    assert "```python\nx = 1\n```" in text
    assert "- one\n- two" in text
    assert {"versionadded", "new", "Mind", "x_1"} <= set(WORD.findall(text))
    assert "maxdepth" not in text


def test_a_notebook_is_its_text_and_code() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "We *load* it."]},
        {"cell_type": "code", "source": "x = 1\n", "outputs": [{"text": "out"}]},
        {"cell_type": "raw", "source": "raw"},
        5,
    ]
    parsed = parse_notebook(json.dumps({"cells": cells, "metadata": {}}))
    assert (parsed.title, _text(parsed)) == ("Study", "We load it.\n\n```python\nx = 1\n```")


def test_asciidoc() -> None:
    source = (
        "= Guide\n:toc:\n\nSee https://x.org[the site] and <<a,part>>.\n\n== Use\n\n[source,bash]\n"
        "----\nls == x\n----\n\n* one\n** two\n. first\n\n|===\n|a |b\n|1 |2\n|===\n"
    )
    parsed = parse_asciidoc(source)
    assert parsed.title == "Guide"
    assert [s.heading for s in _cut(parsed)] == ["Guide", "Use"]
    text = _text(parsed)
    assert "See the site and part." in text
    assert "```bash\nls == x\n```" in text
    assert "| 1 | 2 |" in text


@pytest.mark.parametrize("form", ["yaml", "tower", "jsonl"])
def test_documents_survive_an_export(tmp_path: Path, form: ExportFormat) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "第1章.md").write_text("# A\n\nText [x](https://x.org).\n\n## B\n\nMore.", "utf-8")
    (folder / "第1节.md").write_text("# A\n\nOther.", "utf-8")
    base = read(folder).knowledge_base
    assert len(base.topics) == 2
    out = tmp_path / ("kb" if form == "yaml" else f"kb.{'json' if form == 'tower' else form}")
    write(base, out, form)
    assert read(out).knowledge_base.topics == base.topics
    (first, *_) = passages_of(base.topics[0])
    assert first.id == base.topics[0].sections[0].id
    assert first.sources == base.topics[0].sources


def test_a_heading_over_nothing_is_not_lost() -> None:
    blocks = (Block(BlockKind.HEADING, "Alone", 2), Block(BlockKind.HEADING, "Other", 2))
    assert [s.text for s in _cut(Parsed(blocks))] == ["Alone", "Other"]


def test_what_is_indented_in_a_component_is_no_code() -> None:
    parsed = parse_markdown("# T\n\n<Tip warning={true}>\n\n    Mind [it](http://a.b).\n\n</Tip>\n")
    assert [block.text for block in parsed.blocks[1:]] == ["Mind it."]
    fenced = parse_markdown("<Tip>\n  one\n```py\nx = 1\n```\n</Tip>\n")
    assert [block.text for block in fenced.blocks] == ["one", "```py\nx = 1\n```"]
    assert parse_markdown("a\n\n    b = 1\n").blocks[1].text == "```\nb = 1\n```"


@pytest.mark.parametrize("name", ["prices.csv", "rows.jsonl", "settings.yml", "menu.json"])
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_file_in_another_encoding_is_listed_as_that(
    tmp_path: Path, name: str, encoding: str
) -> None:
    (tmp_path / "guide.md").write_text("# Guide\n\nThe valve opens at 7 bar.\n")
    (tmp_path / name).write_bytes("question,answer\nWas kostet es?,10 €\n".encode(encoding))
    found = read(tmp_path)
    assert [one.slug for one in found.knowledge_base.topics] == ["guide"]
    (listed,) = found.skipped
    assert "UTF-8" in str(listed)
    assert name in str(listed)
