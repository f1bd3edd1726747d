"""Reader of Markdown: a file is a topic, a heading with text under it a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from index.sources.files import read_text
from index.sources.mentions import label_year, source_id
from index.sources.problems import Problems
from index.sources.slugs import slugify
from index.types import Faq, Source, Topic

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["read_markdown"]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


@dataclass
class _Section:
    level: int
    heading: str
    blocks: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(block for block in self.blocks if block).strip()


def _inline(tokens: Sequence[Token], links: list[tuple[str, str]]) -> str:
    """The plain text of a run of inline tokens; web links in it are appended to `links`."""
    parts: list[str] = []
    open_links: list[tuple[str, int]] = []
    for token in tokens:
        if token.type == "link_open":
            open_links.append((str(token.attrs.get("href", "")), len(parts)))
        elif token.type == "link_close" and open_links:
            href, start = open_links.pop()
            if re.fullmatch(r"https?://[^\s\x00-\x1f\x7f-\x9f]+", href):
                links.append((" ".join("".join(parts[start:]).split()) or href, href))
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
            self.sections[-1].heading = content
        elif self._in_table:
            self._cells.append(content)
        elif content:
            self.sections[-1].blocks.append(self._prefix + content)
            self._prefix = ""


def _sections(text: str) -> list[_Section]:
    """The document cut at its headings; the first section is what stands before them."""
    from markdown_it import MarkdownIt

    cutter = _Cutter()
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        cutter.take(token)
    return cutter.sections


def _questions(sections: Sequence[_Section], title: str) -> list[tuple[str, _Section]]:
    """Sections that have text, each under its heading and those above it but the title."""
    above: list[_Section] = []
    made = []
    for section in sections:
        above = [s for s in above if s.level < section.level]
        names = [s.heading for s in above if s.heading and s.heading != title]
        if section.heading and section.text:
            # A heading that is a question already stands on its own.
            asks = section.heading.endswith("?")
            name = section.heading if asks else ": ".join([*names, section.heading])
            made.append((name, section))
        above.append(section)
    return made


def read_markdown(path: Path, problems: Problems) -> list[Topic]:
    """The topic that a Markdown file makes.

    The first level-1 heading is the title and the text under it the description; each further
    heading with text under it is a question with its answer, and the web links in it are its
    sources.

    Raises:
        KnowledgeBaseError: the file can't be read.
    """
    sections = _sections(_FRONT_MATTER.sub("", read_text(path), count=1))
    titled = next((s for s in sections if s.level == 1 and s.heading), None)
    title = titled.heading if titled else path.stem
    opening = [s for s in (sections[0], titled) if s is not None and s.text]
    questions = _questions([s for s in sections[1:] if s is not titled], title)
    if not questions and not opening:
        problems.add(str(path), "headings with text under them", "none")
        return []
    sources: dict[str, Source] = {}
    taken: set[str] = set()

    def ids(links: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        for label, url in links:
            if url not in sources:
                sources[url] = Source(source_id(label, taken), label, url, label_year(label))
                taken.add(sources[url].id)
        return tuple(dict.fromkeys(sources[url].id for _, url in links))

    faqs = tuple(Faq(name, section.text, ids(section.links)) for name, section in questions)
    for section in opening:
        ids(section.links)
    return [
        Topic(
            slug=slugify(path.stem),
            title=title,
            description="\n".join(section.text for section in opening),
            sources=tuple(sources.values()),
            faqs=faqs,
        )
    ]
