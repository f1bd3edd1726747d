"""Parser of Markdown in its dialects.

They are CommonMark with tables, front matter and formulas, and what MkDocs, Docusaurus, MDX,
MyST and Hugging Face's doc-builder add. The dialects' own lines are turned into Markdown,
Markdown into HTML, and HTML into blocks.
"""

from __future__ import annotations

import re
import tomllib
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from index.errors import KnowledgeBaseError
from index.sources.blocks import Block, BlockKind, Parsed
from index.sources.html import blocks_of, markup
from index.sources.plain_yaml import load_yaml

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["parse_markdown"]

_YAML_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S | re.M)
_TOML_FRONT = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.S | re.M)
_FENCE = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})(?P<info>.*)")
# `!!! note "Title"`, `??? tip`, `=== "Tab"`: what is indented below belongs to it.
_CONTAINER = re.compile(r"(?P<indent> *)(?:!!!|\?\?\?\+?|===)(?!=)[ \t]*(?P<what>[^\n]*)")
_COLON_FENCE = re.compile(
    r"[ \t]*:{3,}[ \t]*(?:\{(?P<role>[\w-]+)\})?(?P<kind>[\w-]*)"
    r"[ \t]*(?:\[(?P<label>[^\]\n]*)\])?(?P<title>[^\n{]*).*"
)
_ALERT = re.compile(r"([ \t>]*>[ \t]*)\[!(\w+)\][+-]?[ \t]*")
# `__init__` without backticks is a name; nobody prints one small word in bold that way.
_DUNDER = re.compile(r"(`+)[^`]*\1|(?<![\w\\_*])__([a-z][a-z0-9_]*[a-z0-9])__(?![\w*])")
# What is documented from code has its name there and no more.
_AUTODOC = re.compile(r"[ \t]*\[\[autodoc\]\][ \t]*([\w.]+)[ \t]*")
_DIRECTIVE = re.compile(r"[ \t]*\[\[[a-z]+(?:-[a-z]+)+\]\][ \t]*")
_IMPORT = re.compile(r"import\s+(?:[\w*{}\s,$]+\s+from\s+)?['\"][^'\"\n]+['\"];?[ \t]*")
_FOOTNOTE = re.compile(r"([ \t]*)\[\^([^\]\s]+)\]:")
_ATTRIBUTES = re.compile(r"[ \t]*\{:?[ \t]*[#.][\w.:#= \"-]*\}[ \t]*$")
# `<Tip warning={true}>`: what is indented in a component is no code.
_COMPONENT = re.compile(r"[ \t]*<(?P<name>[A-Z][\w.]*)(?:\s[^<>]*)?>[ \t]*")
_NAMED_ANCHOR = re.compile(
    r"\s*(?:\{[^{}#]*#(?P<a>[\w.:-]+)[^{}]*\}|\{:?\s*\.[^{}]*\}|\[\[(?P<b>[\w.:-]+)\]\])\s*$"
)
_CODE_DIRECTIVES = frozenset(
    ("code", "code-block", "code-cell", "sourcecode", "literalinclude", "parsed-literal")
)


def parse_markdown(text: str) -> Parsed:
    """The blocks of a Markdown document, and the title that it gives itself.

    The title is the front matter's, else the first heading of level 1.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    title, text = _front_matter(text)
    blocks = _anchored(blocks_of(_html(text)))
    if not title:
        first = (b.text for b in blocks if b.kind is BlockKind.HEADING and b.level == 1)
        title = next(first, "")
    return Parsed(tuple(blocks), title)


def _front_matter(text: str) -> tuple[str, str]:
    """The title in a document's front matter, and the document without that."""
    for pattern, load in ((_YAML_FRONT, _yaml), (_TOML_FRONT, _toml)):
        if match := pattern.match(text):
            data = load(match.group(1))
            if data is None:
                return "", text  # a rule and text: no front matter after all
            title = data.get("title")
            return (title.strip() if isinstance(title, str) else ""), text[match.end() :]
    return "", text


