"""A document is cut into sections that are retrieved and cited: by its headings, then by size.

Code, tables, formulas and the line that introduces them stay together; a paragraph is cut between
sentences and only where it is too long by itself. Where running text is cut, the next part begins
with the last sentence of the one before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from index.sources.blocks import Block, BlockKind, Parsed
from index.text.sentences import sentences
from index.types import Link, Place, Section

__all__ = ["sections_of"]

# What a MiniLM encoder reads, 256 tokens, holds about this many characters of prose.
_LONGEST = 700
# Code, tables and formulas are cut only beyond this.
_LONGEST_WHOLE = 2000
_OVERLAP = 160
_MARKED = re.compile(r"[^\w\- ]")


@dataclass
class _Under:
    """The blocks under one heading. `path` are the headings that lead there, outermost first."""

    path: tuple[str, ...]
    anchor: str
    blocks: list[Block] = field(default_factory=list)


def sections_of(parsed: Parsed, title: str, path: str, source: str) -> tuple[Section, ...]:
    """Cut a document.

    Args:
        parsed: the document.
        title: what it is called; a heading that only repeats it is no part of a section's path.
        path: its file, from the folder that was read.
        source: the name of the knowledge base, with which ids begin.

    Returns:
        Sections in reading order. Their ids, `<source>/<path>#<headings>/<digest of the text>`,
        stay what they are when something else in the file changes.
    """
    made: list[Section] = []
    taken: set[str] = set()
    for under in _by_heading(parsed.blocks, title):
        for blocks in _parts(under.blocks):
            text = _joined(blocks)
            page = blocks[0].page
            anchor = under.anchor if page is None else f"page={page}"
            place = Place(path, under.path, anchor, page)
            name = "/".join(_slug(heading) for heading in under.path) or "top"
            digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:6]
            ident, n = f"{source}/{path}#{name}/{digest}", 1
            while ident in taken:
                n += 1
                ident = f"{source}/{path}#{name}/{digest}-{n}"
            taken.add(ident)
            made.append(Section(ident, _heading(under.path, title), text, place, _links(blocks)))
    return tuple(made)


def _by_heading(blocks: Sequence[Block], title: str) -> list[_Under]:
    found = [_Under((), "")]
    above: list[tuple[int, str]] = []
    anchors: set[str] = set()
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            found[-1].blocks.append(block)
            continue
        above = [(level, name) for level, name in above if level < block.level]
        above.append((block.level, block.text))
        anchor = block.anchor or _anchor(block.text, anchors)
        anchors.add(anchor)
        names = [name for _, name in above]
        if names[0] == title:
            del names[0]
        found.append(_Under(tuple(names), anchor))
    # A heading with nothing under it is in the path of those below it; alone it is text.
    return [under for under in _with_words(found) if under.blocks]


def _with_words(found: Sequence[_Under]) -> Iterator[_Under]:
    """Give a heading that leads to nothing a text of its own, so that no word is lost."""
    for n, under in enumerate(found):
        following = found[n + 1] if n + 1 < len(found) else None
        leads = following is not None and following.path[: len(under.path)] == under.path
        if under.path and not under.blocks and not leads:
            under.blocks.append(Block(BlockKind.TEXT, under.path[-1]))
        yield under


def _anchor(heading: str, taken: set[str]) -> str:
    """An anchor as GitHub and most generators make it, distinct within the file."""
    base = _MARKED.sub("", heading.lower()).replace(" ", "-")
    made, n = base, 1
    while made in taken:
        made, n = f"{base}-{n}", n + 1
    return made


def _slug(heading: str) -> str:
    return re.sub(r"[^\w]+", "-", heading.lower()).strip("-")[:60] or "-"


def _heading(path: Sequence[str], title: str) -> str:
    """What a section is about; a heading that is a question already stands on its own."""
    if not path:
        return title
    return path[-1] if path[-1].endswith("?") else ": ".join(path)


def _joined(blocks: Sequence[Block]) -> str:
    text = ""
    before: Block | None = None
    for block in blocks:
        if before is not None:
            both_items = before.kind is block.kind is BlockKind.ITEM
            text += "\n" if both_items else "\n\n"
        text += block.text
        before = block
    return text


def _links(blocks: Sequence[Block]) -> tuple[Link, ...]:
    by_url: dict[str, Link] = {}
    for block in blocks:
        for link in block.links:
            by_url.setdefault(link.url, link)
    return tuple(by_url.values())


def _parts(blocks: Sequence[Block]) -> list[list[Block]]:
    """Gather blocks into parts of about `_LONGEST` characters."""
    parts: list[list[Block]] = []
    current: list[Block] = []
    for block in chain.from_iterable(map(_pieces, blocks)):
        size = len(_joined(current))
        introduced = bool(current) and _introduces(current[-1], block)
        if not current or size + len(block.text) <= _LONGEST or (introduced and len(current) == 1):
            current.append(block)
        else:
            # The line that introduces a block goes with it.
            carried = [current.pop()] if introduced else _overlap(current[-1], block)
            parts.append(current)
            current = [*carried, block]
    if current:
        parts.append(current)
    return parts


def _introduces(block: Block, following: Block) -> bool:
    """Whether a text says what the block after it is: the one before code or a table does."""
    if block.kind is not BlockKind.TEXT:
        return False
    leads_in = block.text.endswith((":", "："))
    return following.is_whole or (leads_in and following.kind is BlockKind.ITEM)


def _overlap(before: Block, after: Block) -> list[Block]:
    if before.kind is not BlockKind.TEXT or after.kind is not BlockKind.TEXT:
        return []
    spans = sentences(before.text)
    if len(spans) < 2:
        return []
    last = before.text[slice(*spans[-1])].strip()
    return [replace(before, text=last, links=())] if len(last) <= _OVERLAP else []


def _pieces(block: Block) -> list[Block]:
    """The block, or its pieces where it is too long by itself."""
    if len(block.text) <= (_LONGEST_WHOLE if block.is_whole else _LONGEST):
        return [block]
    if block.kind is BlockKind.TABLE:
        texts = _pieces_of_table(block.text)
    elif block.kind is BlockKind.CODE:
        opening, *lines, closing = block.text.split("\n")
        texts = [f"{opening}\n{piece}\n{closing}" for piece in _lines(lines, _LONGEST)]
    elif block.kind is BlockKind.FORMULA:
        texts = [block.text]
    else:
        texts = _pieces_of_prose(block.text)
    # What a block links to is known of the block, not of its pieces.
    return [replace(block, text=text) for text in texts if text.strip()]


def _pieces_of_table(text: str) -> list[str]:
    """Rows by rows, each piece under the table's head."""
    head, rule, *rows = text.split("\n")
    return [f"{head}\n{rule}\n{rows}" for rows in _lines(rows, max(200, _LONGEST - len(head)))]


