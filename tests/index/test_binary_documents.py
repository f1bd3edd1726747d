"""PDF, Word, PowerPoint, OpenDocument and e-books, read in a process of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import KnowledgeBaseError
from index.sources import read
from index.sources.isolated import Isolated
from index.types import Topic
from tests.index.made_files import archive, pdf

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"


def _document(folder: Path, name: str, data: bytes) -> Topic:
    path = folder / name
    path.write_bytes(data)
    (topic,) = read(path, strict=True).knowledge_base.topics
    return topic


def test_a_pdf_of_a_hundred_pages(tmp_path: Path) -> None:
    pages = [
        [(50, 780, "Handbook of keys"), (50, 700, f"Chapter {n}"),
         (50, 680, f"Key number{n} is rotated every {n} days, which the agent does by it-"),
         (50, 668, "self at night."), (290, 20, f"page {n}")]
        for n in range(1, 101)
    ]  # fmt: skip
    outline = [(f"Chapter {n}", n) for n in range(1, 101)]
    topic = _document(tmp_path, "keys.pdf", pdf(pages, outline))
    assert len(topic.sections) == 100
    section = topic.sections[13]
    assert section.text == (
        "Key number14 is rotated every 14 days, which the agent does by itself at night."
    )
    assert (section.heading, section.place.page) == ("Chapter 14", 14)
    assert section.place.anchor == "page=14"


def test_two_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [(50.0, 700.0 - 12 * n, f"left words of line {n}") for n in range(30)]
    right = [(320.0, 700.0 - 12 * n, f"right words of line {n}") for n in range(30)]
    topic = _document(tmp_path, "paper.pdf", pdf([[*left, *right]]))
    text = " ".join(section.text for section in topic.sections)
    assert text.rindex("left words") < text.index("right words")


def test_word(tmp_path: Path) -> None:
    def paragraph(text: str, style: str = "") -> str:
        named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{named}<w:r><w:t>{text}</w:t></w:r></w:p>"

    cells = "".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in ("Port", "8080"))
    body = (
        paragraph("Guide", "Heading1") + paragraph("First words.")
        + paragraph("Ports", "Heading2") + f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    )  # fmt: skip
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{n}">'
        f'<w:name w:val="heading {n}"/></w:style>'
        for n in (1, 2)
    )
    data = archive({
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{RELATIONSHIPS}"><Relationship Id="r1" '
            f'Type="{R}/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {W}>{styles}</w:styles>",
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{RELATIONSHIPS}"><Relationship Id="s" '
            f'Type="{R}/styles" Target="styles.xml"/></Relationships>'
        ),
    })  # fmt: skip
    topic = _document(tmp_path, "guide.docx", data)
    assert topic.title == "Guide"
    assert [(s.heading, s.text) for s in topic.sections] == [
        ("Guide", "First words."),
        ("Ports", "| Port | 8080 |\n|---|---|"),
    ]


def test_powerpoint(tmp_path: Path) -> None:
    def slide(title: str, *lines: str) -> str:
        shapes = [
            f'<p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:t>{title}</a:t></a:p></p:sp>'
        ]
        shapes += [f"<p:sp><a:p><a:t>{line}</a:t></a:p></p:sp>" for line in lines]
        return f"<p:sld {P} {A}>{''.join(shapes)}</p:sld>"

    data = archive({
        "ppt/presentation.xml": (
            f'<p:presentation {P} xmlns:r="{R}"><p:sldId r:id="b"/><p:sldId r:id="a"/>'
            "</p:presentation>"
        ),
        "ppt/_rels/presentation.xml.rels": (
            f'<Relationships xmlns="{RELATIONSHIPS}"><Relationship Id="a" Target="slides/1.xml"/>'
            '<Relationship Id="b" Target="slides/2.xml"/></Relationships>'
        ),
        "ppt/slides/1.xml": slide("Second", "Two"),
        "ppt/slides/2.xml": slide("First", "One", "More"),
    })  # fmt: skip
    topic = _document(tmp_path, "talk.pptx", data)
    assert [(s.heading, s.text, s.place.page) for s in topic.sections] == [
        ("First", "- One\n- More", 1),
        ("Second", "- Two", 2),
    ]


def test_opendocument_and_e_book(tmp_path: Path) -> None:
    names = (
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    )
    content = (
        f'<x {names}><text:h text:outline-level="1">Guide</text:h><text:p>Words.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list></x>"
    )
    topic = _document(tmp_path, "guide.odt", archive({"content.xml": content}))
    assert (topic.title, topic.sections[0].text) == ("Guide", "Words.\n\n- one")
    book = _document(tmp_path, "book.epub", archive({
        "META-INF/container.xml": '<c><rootfile full-path="o/book.opf"/></c>',
        "o/book.opf": (
            '<p xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title>'
            '<item id="b" href="b.xhtml"/><item id="a" href="a%20a.xhtml"/>'
            '<itemref idref="a"/><itemref idref="b"/></p>'
        ),
        "o/a a.xhtml": "<html><body><h1>One</h1><p>First.</p></body></html>",
        "o/b.xhtml": "<html><body><h1>Two</h1><p>Last.</p></body></html>",
    }))  # fmt: skip
    assert book.title == "The Book"
    assert [(s.heading, s.text) for s in book.sections] == [("One", "First."), ("Two", "Last.")]


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.odt", "a.epub", "a.xlsx"])
@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.4\n", b"PK\x03\x04", b"x" * 5000, archive({"a": "b"})]
)
def test_what_is_broken_is_refused_by_name(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(KnowledgeBaseError, match=name):
        read(path)


def test_every_truncation_of_a_pdf_is_read_or_refused(tmp_path: Path) -> None:
    whole = pdf([[(50, 700, "Some words."), (50, 600, "Others.")]], [("Part", 1)])
    folder = tmp_path / "docs"
    folder.mkdir()
    for length in range(0, len(whole), 41):
        (folder / f"{length}.pdf").write_bytes(whole[:length])
    (folder / "good.txt").write_text("Good.", encoding="utf-8")
    result = read(folder)
    assert "good" in {topic.slug for topic in result.knowledge_base.topics}


def test_what_takes_too_long_or_too_much_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([[(50, 700, "Some words.")]]))
    impatient = Isolated(seconds=0.0)
    with pytest.raises(KnowledgeBaseError, match="longer than 0 s"):
        impatient.parse("PDF", path)
    impatient.seconds = 60.0
    assert impatient.parse("PDF", path).blocks[0].text == "Some words."
    impatient.close()
    starved = Isolated(memory=40 * 1024**2)
    with pytest.raises(KnowledgeBaseError, match=r"a\.pdf"):
        starved.parse("PDF", path)
    starved.close()


def test_excel(tmp_path: Path) -> None:
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    data = archive(
        {
            "xl/workbook.xml": f'<workbook xmlns:r="{office}"><workbookPr/><sheets>'
            '<sheet name="Limits" r:id="a"/><sheet name="Empty" r:id="b"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="a" '
            'Target="worksheets/sheet1.xml"/><Relationship Id="b" '
            'Target="/xl/worksheets/sheet2.xml"/></Relationships>',
            "xl/sharedStrings.xml": "<sst><si><t>plan</t></si><si><r><t>since </t></r><r>"
            "<t>when</t></r></si><si><t>free</t></si></sst>",
            "xl/styles.xml": '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
            "xl/worksheets/sheet1.xml": "<worksheet><sheetData>"
            '<row><c r="A1" t="inlineStr"><is><t>A note.</t></is></c></row><row/>'
            '<row><c r="A3" t="s"><v>0</v></c><c r="C3" t="s"><v>1</v></c></row>'
            '<row><c r="A4" t="s"><v>2</v></c><c r="B4"><f>1+9</f><v>10</v></c>'
            '<c r="C4" s="1"><v>45292</v></c></row></sheetData></worksheet>',
            "xl/worksheets/sheet2.xml": "<worksheet><sheetData/></worksheet>",
        }
    )
    (section,) = _document(tmp_path, "limits.xlsx", data).sections
    assert section.heading == "Limits"
    assert "A note." in section.text
    rows = [[c.strip() for c in row.strip("|").split("|")] for row in section.text.split("\n")]
    assert ["plan", "", "since when"] in rows
    assert ["free", "10", "2024-01-01"] in rows