def _yaml(text: str) -> dict[str, Any] | None:
    try:
        value = load_yaml(text, "front matter").value if text.strip() else {}
    except KnowledgeBaseError:
        # Templates stand in front matter too; what looks like keys is no text.
        keys = re.findall(r"^([\w-]+):[ \t]*(.*)$", text, re.M)
        return dict(keys) if keys else None
    return value if isinstance(value, dict) else None


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _anchored(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with the anchors that headings name: `## Heading {#anchor}`."""
    found = []
    for block in blocks:
        if block.kind is BlockKind.HEADING and (named := _NAMED_ANCHOR.search(block.text)):
            anchor = named["a"] or named["b"] or block.anchor
            text = block.text[: named.start()] or anchor
            block = Block(BlockKind.HEADING, text, block.level, anchor)
        found.append(block)
    return found


def _html(text: str) -> str:
    closed = set(re.findall(r"</([A-Za-z][\w.:-]*)\s*>", text))
    return str(_parser().render("\n".join(_plain(text.split("\n"))), {"closed": closed}))


def _plain(lines: Sequence[str]) -> Iterator[str]:
    """Lines of the dialects as CommonMark."""
    waiting = deque(_outdented(lines))
    fence = ""
    while waiting:
        line = waiting.popleft()
        if found := _FENCE.fullmatch(line):
            mark, info = found["fence"], found["info"].strip()
            if not fence:
                fence = mark
            elif mark[0] == fence[0] and len(mark) >= len(fence) and not info:
                fence = ""
            yield line
        elif fence or line.startswith(("    ", "\t")):
            yield line
        elif (found := _CONTAINER.fullmatch(line)) and found["what"].strip():
            waiting.extendleft(reversed(_contained(found, waiting)))
        elif found := _AUTODOC.fullmatch(line):
            while waiting and waiting[0].strip():
                waiting.popleft()
            yield from ("", f"`{found[1]}`", "")
        elif _DIRECTIVE.fullmatch(line) or _IMPORT.fullmatch(line):
            yield ""
        elif (found := _COLON_FENCE.fullmatch(line)) is not None:
            yield from ("", _title_of(found), "")
        else:
            line = _DUNDER.sub(lambda m: m[0] if m[1] else f"\\_\\_{m[2]}\\_\\_", line)
            line = _ALERT.sub(lambda m: f"{m[1]}{m[2].capitalize()}: ", line)
            # A definition such as `[^1]: word` would be taken for that of a link.
            line = _FOOTNOTE.sub(r"\1\\[^\2]:", line)
            yield line if line.lstrip().startswith("#") else _ATTRIBUTES.sub("", line)


def _outdented(lines: Sequence[str]) -> list[str]:
    """Lines as they are, those within a component without the indent that all of them have."""
    found: list[str] = []
    n = 0
    while n < len(lines):
        found.append(lines[n])
        opened = _COMPONENT.fullmatch(lines[n])
        n += 1
        if opened is None:
            continue
        closing = f"</{opened['name']}>"
        end = next((i for i in range(n, len(lines)) if lines[i].strip() == closing), n)
        if end > n:
            found += ["", *dedent("\n".join(lines[n:end])).split("\n"), ""]
        n = end
    return found


def _contained(found: re.Match[str], waiting: deque[str]) -> list[str]:
    """An indented container as its title and the lines in it, which it takes from `waiting`."""
    indent = len(found["indent"]) + 4
    inside = []
    while waiting and (not waiting[0].strip() or waiting[0].startswith(" " * indent)):
        inside.append(waiting.popleft()[indent:])
    quoted = re.search(r"[\"“](.+)[\"”]", found["what"])
    title = quoted[1] if quoted else found["what"].split()[0].capitalize()
    return ["", f"**{title}**", "", *inside, ""]


def _title_of(found: re.Match[str]) -> str:
    title = (found["label"] or found["title"] or "").strip()
    name = found["role"] or found["kind"]
    if found["role"]:
        title = f"{found['kind']}{found['title']}".strip()
    return title or name.capitalize()


@cache
def _parser() -> MarkdownIt:
    """The parser. What it makes of a document is HTML of known tags; the rest is text."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.texmath import texmath_plugin

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(texmath_plugin, delimiters="brackets")
    parser.use(dollarmath_plugin, allow_digits=False, allow_space=False, double_inline=True)
    parser.use(amsmath_plugin)
    rules: dict[str, Any] = parser.renderer.rules  # type: ignore[attr-defined]
    rules["html_inline"] = rules["html_block"] = _render_markup
    rules["fence"] = _render_fence
    rules["math_inline"] = _inline_formula
    for name in ("math_block", "math_block_label", "math_block_eqno", "math_inline_double"):
        rules[name] = _block_formula
    rules["amsmath"] = lambda tokens, n, *_: _formula(tokens[n].content)
    return parser


def _render_markup(tokens: Sequence[Token], n: int, _options: object, env: Any) -> str:  # noqa: ANN401
    return markup(tokens[n].content, env.get("closed", ()))


def _render_fence(tokens: Sequence[Token], n: int, _options: object, env: Any) -> str:  # noqa: ANN401
    token = tokens[n]
    info = token.info.strip()
    directive = re.match(r"\{([\w:-]+)\}\s*(.*)", info)
    if directive is None:
        return _code(token.content, re.split(r"[\s{,:]", info)[0] if info else "")
    name, argument = directive.groups()
    content = re.sub(r"\A(?::[\w-]+:.*\n)+", "", token.content)
    if name in _CODE_DIRECTIVES or name.startswith(("python", "r")) or not content.strip():
        return _code(content, argument or name) if content.strip() else ""
    if name == "math":
        return _formula(f"$$\n{content.strip()}\n$$")
    title = argument or name.capitalize()
    return f"<div><p>{escape(title)}</p>{_parser().render(content, env)}</div>"


def _code(content: str, language: str) -> str:
    language = re.sub(r"[^\w+#.-]", "", language)
    classed = f' class="language-{language}"' if language else ""
    # The parser of HTML drops a line break right after <pre>.
    return f"<pre><code{classed}>\n{escape(content, quote=False)}</code></pre>\n"


def _formula(text: str) -> str:
    return f'<pre data-kind="formula">\n{escape(text.strip(), quote=False)}</pre>\n'


def _inline_formula(tokens: Sequence[Token], n: int, *_: object) -> str:
    return f"<tex>${escape(tokens[n].content, quote=False)}$</tex>"


def _block_formula(tokens: Sequence[Token], n: int, *_: object) -> str:
    return _formula(f"$$\n{tokens[n].content.strip()}\n$$")
