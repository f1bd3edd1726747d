"""From HTML to blocks, and what of a web page is its content.

Markdown, notebooks, reStructuredText, Word and e-books come this way too: whatever can be written
as HTML is read by one walk over its tree, so that lists, tables, code and formulas are the same
from wherever they come.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from html import escape
from typing import Any

from index.errors import KnowledgeBaseError
from index.sources.blocks import Block, BlockKind, Parsed
from index.types import Link

__all__ = ["blocks_of", "code_block", "markup", "parse_page", "table_block", "tree_of"]

_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_LANGUAGE = re.compile(r"(?:language|lang|highlight|highlight-source|brush:?)[- ]([\w+#.-]+)")
_NO_TEXT = frozenset(
    ("script", "style", "template", "noscript", "head", "svg", "iframe", "object", "canvas",
     "video", "audio", "select", "button", "input", "textarea")
)  # fmt: skip
_AROUND = frozenset(("nav", "header", "footer", "aside", "form", "dialog"))
_AROUND_ROLE = frozenset(("navigation", "banner", "contentinfo", "search", "complementary"))
_BLOCKS = frozenset(
    ("p", "div", "section", "article", "main", "blockquote", "details", "summary", "figure",
     "figcaption", "dl", "dt", "dd", "address", "header", "footer", "aside", "nav", "hr", "body",
     "html", "form", "fieldset", "center", "tr", "td", "th", "tbody", "thead", "caption", "dialog")
)  # fmt: skip
_CODE = frozenset(("code", "kbd", "samp", "tt"))
_HEADING = re.compile(r"h[1-6]")
# Signs that themes put beside a heading as a link to it.
_PERMALINK = re.compile(r"[\s¶#§🔗]*")
_DEEPEST = 200
_NO_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<\?.*?\?>|<!\[CDATA\[|\]\]>|<!DOCTYPE[^>]*>", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][\w.:-]*)(?P<rest>(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*)>"
)
_ATTRIBUTE = re.compile(
    r"\s+(?:[:@\w.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|\{[^{}]*\}|[^\s\"'=<>`]+)"
    r"|hidden|open|checked|disabled|controls|reversed|nowrap|async|defer|itemscope|allowfullscreen"
    r"|\{[^{}]*\})"
)
_SHOWN = re.compile(r"\b(?:title|label|summary|header)\s*=\s*(?:\"([^\"]+)\"|'([^']+)')")
_OPTION = re.compile(r"\bid\s*=\s*\"([^\"]+)\"")
_HTML = frozenset(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col "
    "colgroup dd del details dfn div dl dt em embed figcaption figure font footer h1 h2 h3 h4 h5 "
    "h6 header hr i iframe img ins kbd li main mark math menu nav nobr object ol p path picture "
    "pre q rp rt ruby s samp script section small source span strike strong style sub summary sup "
    "svg table tbody td template tfoot th thead time tr tt u ul var video audio wbr button input "
    "label select option form textarea tex".split()
)


def code_block(code: str, language: str = "") -> str:
    """Code in a fence that it can't close itself."""
    inside = code.strip("\n").rstrip()
    longest = max((len(run) for run in re.findall(r"^[ \t]*(`{3,})", inside, re.M)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{inside}\n{fence}"


def table_block(rows: list[list[str]]) -> str:
    """Rows of cells with pipes between them, the first one as the head."""
    width = max(len(row) for row in rows)
    lines = [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row + [""] * (width - len(row)))
        + " |"
        for row in rows
    ]  # fmt: skip
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


class _Walk:
    """Gathers the blocks of a tree, in its order."""

    def __init__(self, around: bool) -> None:
        self.blocks: list[Block] = []
        self._around = around
        self._inline: list[str] = []
        self._links: list[Link] = []
        self._lists: list[int | None] = []
        self._prefix = ""

    def node(self, node: Any, depth: int = 0) -> None:  # noqa: ANN401 - lxml has no types
        """Take an element and what follows it inside its parent."""
        if isinstance(node.tag, str) and depth < _DEEPEST:
            self._element(node, node.tag.lower(), depth)
        if node.tail:
            self._inline.append(_SPACE.sub(" ", node.tail))

    def flush(self) -> None:
        """End the block that is being gathered."""
        text = re.sub(r" *\n *", "\n", "".join(self._inline))
        text = re.sub(r"  +", " ", text).strip()
        if text:
            kind = BlockKind.ITEM if self._prefix or self._lists else BlockKind.TEXT
            self._add(kind, self._prefix + text)
            self._prefix = ""
        self._inline.clear()

    def _add(self, kind: BlockKind, text: str, **more: Any) -> None:  # noqa: ANN401
        self.blocks.append(Block(kind, text, links=tuple(self._links), **more))
        self._links.clear()

    def _element(self, node: Any, tag: str, depth: int) -> None:  # noqa: ANN401
        hidden = node.get("hidden") is not None or node.get("aria-hidden") == "true"
        if tag in _NO_TEXT or (self._around and (_is_around(node, tag) or hidden)):
            return
        if _HEADING.fullmatch(tag):
            self._heading(node, int(tag[1]))
        elif tag == "pre":
            self._preformatted(node)
        elif tag == "table" and not node.findall(".//table"):
            self._table(node)
        elif tag in ("ul", "ol", "menu"):
            self._list(node, tag, depth)
        elif tag == "li":
            self._item(node, depth)
        elif tag in _BLOCKS or tag == "table":
            self.flush()
            self._inside(node, depth)
            self.flush()
        else:
            self._phrase(node, tag, depth)

    def _inside(self, node: Any, depth: int) -> None:  # noqa: ANN401
        if node.text:
            self._inline.append(_SPACE.sub(" ", node.text))
        for child in node:
            self.node(child, depth + 1)

    def _phrase(self, node: Any, tag: str, depth: int) -> None:  # noqa: ANN401
        before = "".join(self._inline[-1:])
        if tag == "br":
            self._inline.append("\n")
        elif tag == "img":
            self._inline.append(_SPACE.sub(" ", node.get("alt") or ""))
        elif (tag in _CODE or "literal" in _classes(node)) and (
            code := _SPACE.sub(" ", node.text_content()).strip()
        ):
            fence = "``" if "`" in code else "`"
            self._inline.append(f"{fence}{code}{fence}")
        elif tag == "tex":
            self._inline.append(node.text_content())
        elif tag == "math":
            self._inline.append(_formula(node))
        elif tag in ("sup", "sub"):
            self._raised(node, tag, before, depth)
        else:
            start = len(self._inline)
            self._inside(node, depth)
            href = node.get("href") or ""
            if tag == "a" and href.startswith("#") and _PERMALINK.fullmatch(node.text_content()):
                del self._inline[start:]
            if tag == "a" and _ADDRESS.fullmatch(url := href.strip()):
                label = _SPACE.sub(" ", "".join(self._inline[start:])).strip()
                self._links.append(Link(label or url, url))

    def _raised(self, node: Any, tag: str, before: str, depth: int) -> None:  # noqa: ANN401
        """A superscript or subscript, told from the digits that it follows."""
        inner = node.text_content().strip()
        if before[-1:].isalnum() and inner and not inner.startswith(("[", "(")):
            mark = "^" if tag == "sup" else "_"
            # H2O reads well as it is, 10^2 and x_i don't without their sign.
            if tag == "sup" or before[-1:].isdigit() or not inner.isdigit():
                self._inline.append(mark)
        self._inside(node, depth)

    def _heading(self, node: Any, level: int) -> None:  # noqa: ANN401
        self.flush()
        inner = _Walk(False)
        inner._inside(node, 0)
        inner.flush()
        text = " ".join(block.text.replace("\n", " ") for block in inner.blocks)
        anchor = node.get("id") or next(iter(node.xpath("./a/@id | ./a/@name")), "")
        if text:
            self.blocks.append(Block(BlockKind.HEADING, text, level, str(anchor)))

    def _preformatted(self, node: Any) -> None:  # noqa: ANN401
        self.flush()
        for line_break in node.iter("br"):
            line_break.tail = "\n" + (line_break.tail or "")
        text = node.text_content().replace("\r", "")
        if not text.strip():
            return
        classes = _classes(node)
        if node.get("data-kind") == "formula" or "math" in classes:
            self._add(BlockKind.FORMULA, text.strip())
            return
        inner = [node, *node.iter("code"), *node.iterancestors("div")][:3]
        named = (_LANGUAGE.search(one.get("class") or "") for one in inner)
        language = next((match.group(1) for match in named if match), "")
        if not language and classes[:1] == ["code"]:  # as docutils writes it
            language = next((name for name in classes[1:] if name != "literal-block"), "")
        self._add(BlockKind.CODE, code_block(text, language))
        self._prefix = ""

    def _list(self, node: Any, tag: str, depth: int) -> None:  # noqa: ANN401
        self.flush()
        start = str(node.get("start") or "1")
        self._lists.append(int(start) if tag == "ol" and start.isdecimal() else None)
        if tag == "ol" and self._lists[-1] is None:
            self._lists[-1] = 1
        self._inside(node, depth)
        self.flush()
        self._lists.pop()

    def _item(self, node: Any, depth: int) -> None:  # noqa: ANN401
        self.flush()
        number = self._lists[-1] if self._lists else None
        indent = "  " * (len(self._lists) - 1)
        self._prefix = f"{indent}- " if number is None else f"{indent}{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._inside(node, depth)
        self.flush()
        self._prefix = ""

    def _table(self, node: Any) -> None:  # noqa: ANN401
        self.flush()
        for caption in node.findall(".//caption"):
            self._inside(caption, 0)
            self.flush()
        rows = [[self._cell(cell) for cell in row if isinstance(cell.tag, str)]
                for row in node.iter("tr")]  # fmt: skip
        rows = [row for row in rows if any(row)]
        if not rows:
            return
        if max(map(len, rows)) == 1:
            # A frame around text, not a table.
            for row in rows:
                self._add(BlockKind.TEXT, row[0])
        else:
            self._add(BlockKind.TABLE, table_block(rows))

    def _cell(self, node: Any) -> str:  # noqa: ANN401
        inner = _Walk(False)
        inner._inside(node, 0)
        inner.flush()
        self._links += [link for block in inner.blocks for link in block.links]
        texts = [_SPACE.sub(" ", block.text.replace("\n", "; ")) for block in inner.blocks]
        return "; ".join(text for text in texts if text)


def _classes(node: Any) -> list[str]:  # noqa: ANN401
    return (node.get("class") or "").split()


def _is_around(node: Any, tag: str) -> bool:  # noqa: ANN401
    return tag in _AROUND or node.get("role") in _AROUND_ROLE


def _formula(node: Any) -> str:  # noqa: ANN401
    """MathML as TeX where it brings that along, else as its characters."""
    for note in node.iter("{*}annotation"):
        if "tex" in (note.get("encoding") or "").lower() and note.text:
            return f"${note.text.strip()}$"
    return _SPACE.sub(" ", node.text_content()).strip()


def blocks_of(html: str, *, around: bool = False) -> list[Block]:
    """The blocks of a piece of HTML.

    Args:
        html: markup of any quality.
        around: leave out what stands around a page's content, such as navigation.

    Raises:
        KnowledgeBaseError: it can't be parsed at all.
    """
    root = tree_of(html)
    return [] if root is None else _blocks(root, around)


def _blocks(root: Any, around: bool) -> list[Block]:  # noqa: ANN401
    walk = _Walk(around)
    walk.node(root)
    walk.flush()
    return walk.blocks


def tree_of(html: str) -> Any:  # noqa: ANN401
    """The element tree of a page, or None where it holds nothing.

    Raises:
        KnowledgeBaseError: it can't be parsed at all.
    """
    from lxml import etree  # type: ignore[import-untyped]
    from lxml import html as lxml_html

    # Characters that no XML tree can hold.
    clean = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", " ", html)
    if not clean.strip():
        return None
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return lxml_html.document_fromstring(clean.encode(), parser=parser)
    except etree.ParserError:
        return None  # nothing but comments
    except (etree.LxmlError, ValueError) as error:
        raise KnowledgeBaseError(f"not readable as HTML: {error}") from error


def _mains(root: Any) -> Iterator[Any]:  # noqa: ANN401
    """Elements that may be a page's content, likeliest first."""
    yield from root.xpath("//main | //*[@role='main'] | //*[@itemprop='articleBody']")
    articles = root.xpath("//article")
    if len(articles) == 1:
        yield from articles
    yield from root.xpath("//*[@id='content' or @id='main' or @id='main-content']")


def parse_page(html: str) -> Parsed:
    """The content of a web page, without what stands around it on every page of its site.

    Raises:
        KnowledgeBaseError: it can't be parsed at all.
    """
    root = tree_of(html)
    if root is None:
        return Parsed(())
    whole = len(root.text_content())
    blocks: list[Block] = []
    for main in _mains(root):
        blocks = _blocks(main, True)
        if sum(len(block.text) for block in blocks) * 20 > whole:
            break
    else:
        blocks = _blocks(root, True) or _blocks(root, False)
    titles = [_SPACE.sub(" ", str(text)).strip() for text in root.xpath("//title/text()")]
    return Parsed(tuple(blocks), next((t for t in titles if t), ""), _address(root, html))


def _address(root: Any, html: str) -> str:  # noqa: ANN401
    """Where a page was saved from: its canonical link, or the browser's own comment."""
    for query in (
        "//link[@rel='canonical']/@href", "//meta[@property='og:url']/@content", "//base/@href",
    ):  # fmt: skip
        for found in root.xpath(query):
            if _ADDRESS.fullmatch(str(found).strip()):
                return str(found).strip()
    saved = re.search(r"<!--\s*saved from url=\(\d+\)(https?://[^\s<>]+)", html[:5000])
    return saved.group(1) if saved else ""


def markup(text: str, closed: Container[str] = ()) -> str:
    """Markup whose tags are HTML's; a component's are left out and its title kept.

    What only looks like a tag, as `<limit and queue>` or `<your-key>`, is text.

    Args:
        text: a piece of HTML or MDX.
        closed: names of components that the whole document has closing tags for.
    """
    text = _NO_TAG.sub("", text)
    made, position = [], 0
    for tag in _TAG.finditer(text):
        made.append(_text_between(text[position : tag.start()]))
        position = tag.end()
        made.append(_tag(tag, closed))
    return "".join(made) + _text_between(text[position:])


def _text_between(text: str) -> str:
    return text.replace("<", "&lt;")


def _tag(tag: re.Match[str], closed: Container[str] = ()) -> str:
    name, rest = tag["name"], tag["rest"]
    alone = rest.rstrip().endswith("/")
    plausible = not re.sub(_ATTRIBUTE, "", rest.rstrip().removesuffix("/")).strip()
    if name.lower() in _HTML and name[1:].islower() | (len(name) <= 2) and plausible:
        return tag.group()
    if tag["end"] and name in closed:
        return "</div>"
    if (plausible and alone) or (name in closed and not tag["end"]):
        shown = _SHOWN.search(rest)
        title = (shown[1] or shown[2]) if shown else ""
        option = _OPTION.search(rest) if name.lower().endswith(("option", "tab")) else None
        title = title or (option[1] if option else "")
        opened = f"<p>{escape(title)}</p>" if title else ""
        return opened if alone else f"<div>{opened}"
    return escape(tag.group(), quote=False)
