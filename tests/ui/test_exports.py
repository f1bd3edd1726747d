"""Conversations as files: numbered sources, nothing that acts, and BibTeX that reads back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from bibtexparser.entrypoint import parse_string
from hypothesis import given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text

from app.record.sanitize import strip_invisible
from app.record.types import Citation, Claim
from app.ui.conversation import Turn
from app.ui.exports import KINDS, exported
from app.ui.exports.bibliography import Reference, bibliography
from app.ui.exports.bibtex import escaped, references_as_bibtex
from app.ui.exports.record import schema
from tests.conftest import ROOT
from tests.ui.playing import HOSTILE
from tests.ui.test_parts import _played


@pytest.fixture
async def turns() -> list[Turn]:
    return [(await _played(text))[-1][0] for text in ("What is Chinchilla?", "Why disagree?")]


def _turn(label: str, url: str = "https://x.example/1", year: int | None = 2020) -> Turn:
    citation = Citation(1, "t/faq/0", url, label, HOSTILE, year=year)
    claim = Claim("Yes [1].", 0, 8, (1,), ("t/faq/0",), "supported")
    return Turn(HOSTILE, "Expert", f"Yes [1]. {HOSTILE}", (citation,), (claim,), stopped=True)


def test_every_kind_is_named_by_the_question(turns: list[Turn]) -> None:
    endings = [exported(kind, turns).name for kind in KINDS]
    assert endings == [f"citewise-what-is-chinchilla.{e}" for e in ("md", "html", "json", "bib")]
    assert exported("markdown", [_turn("x")]).name.isascii()
    assert exported("json", ()).name == "citewise.json"


def test_sources_have_one_number_throughout(turns: list[Turn]) -> None:
    found = bibliography([*turns, *turns])
    assert [one.n for one in found.references] == list(range(1, len(found.references) + 1))
    assert len({(one.url, one.label) for one in found.references}) == len(found.references)
    assert found.numbers[:2] == found.numbers[2:]


class _Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def of(self, name: str) -> Iterator[dict[str, str | None]]:
        return (attributes for tag, attributes in self.seen if tag == name)


def test_the_web_page_leads_from_each_citation_to_its_source(turns: list[Turn]) -> None:
    page = _Page(exported("html", turns).text)
    ids = {attributes.get("id") for _, attributes in page.seen}
    cites = [one["href"] for one in page.of("a") if one.get("class") == "cite"]
    assert len(cites) == 6
    assert all(href is not None and href[1:] in ids for href in cites)
    text = exported("html", turns).text
    assert all(citation.quote in text for turn in turns for citation in turn.citations)


def test_the_web_page_of_hostile_texts_is_inert() -> None:
    source = exported("html", [_turn(HOSTILE, "javascript:alert(1)")]).text
    page = _Page(source)
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "img", "iframe", "object", "link", "form", "base"}
    assert not [n for _, attributes in page.seen for n in attributes if n.startswith("on")]
    assert not [one for one in page.of("a") if not str(one["href"]).startswith(("#", "https://"))]
    policy = next(page.of("meta"), None)
    assert "default-src 'none'" in source
    assert policy is not None


def test_the_json_is_as_its_schema_says(turns: list[Turn]) -> None:
    kept = json.loads((ROOT / "docs" / "conversation.schema.json").read_text(encoding="utf-8"))
    assert kept == schema(), "renew it: python -m scripts.conversation_schema"
    for conversation in ([], turns, [_turn(HOSTILE)]):
        record = json.loads(exported("json", conversation).text)
        jsonschema.Draft202012Validator(kept, format_checker=jsonschema.FormatChecker()).validate(
            record
        )
        numbers = {one["number"] for one in record["bibliography"]}
        for turn in record["turns"]:
            assert {one["source"] for one in turn["citations"]} <= numbers
            for claim in turn["claims"]:
                assert claim["text"] in turn["text"]


def test_an_entry_says_what_the_label_says() -> None:
    label = "Vaswani et al. (2017) — Attention Is All You Need. NeurIPS 2017"
    turn = _turn(label, "https://arxiv.org/abs/1706.03762", 2017)
    entry = parse_string(exported("bibtex", [turn]).text).entries[0]
    fields = {field.key: field.value for field in entry.fields}
    assert entry.key == "vaswani2017attention"
    assert fields == {
        "author": "Vaswani and others",
        "title": "{Attention Is All You Need}",
        "year": "2017",
        "howpublished": "NeurIPS 2017",
        "url": "https://arxiv.org/abs/1706.03762",
        "eprint": "1706.03762",
        "archiveprefix": "arXiv",
    }


@pytest.mark.parametrize(
    ("label", "authors", "others", "work"),
    [
        ("Clark & Amodei (2016) — Faulty Rewards. OpenAI Blog", ("Clark", "Amodei"), False,
         "Faulty Rewards"),
        ("Gemini Team (2024) — Gemini 1.5: Unlocking. arXiv", ("Gemini Team",), False,
         "Gemini 1.5: Unlocking"),
        ("To Code, or Not? A handbook. 2nd edition", (), False,
         "To Code, or Not? A handbook. 2nd edition"),
    ],
)  # fmt: skip
def test_labels_are_taken_apart(
    label: str, authors: tuple[str, ...], others: bool, work: str
) -> None:
    found = bibliography([_turn(label)]).references[0]
    assert (found.authors, found.others, found.work) == (authors, others, work)


def _texts() -> st.SearchStrategy[str]:
    special = st.sampled_from(list("{}\\%$&#_^~\"@=,'`<>|éß漢𝔘 \n"))
    return st.text(st.one_of(special, st.characters(exclude_categories=("Cs", "Cc"))), max_size=40)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_texts(), st.integers(1, 9999), _texts()), min_size=1, max_size=4))
def test_what_is_written_reads_back(rows: list[tuple[str, int, str]]) -> None:
    references = [
        Reference(n, work, "https://x.example/{a}%20b_c", year, work, (who,) if who.strip() else ())
        for n, (work, year, who) in enumerate(rows, start=1)
    ]
    library = parse_string(references_as_bibtex(references))
    assert library.failed_blocks == []
    assert len({entry.key for entry in library.entries}) == len(references)
    for entry, (work, year, who) in zip(library.entries, rows, strict=True):
        fields = {field.key: field.value for field in entry.fields}
        assert fields["year"] == str(year)
        assert _shown(fields["title"]) == _bare(strip_invisible(work))
        assert _shown(fields.get("author", "")) == _bare(strip_invisible(who))


def _shown(written: str) -> str:
    """What LaTeX makes of a field."""
    known = written.replace(r"\textbraceleft{}", r"\{").replace(r"\textbraceright{}", r"\}")
    return _bare(LatexNodes2Text(keep_comments=True, math_mode="verbatim").latex_to_text(known))


def _bare(text: str) -> str:
    """A text without what TeX joins: spaces, and quotes and dashes that become one sign."""
    joined = {
        "ˆ": "^",
        "˜": "~",
        "“": "``",
        "”": "''",
        "’": "'",
        "‘": "`",
        "–": "--",
        "—": "---",
        "¡": "!`",
        "¿": "?`",
    }
    plain = "".join(joined.get(char, char) for char in text)
    return re.sub(r"\s+", "", plain).replace('"', "''")


@pytest.mark.parametrize("char", list('{}\\%$&#_^~"@'))
def test_each_special_character_survives(char: str) -> None:
    assert _shown(escaped(f"a{char}b")) == _bare(f"a{char}b")


def test_the_schema_file_is_where_the_docs_say() -> None:
    assert Path(ROOT / "docs" / "conversation.schema.json").is_file()
