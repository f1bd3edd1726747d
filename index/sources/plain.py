"""Parsers of plain text, notebooks, reStructuredText and AsciiDoc.

What has a markup of its own is turned into HTML or Markdown, and read as that.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import dropwhile

from index.errors import KnowledgeBaseError
from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.html import blocks_of, code_block
from index.sources.markdown import parse_markdown
from index.sources.tower import load_json

__all__ = ["parse_asciidoc", "parse_notebook", "parse_rst", "parse_text"]

_ROLE = re.compile(r":(?!math:)[\w:+.-]+:`~?!?([^`<]*?)(?:\s*<[^`>]*>)?`")
_DIRECTIVE = re.compile(r"(?P<indent>[ \t]*)\.\.[ \t]+(?P<name>[\w:-]+)::(?P<argument>.*)")
# Directives of Sphinx that hold no words of their own.
_EMPTY = re.compile(
    r"toctree|auto\w+|currentmodule|module|py:.*|highlight|index|contents|raw|include"
)
_KNOWN = frozenset(
    "admonition attention caution danger error hint important note tip warning topic sidebar "
    "rubric epigraph pull-quote compound container figure image table csv-table list-table "
    "code code-block sourcecode math parsed-literal replace unicode default-role class role "
    "footer header meta title line-block sectnum target-notes date".split()
)


def parse_text(text: str) -> Parsed:
    """Plain text: paragraphs are what empty lines separate."""
    paragraphs = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    found = (paragraph.strip("\n").strip() for paragraph in paragraphs)
    return Parsed(tuple(Block(BlockKind.TEXT, one) for one in found if one))


def parse_notebook(text: str) -> Parsed:
    """A Jupyter notebook's text and code; what its cells printed is left out.

    Raises:
        KnowledgeBaseError: it is no notebook.
    """
    document = load_json(text, "notebook")
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(cells, list):
        raise KnowledgeBaseError("expected a Jupyter notebook (an object with the list 'cells')")
    metadata = document.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = str(kernel.get("language") or "python") if isinstance(kernel, dict) else "python"
    blocks: list[Block] = []
    title = ""
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        content = "".join(map(str, source)) if isinstance(source, list) else str(source)
        if cell.get("cell_type") == "markdown":
            parsed = parse_markdown(content)
            blocks += parsed.blocks
            title = title or parsed.title
        elif cell.get("cell_type") == "code" and content.strip():
            blocks.append(Block(BlockKind.CODE, code_block(content, language)))
    return Parsed(tuple(blocks), title)


def parse_rst(text: str) -> Parsed:
    """A reStructuredText document, Sphinx's own roles and directives as plain ones.

    Raises:
        KnowledgeBaseError: docutils can't read it.
    """
    from docutils.core import publish_parts
    from docutils.utils import SystemMessage

    settings = {
        "_disable_config": True, "file_insertion_enabled": False, "raw_enabled": False,
        "report_level": 5, "halt_level": 5, "syntax_highlight": "none", "math_output": "LaTeX",
        "doctitle_xform": False, "initial_header_level": 1, "input_encoding": "unicode",
        "line_length_limit": 1_000_000,
    }  # fmt: skip
    plain = "\n".join(_without_sphinx(_ROLE.sub(r"``\1``", text).split("\n")))
    try:
        parts = publish_parts(plain, writer="html5", settings_overrides=settings)
    except (SystemMessage, ValueError, RecursionError, AttributeError, IndexError) as error:
        raise KnowledgeBaseError(f"not readable as reStructuredText: {error}") from error
    blocks = blocks_of(parts["body"])
    headings = (block.text for block in blocks if block.kind is BlockKind.HEADING)
    return Parsed(tuple(blocks), next(headings, ""))


def _without_sphinx(lines: Sequence[str]) -> Iterator[str]:
    """Directives that docutils lacks as admonitions, or dropped where they hold no text."""
    waiting = deque(lines)
    while waiting:
        line = waiting.popleft()
        found = _DIRECTIVE.fullmatch(line)
        dropped = found is not None and _EMPTY.fullmatch(found["name"]) is not None
        known = found is not None and found["name"] in _KNOWN
        if found is None or (known and not dropped):
            yield line
            continue
        inside = []
        while waiting and (not waiting[0].strip() or _indent(waiting[0]) > len(found["indent"])):
            inside.append(waiting.popleft())
        if not dropped:
            yield from _as_admonition(found, inside)
        yield ""


def _as_admonition(found: re.Match[str], inside: list[str]) -> Iterator[str]:
    """A directive with what stands in it, without its options."""
    title = f"{found['name']} {found['argument'].strip()}".strip()
    text = list(dropwhile(lambda line: re.match(r"[ \t]*:[\w-]+:|[ \t]*$", line), inside))
    yield f"{found['indent']}{'.. admonition:: ' if text else ''}{title}"
    yield from ("", *text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def parse_asciidoc(text: str) -> Parsed:
    """An AsciiDoc document, read as the Markdown that says the same."""
    return parse_markdown("\n".join(_as_markdown(text.replace("\r\n", "\n").split("\n"))))


_ADOC_TITLE = re.compile(r"(={1,6})[ \t]+(\S.*)")
_ADOC_ITEM = re.compile(r"([*.]{1,5})[ \t]+(\S.*)")


def _as_markdown(lines: Sequence[str]) -> Iterator[str]:
    block, language = "", ""
    rows: list[str] = []
    for line in lines:
        mark = line.strip()
        if block in ("----", "....", "```"):
            yield "```" if mark == block else line
            block = "" if mark == block else block
        elif block == "|===":
            if mark == block:
                block = ""
                yield from _adoc_table(rows)
                rows = []
            elif mark:
                rows.append(mark)
        elif mark in ("----", "....", "```", "|==="):
            block = mark
            if mark != "|===":
                yield f"```{language}"
            language = ""
        elif found := re.fullmatch(r"\[source,?[ ]*([\w+-]*).*\]", mark):
            language = found[1]
        else:
            yield _adoc_line(line, mark)


def _adoc_line(line: str, mark: str) -> str:
    if re.fullmatch(r":[\w-]+!?:.*|//.*|={4,}|\*{4,}|_{4,}|-{2}|\[\[?[\w#.,=% \"'-]*\]?\]", mark):
        return ""
    if found := _ADOC_TITLE.fullmatch(line):
        line = f"{'#' * len(found[1])} {found[2]}"
    elif found := _ADOC_ITEM.fullmatch(mark):
        bullet = "-" if found[1][0] == "*" else "1."
        line = f"{'   ' * (len(found[1]) - 1)}{bullet} {found[2]}"
    elif re.fullmatch(r"\.\w.*", mark):
        line = f"**{mark[1:]}**"
    line = re.sub(r"<<[^,<>]+,[ ]*([^<>]+)>>", r"\1", line)
    line = re.sub(r"(?:link|xref):[^\s\[\]]+\[([^\]]+)\]", r"\1", line)
    return re.sub(r"(https?://[^\s\[\]]+)\[([^\]]+)\]", r"[\2](\1)", line)


def _adoc_table(rows: Sequence[str]) -> Iterator[str]:
    cells = [[c.strip() for c in row.removeprefix("|").split("|")] for row in rows]
    width = len(cells[0]) if cells else 0
    if width < 2 or any(len(row) != width for row in cells):
        # One cell a line, or cells that span: each on its own.
        yield from (f"\n{' '.join(filter(None, row))}\n" for row in cells)
        return
    yield ""
    for n, row in enumerate(cells):
        yield "| " + " | ".join(row) + " |"
        if n == 0:
            yield "|" + "---|" * width
    yield ""
