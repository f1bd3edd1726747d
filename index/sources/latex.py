"""Parser of LaTeX: its sections, paragraphs, lists, tables, code and formulas.

Formulas stay as they are written. What a macro of the author's own means is not worked out: the
words in it are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.html import code_block

__all__ = ["parse_latex", "plain_latex"]

_LEVELS = {
    "part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5, "paragraph": 6,
    "subparagraph": 7,
}  # fmt: skip
_MATH = frozenset("equation align gather multline eqnarray displaymath flalign alignat".split())
_LISTS = frozenset("itemize enumerate description thebibliography".split())
_TABLES = frozenset("tabular tabularx tabulary longtable array".split())
# Pictures that are drawn by commands hold no sentences.
_DRAWN = frozenset("tikzpicture pgfpicture picture comment".split())
_CODE = re.compile(
    r"\\begin\{(verbatim|Verbatim|lstlisting|minted)\*?\}(?P<options>(?:\[[^\]]*\])?(?:\{(?P<language>"
    r"[\w+#-]*)\})?)(?P<code>.*?)\\end\{\1\*?\}",
    re.DOTALL,
)
_CITED = re.compile(r"~?\\[cC]ite\w*\*?\s*(?:\[[^\]]*\]\s*){0,2}\{([^{}]*)\}")
_REFERRED = re.compile(r"\\(?:eq|auto|[cC]|page|name|v)?ref\*?\s*\{([^{}]*)\}")
_SILENT = re.compile(
    r"\\(?:label|index|vspace|hspace|includegraphics|bibliographystyle|bibliography|usepackage|"
    r"documentclass|pagestyle|thispagestyle|setlength|input|include|centering|maketitle|newpage|"
    r"clearpage|noindent|toprule|midrule|bottomrule|hline|tableofcontents|appendix)\*?"
    r"(?![a-zA-Z])(?:\s*\[[^\]]*\])*(?:\s*\{[^{}]*\})*"
)
_HELD = "citewiseheld"


def plain_latex(text: str) -> str:
    """A piece of LaTeX as plain text: accents as characters, braces gone, formulas as written."""
    if not re.search(r"[\\{}~$%]", text):
        return text.strip()
    try:
        found = str(_to_text().latex_to_text(text))
    except (IndexError, ValueError, RecursionError, AttributeError, TypeError):
        found = text  # what its parser stumbles over stays as it is written
    return found.replace("\xa0", " ").strip()


def parse_latex(text: str) -> Parsed:
    """A LaTeX document, or a part of one that another includes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    held: list[Block] = []

    def hold(found: re.Match[str]) -> str:
        stated = re.search(r"language=(\w+)", found["options"])
        language = found["language"] or (stated[1].lower() if stated else "")
        held.append(Block(BlockKind.CODE, code_block(found["code"].strip("\n"), language)))
        return f"\n\n{_HELD}{len(held) - 1}x\n\n"

    text = _CODE.sub(hold, text)
    text = re.sub(r"(?<!\\)%[^\n]*\n?", "", text)
    text = _CITED.sub(r" (\1)", text)
    text = _REFERRED.sub(r"\1", text)
    title = _title(text)
    inside = re.search(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", text, re.DOTALL)
    body = inside[1] if inside else text
    body = re.sub(r"\\(?:title|author|date)\s*(?=\{)", r"\\citewisedropped", body)
    return Parsed(tuple(_Blocks(held).of(body)), title)


def _title(text: str) -> str:
    found = re.search(r"\\title\s*(?:\[[^\]]*\])?\s*\{", text)
    if not found:
        return ""
    return " ".join(plain_latex(_braced(text, found.end() - 1)[0]).split())


def _braced(text: str, start: int) -> tuple[str, int]:
    """What stands between a brace and the one that closes it, and where the text goes on."""
    depth, n = 0, start
    while n < len(text):
        if text[n] == "\\":
            n += 2
            continue
        depth += (text[n] == "{") - (text[n] == "}")
        n += 1
        if not depth:
            return text[start + 1 : n - 1], n
    return text[start + 1 :], len(text)


class _Blocks:
    """Reads blocks; `held` is the code that was taken out of the text."""

    def __init__(self, held: Sequence[Block]) -> None:
        self._held = held

    def of(self, text: str) -> Iterator[Block]:
        """The blocks of a text: what its headings and environments divide."""
        mark = re.compile(
            r"\\(?P<level>" + "|".join(sorted(_LEVELS, key=len, reverse=True))
            + r")\*?\s*(?:\[[^\]]*\])?\s*(?=\{)|\\begin\{(?P<environment>[A-Za-z]+)(?P<star>\*?)\}"
            r"|\\\[(?P<display>.*?)\\\]|\$\$(?P<dollars>.*?)\$\$"
            r"|\\(?P<dropped>citewisedropped)(?=\{)|" + _HELD + r"(?P<held>\d+)x",
            re.DOTALL,
        )  # fmt: skip
        at = 0
        while found := mark.search(text, at):
            yield from _paragraphs(text[at : found.start()])
            at = found.end()
            if found["held"]:
                if int(found["held"]) < len(self._held):
                    yield self._held[int(found["held"])]
            elif found["level"]:
                name, at = _braced(text, at)
                said = re.match(r"\s*\\label\{([^{}]*)\}", text[at:])
                heading = " ".join(plain_latex(name).split())
                if heading:
                    level = _LEVELS[found["level"]]
                    yield Block(BlockKind.HEADING, heading, level, said[1] if said else "")
            elif found["dropped"]:
                _, at = _braced(text, at)
            elif found["environment"]:
                inside, at = _environment(text, at, found["environment"] + found["star"])
                yield from self._environment(found["environment"], inside)
            else:
                yield _formula(found["display"] or found["dollars"] or "")
        yield from _paragraphs(text[at:])

    def _environment(self, name: str, inside: str) -> Iterator[Block]:
        if name in _DRAWN:
            return
        if name in _MATH:
            yield _formula(inside)
        elif name in _LISTS:
            yield from self._items(inside)
        elif name in _TABLES:
            yield from _table(inside)
        elif name == "abstract":
            yield Block(BlockKind.HEADING, "Abstract", _LEVELS["section"])
            yield from self.of(inside)
        else:
            yield from self.of(re.sub(r"^\s*(?:\[[^\]]*\])?", "", inside))

    def _items(self, inside: str) -> Iterator[Block]:
        marked = re.split(r"\\(?:item|bibitem)(?![a-zA-Z])", _with_inner_items_held(inside))
        for item in marked[1:]:
            item = item.replace(_INNER, "\\item")
            label = re.match(r"\s*\[([^\]]*)\]", item)
            said = plain_latex(label[1]) if label else ""
            blocks = list(self.of(item[label.end() :] if label else item))
            for n, block in enumerate(blocks):
                first = n == 0 and block.kind is BlockKind.TEXT
                text = f"{said}: {block.text}" if first and said else block.text
                yield Block(BlockKind.ITEM, f"- {text}") if first else block


_INNER = "\\citewiseinner"


def _with_inner_items_held(text: str) -> str:
    """A list's text, the items of lists in it told apart from its own."""
    depth, parts, at = 0, [], 0
    lists = "|".join(sorted(_LISTS))
    for found in re.finditer(rf"\\(begin|end)\{{(?:{lists})\}}|\\item(?![a-zA-Z])", text):
        if found[1]:
            depth += 1 if found[1] == "begin" else -1
        elif depth > 0:
            parts += [text[at : found.start()], _INNER]
            at = found.end()
    return "".join([*parts, text[at:]])


def _environment(text: str, start: int, name: str) -> tuple[str, int]:
    """What stands in an environment that was just begun, and where the text goes on."""
    depth = 1
    for found in re.finditer(rf"\\(begin|end)\{{{re.escape(name)}\}}", text[start:]):
        depth += 1 if found[1] == "begin" else -1
        if not depth:
            return text[start : start + found.start()], start + found.end()
    return text[start:], len(text)


def _formula(inside: str) -> Block:
    said = re.sub(r"\\label\{[^{}]*\}", "", inside).strip()
    return Block(BlockKind.FORMULA, f"$$\n{said}\n$$")


def _paragraphs(text: str) -> Iterator[Block]:
    # A caption or footnote is a sentence of its own.
    text = _SILENT.sub(" ", text)
    text = re.sub(r"\\caption\*?(?:\[[^\]]*\])?(?=\{)", r"\n\n", text)
    for part in re.split(r"\n[ \t]*\n|\\par(?![a-zA-Z])", text):
        said = " ".join(plain_latex(part).split())
        if re.search(r"\w", said):
            yield Block(BlockKind.TEXT, said)


def _table(inside: str) -> Iterator[Block]:
    _, at = _braced(inside, inside.find("{")) if "{" in inside[:80] else ("", 0)
    rows = []
    for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?|\\tabularnewline", inside[at:]):
        row = re.sub(r"\\(?:cmidrule|cline)\s*(?:\([^)]*\))?\{[^{}]*\}", "", _SILENT.sub("", row))
        row = re.sub(r"\\multi(?:column|row)\s*\{[^{}]*\}\s*\{[^{}]*\}\s*(?=\{)", "", row)
        cells = [" ".join(plain_latex(cell).split()) for cell in re.split(r"(?<!\\)&", row)]
        if any(cells):
            rows.append([cell.replace("|", "\\|") for cell in cells])
    if not rows:
        return
    width = max(map(len, rows))
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    rule = "| " + " | ".join(["---"] * width) + " |"
    yield Block(BlockKind.TABLE, "\n".join([lines[0], rule, *lines[1:]]))


@cache
def _to_text() -> Any:  # noqa: ANN401
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="verbatim", keep_comments=False)
