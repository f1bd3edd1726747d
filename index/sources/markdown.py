"""Reader of Markdown: a file is a topic, a heading with text under it a question.

What is read are the file's own words, so the file is their source: each section with the headings
above it and the anchor that leads to it. Pages that it links to are beside, never sources.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from index.mentions import source_id
from index.sources.files import Document, read_text
from index.sources.problems import Problems
from index.sources.slugs import slugify
from index.types import Faq, Link, Place, Source, Topic

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)

# Anchors that a heading names itself: `## Heading {#anchor}`, `# Heading[[anchor]]`.
_NAMED_ANCHOR = re.compile(r"\s*(?:\{\s*#(?P<a>[\w.:-]+)\s*\}|\[\[(?P<b>[\w.:-]+)\]\])\s*$")


@dataclass
class _Section:
    level: int
    heading: str
    anchor: str = ""
    blocks: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(block for block in self.blocks if block).strip()


def _inline(tokens: Sequence[Token], links: list[Link]) -> str:
    """The plain text of a run of inline tokens; web links in it are appended to `links`."""
    parts: list[str] = []
    open_links: list[tuple[str, int]] = []
    for token in tokens:
        if token.type == "link_open":
            open_links.append((str(token.attrs.get("href", "")), len(parts)))
        elif token.type == "link_close" and open_links:
            href, start = open_links.pop()
            if re.fullmatch(r"https?://[^\s\x00-\x1f\x7f-\x9f]+", href):
                links.append(Link(" ".join("".join(parts[start:]).split()) or href, href))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type in ("text", "code_inline", "text_special", "image"):
            parts.append(token.content)
    return "".join(parts).strip()


class _Cutter:
    """Cuts a token stream at its headings."""

    def __init__(self) -> None:
        self.sections = [_Section(0, "")]
        self._in_heading = self._in_table = False
        self._prefix = ""
        self._cells: list[str] = []
        self._anchors: set[str] = set()

    def take(self, token: Token) -> None:
        """Handle one block token."""
        match token.type:
            case "heading_open":
                self.sections.append(_Section(int(token.tag[1:]), ""))
                self._in_heading = True
            case "heading_close":
                self._in_heading = False
            case "table_open" | "table_close":
                self._in_table = token.type == "table_open"
            case "tr_open":
                self._cells = []
            case "tr_close":
                self.sections[-1].blocks.append(" | ".join(self._cells))
            case "list_item_open":
                # Ordered items carry their number in `info`.
                self._prefix = f"{token.info}{token.markup} " if token.info else "- "
            case "inline":
                self._text(_inline(token.children or [], self.sections[-1].links))
            case "fence" | "code_block":
                self.sections[-1].blocks.append(token.content.rstrip())

    def _text(self, content: str) -> None:
        if self._in_heading:
            self._heading(self.sections[-1], content)
        elif self._in_table:
            self._cells.append(content)
        elif content:
            self.sections[-1].blocks.append(self._prefix + content)
            self._prefix = ""

    def _heading(self, section: _Section, content: str) -> None:
        """Take a heading's text, and the anchor that it names or that is made of its words."""
        named = _NAMED_ANCHOR.search(content)
        section.heading = content[: named.start()] if named else content
        section.anchor = named["a"] or named["b"] if named else self._anchor(section.heading)
        self._anchors.add(section.anchor)

    def _anchor(self, heading: str) -> str:
        """An anchor as GitHub and most generators make it, distinct within the file."""
        base = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        made, n = base, 1
        while made in self._anchors:
            made, n = f"{base}-{n}", n + 1
        return made


def _sections(text: str) -> list[_Section]:
    """The document cut at its headings; the first section is what stands before them."""
    from markdown_it import MarkdownIt

    cutter = _Cutter()
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        cutter.take(token)
    return cutter.sections


def _with_headings(
    sections: Sequence[_Section], title: str
) -> list[tuple[tuple[str, ...], _Section]]:
    """Sections that have text, each with its heading and those above it but the title."""
    above: list[_Section] = []
    made = []
    for section in sections:
        above = [s for s in above if s.level < section.level]
        names = [s.heading for s in above if s.heading and s.heading != title]
        if section.heading and section.text:
            made.append(((*names, section.heading), section))
        above.append(section)
    return made


def read_markdown(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """The topic that a Markdown file makes.

    The first level-1 heading is the title and the text under it the description; each further
    heading with text under it is a question with its answer.

    Raises:
        KnowledgeBaseError: the file can't be read.
    """
    sections = _sections(_FRONT_MATTER.sub("", read_text(path), count=1))
    titled = next((s for s in sections if s.level == 1 and s.heading), None)
    title = titled.heading if titled else path.stem
    opening = [s for s in (sections[0], titled) if s is not None and s.text]
    questions = _with_headings([s for s in sections[1:] if s is not titled], title)
    if not questions and not opening:
        problems.add(str(path), "headings with text under them", "none")
        return []
    source = Source(source_id(title, set()), title, document.url)
    return [
        Topic(
            slug=slugify(path.stem),
            title=title,
            description="\n".join(section.text for section in opening),
            sources=(source,),
            faqs=tuple(
                Faq(
                    # A heading that is a question already stands on its own.
                    headings[-1] if headings[-1].endswith("?") else ": ".join(headings),
                    section.text,
                    (source.id,),
                    place=Place(document.path, headings, section.anchor),
                    see_also=_distinct(section.links),
                )
                for headings, section in questions
            ),
            place=Place(document.path),
            see_also=_distinct([link for section in opening for link in section.links]),
        )
    ]


def _distinct(links: Sequence[Link]) -> tuple[Link, ...]:
    by_url: dict[str, Link] = {}
    for link in links:
        by_url.setdefault(link.url, link)
    return tuple(by_url.values())