def _lines(lines: Sequence[str], longest: int) -> list[str]:
    """Lines in pieces of about `longest` characters, cut at an empty line where one is near."""
    pieces: list[list[str]] = [[]]
    size = 0
    for line in lines:
        full = size + len(line) > longest
        at_a_gap = not line.strip() and size > longest * 0.6
        if pieces[-1] and (full or at_a_gap):
            pieces.append([])
            size = 0
        pieces[-1].append(line)
        size += len(line) + 1
    return ["\n".join(piece).strip("\n") for piece in pieces]


def _pieces_of_prose(text: str) -> list[str]:
    """Sentence by sentence, and a sentence beyond all measure by words or characters."""
    bounds = [0, *(end for _, end in sentences(text))]
    bounds[-1] = len(text)
    pieces = [""]
    for start, end in pairwise(bounds):
        for piece in _short(text[start:end]):
            if pieces[-1] and len(pieces[-1]) + len(piece) > _LONGEST:
                pieces.append("")
            pieces[-1] += piece
    return [piece.strip() for piece in pieces]


def _short(sentence: str) -> Iterator[str]:
    while len(sentence) > _LONGEST:
        space = sentence.rfind(" ", _LONGEST // 2, _LONGEST)
        end = space if space > 0 else _LONGEST
        yield sentence[:end]
        sentence = sentence[end:]
    yield sentence
