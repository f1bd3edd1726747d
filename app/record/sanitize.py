"""Text of models, passages and people is data: nothing of it acts on a page, client or model.

What a model wrote loses images, raw HTML, links (the answer's own sources are linked by
citation), addresses that a client would link by itself, control tokens and invisible characters.
The evidence's own words lose nothing: what would act is put into code, which shows it as it stands
(`verbatim`). Into the prompt goes text without control tokens or imitated delimiters.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from app.record.citations import read_markers
from index.text.sentences import MARKER, code_spans

__all__ = [
    "code_where_linked",
    "inert",
    "neutralize",
    "neutralize_code",
    "one_line",
    "plain_sentence",
    "plain_text",
    "strip_invisible",
    "verbatim",
    "verbatim_block",
    "visible",
    "web_address",
]

_INVISIBLE_CATEGORIES = ("Cc", "Cf", "Co", "Cs", "Cn")
# Unicode calls these letters, marks or symbols, but no reader sees them.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_BRACKETS = {"[": "［【〔〖〘〚⟦❲⦋⦍⦏⁅⟬｢⌈⌊⎡⎣", "]": "］】〕〗〙〛⟧❳⦌⦎⦐⁆⟭｣⌉⌋⎤⎦"}
_FOLDED = str.maketrans(
    {char: plain for plain, chars in _BRACKETS.items() for char in chars}
    | {"＜": "<", "＞": ">", "！": "!", "｜": "|", "\u2028": "\n", "\u2029": "\n", "\x85": "\n"}
)
_LOOKS_PLAIN = re.compile(r"[\n\t -~]*\Z")

_CONTROL = re.compile(
    r"<\|[^<>\n]{0,60}?\|?>|<\|+|\|+>|<</?\s*sys\s*>>|\[/?(?:INST|SYSTEM_PROMPT|TOOL_\w+|AVAILABLE_"
    r"TOOLS|B_SYS|E_SYS)\]|</?(?:s|start_of_turn|end_of_turn|think|tool_call|tool_response)>",
    re.IGNORECASE,
)
_IMITATED = re.compile(r"={4,}")

_IMAGE = re.compile(r"!(?=\[)")
_LINK = re.compile(r"\[([^\[\]\n]*)\]\([^)\n]*\)")
_MARKER_TEXT = re.compile(r"\s*\^?[\d\s,;–-]+")
_REFERENCE = re.compile(r"^[ \t>*+-]*\[[^\]\n]+\]:[^\n]*$", re.MULTILINE)
_EMPTIED = re.compile(r"(?<=\])\(\s*\)")
_JOINED = re.compile(r"(?<=\])(?=[(:])")
_TAG = re.compile(r"<!--.*?(?:-->|$)|</?[A-Za-z][^<>\n]*>|<[!?][^<>\n]*>", re.DOTALL)
_OPENED = re.compile(r"(?<![_{])<(?=[A-Za-z/!?])|<(?=[A-Za-z/!?][\w-]{2}|[/!?])|<(?=[A-Za-z]\s)")
_HANDLER = re.compile(r"(?<![a-z0-9])on[a-z]{3,20}\s*=\s*\S*", re.IGNORECASE)
_URL = re.compile(
    r"<?(?:[a-z][a-z0-9+.-]{1,15}:/{1,2}(?=\S)|www\.|(?<![:/])//(?=[^\s/<>]+\.\w))"
    r"[^\s<>\"')\]`]+>?",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"(?:(?:javascript|vbscript|livescript)\s*:(?=\s*\S)|(?:mailto|xmpp|sms|blob|tel):(?=\S)"
    r"|file:(?=/)|data:(?=[a-z]+/|[;,]))[^\s)\]`]*",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+;:&=$,-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
# An underscore may be Markdown's emphasis: a host begins after one and ends before one.
_HOST = r"(?<![^\W_])(?<![@./-])(?:[^\W_](?:[\w-]{0,62})\.)+"
_ADDRESS = re.compile(
    rf"{_HOST}[^\W\d_]{{2,24}}(?::\d+)?[/?#][^\s<>\"')\]`]*"
    rf"|{_HOST}(?:com|net|org|info|biz|edu|gov|mil|pro|web|xxx|aero|asia|coop|museum|name|shop|"
    r"io|app|dev|xyz|top|site|online|click|link|example|test|рф)(?![^\W_])(?::\d+)?"
    # Some clients take a sign or an emoji for a host's letter.
    r"|[^\W_]*[^\w\s\x00-\x7f\u2000-\u206f\u3000-\u303f][^\s.<>`]*\.(?:com|net|org|io|app|dev)(?![^\W_])",
    re.IGNORECASE,
)
_MAYBE_HOST = re.compile(rf"{_HOST}[a-z]{{2}}(?![^\W_])(?!\.\w)", re.IGNORECASE)
_TEX = re.compile(r"\\(?:href|url|includegraphics|html[A-Z]\w*)\b\*?")
_ENTITY = re.compile(r"&(?:#\w{1,8}|\w{1,32});")
# Emphasis and strikethrough: Markdown would eat the signs of `__init__`, `*.py` and `~~`.
_EMPHASIS = re.compile(
    r"\*+(?=\S)|(?<=\S)\*+|_{2,}|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)|~{2,}|\\(?=[^\w\s])"
)
# What opens a quotation, a heading or an item of a list: none of its signs would be shown.
_OPENING = re.compile(r"\s*(>+|(?:#{1,6}|[-+*]|\d{1,9}[.)])(?=\s|$))")
_BACKTICKS = re.compile(r"`+")
_FORMULA = re.compile(r"\$(?=\S)[^$\n]*\S\$(?![\w$])|\$[^\s$]\$(?![\w$])")
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
_WITHOUT_JOINERS = dict.fromkeys(map(ord, _JOINERS))
_ENDS = ".,;:!?…)]}\"'”’»"
_INDEX = re.compile(r"[\w.]*(?:\[\s*\d{1,4}\s*\])+")
_LOOKALIKE = re.compile(r"\[([^\[\]\n]{1,12})\]")
_ENCLOSED = re.compile("[\u2460-\u24ff\u2776-\u2793\u3220-\u3229\u3280-\u3289]")
_ACTIVE = (
    _CONTROL, _IMITATED, _IMAGE, _LINK, _REFERENCE, _TAG, _OPENED, _URL, _SCHEME, _MAIL, _ADDRESS,
    _MAYBE_HOST, _HANDLER, _TEX, _ENCLOSED, _ENTITY, _BACKTICKS,
)  # fmt: skip
_LANGUAGE = re.compile(r"```+[^\n`]*$", re.MULTILINE)
_PIPE = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:-]*-[\s|:-]*")
_TILDES = re.compile(r"~{3,}")


def strip_invisible(text: str) -> str:
    """Remove what no reader sees: controls, zero-width, bidirectional, tag, filler characters."""
    if _LOOKS_PLAIN.match(text):
        return text
    invisible = (char for char in set(text) if unicodedata.category(char) in _INVISIBLE_CATEGORIES)
    gone = dict.fromkeys(ord(char) for char in invisible if char not in "\n\t")
    return _UNSEEN.sub("", text.translate(gone) if gone else text)


def visible(text: str) -> str:
    """Remove invisible characters and fold look-alikes of brackets and line ends.

    Each character is judged alone, so that text cut anywhere gives the same.
    """
    if _LOOKS_PLAIN.match(text):
        return text
    return strip_invisible(text.translate(_FOLDED))


def code_where_linked(prose: str) -> str:
    """Put into code what a client may take for a host and link: fast.ai, setup.py."""
    return _MAYBE_HOST.sub(lambda found: f"`{found[0]}`", prose)


@lru_cache(maxsize=2048)
def inert(text: str) -> str:
    """Return the text as data for a prompt: no invisible characters, control tokens or fences."""
    previous, text = None, strip_invisible(text)
    while text != previous:
        previous, text = text, _CONTROL.sub("", text)
    return _IMITATED.sub("===", text)


def neutralize(text: str) -> str:
    """Return the text with nothing in it that a page or client would act on.

    Applied until nothing changes, so that what removal joins together is seen too.
    """
    previous = None
    while text != previous:
        previous = text
        text = visible(html.unescape(text))
        text = _CONTROL.sub("", text)
        text = _IMAGE.sub("", text)
        text = _LINK.sub(_link_text, text)
        text = _REFERENCE.sub("", text)
        for pattern in (_TAG, _URL, _SCHEME, _MAIL, _ADDRESS, _HANDLER, _TEX, _ENCLOSED, _EMPTIED):
            text = pattern.sub("", text)
        text = _TILDES.sub("~~", _IMITATED.sub("===", text))
    return _OPENED.sub("< ", _JOINED.sub(" ", text))


def plain_text(text: str) -> str:
    """Neutralize a text of no known form: hosts become code, and code has no language to run as."""
    return _outside_code(_LANGUAGE.sub("```", neutralize(text)), code_where_linked)


def neutralize_code(text: str) -> str:
    """Return a block's code without addresses, control tokens, fences and invisible characters.

    Its angle and square brackets stay: a fence shows them as they are.
    """
    previous, text = None, text
    while text != previous:
        previous, text = text, strip_invisible(text)
        for pattern in (_CONTROL, _URL, _SCHEME, _MAIL, _ADDRESS):
            text = pattern.sub("", text)
    return text.replace("```", "")


def plain_sentence(text: str, known: int = 0) -> tuple[str, list[int]]:
    """Return a sentence that is only words and code, and the numbers that it cites.

    Citation markers are read and taken out, those of unknown numbers and their look-alikes too;
    an index such as `x[1]` is put into code, so that no reader or client takes it for one.

    Args:
        text: the sentence as it was written.
        known: how many passages may be cited, numbered from 1.
    """
    words, cited = _words(text, known)
    return _outside_code(words, _only_words).strip(), cited


def verbatim(text: str) -> str:
    """Return the evidence's own words with nothing in them that acts: no word is lost or changed.

    What a client might take for a link, a tag, a citation, emphasis or a control token is put into
    code together with the word that it is part of, and so is what would open a block. Controls and
    fillers that nobody sees go; what joins letters or emoji stays.
    """
    text = _without_controls(text)
    shown = _in_code_where_active(text)
    # Should anything still act, all of it is shown as code.
    prose = [part.translate(_WITHOUT_JOINERS).translate(_FOLDED) for part in _prose_of(shown)]
    safe = all(_words(part)[0].split() == part.split() for part in prose)
    return shown if safe else _code(text)


def verbatim_code(code: str) -> str:
    """Return the evidence's own code in a fence that it can't close, without a language to run as.

    What nobody sees goes; in a fence nothing acts, and no word is lost or changed.
    """
    inside = _without_controls(code)
    longest = max((len(run) for run in re.findall("`{3,}", inside)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{inside}\n{fence}"


def verbatim_block(text: str) -> str:
    """Return code or a table of the evidence as it is shown, empty for a sentence.

    The language of code goes: some clients run what is marked as HTML, SVG or a diagram.
    """
    lines = text.split("\n")
    if len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip("`") == "":
        return verbatim_code("\n".join(lines[1:-1]))
    if len(lines) > 1 and all(line.startswith("|") for line in lines):
        rows = [_PIPE.split(line.rstrip().removesuffix("|")) for line in lines]
        # What a row has more than the table's head would not be shown.
        even = _RULE.fullmatch(lines[1]) and max(map(len, rows)) == len(rows[0]) == len(rows[1])
        return "\n".join(map(_row, lines)) if even else verbatim_code(text)
    return ""


def _row(line: str) -> str:
    """Return a table's row with nothing in its cells that acts."""
    if _RULE.fullmatch(line):
        return line
    cells = (cell.strip() for cell in _PIPE.split(line))
    # A lone dash stands for nothing in a cell; it opens no list there.
    return "|".join(f" {verbatim(cell)} " if cell.strip("-") else cell for cell in cells)


def one_line(text: str) -> str:
    """Return a title or heading on one line, its words as they are: data, not Markdown."""
    return " ".join(_without_controls(text).split())


def _without_controls(text: str) -> str:
    """Remove what no reader sees, save what joins letters and emoji."""
    if _LOOKS_PLAIN.match(text):
        return text
    kept = [char if char in _JOINERS else strip_invisible(char) for char in text]
    return "".join(kept)


def _in_code_where_active(text: str) -> str:
    folded = text.translate(_FOLDED)
    for start, end in code_spans(folded):  # it is a word of its own, or part of one
        folded = f"{folded[:start]}{'x' * (end - start)}{folded[end:]}"
    formulas = [found.span() for found in _FORMULA.finditer(folded)]
    opening = _OPENING.match(folded)
    spans = [_whole_word(folded, *opening.span(1))] if opening else []
    for pattern in _ACTIVE:
        for found in pattern.finditer(folded):
            spans.append(_whole_word(folded, *found.span()))
    for pattern in (_EMPHASIS, _INDEX, MARKER, _LOOKALIKE):
        for found in pattern.finditer(folded):
            if not any(start <= found.start() < end for start, end in formulas):
                spans.append(_whole_word(folded, *found.span()))
    parts, position = [], 0
    for start, end in _merged(spans):
        parts += [text[position:start], _code(text[start:end])]
        position = end
    return "".join([*parts, text[position:]])


def _whole_word(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a place to the words that it touches, without the punctuation that closes them."""
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    stop = end
    while stop < len(text) and not text[stop].isspace():
        stop += 1
    while stop > start + 1 and text[stop - 1] in _ENDS and not _closes(text[start:stop]):
        stop -= 1
    return start, stop


def _closes(word: str) -> bool:
    """Tell whether a word ends by closing a bracket that it opened itself."""
    opening = {")": "(", "]": "[", "}": "{"}.get(word[-1])
    return opening is not None and word.count(opening) >= word.count(word[-1])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _code(text: str) -> str:
    """Put a text into a code span whose fence is longer than any in it (CommonMark 6.1)."""
    fence = "`" * (max(map(len, _BACKTICKS.findall(text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def _prose_of(text: str) -> list[str]:
    parts, position = [], 0
    for start, end in [*code_spans(text), (len(text), len(text))]:
        parts.append(text[position:start])
        position = end
    return parts


def web_address(url: str) -> str | None:
    """Return the address if it is a plain http(s) one with a host, else None."""
    if any(char.isspace() or ord(char) < 32 or char in '<>"`\\' for char in url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and host else None


def _words(text: str, known: int = 0) -> tuple[str, list[int]]:
    cited: list[int] = []
    previous = None
    while text != previous:
        previous = text
        text, found, _unknown = read_markers(neutralize(text), known)
        cited += found
        text = _LOOKALIKE.sub(_not_a_marker, text)
    return text, list(dict.fromkeys(cited))


def _link_text(found: re.Match[str]) -> str:
    return f"[{found[1]}]" if _MARKER_TEXT.fullmatch(found[1]) else found[1]


def _not_a_marker(found: re.Match[str]) -> str:
    """Remove what reads as a number in brackets, however its digits are drawn."""
    drawn = unicodedata.normalize("NFKD", found[1])
    bare = "".join(char for char in drawn if not unicodedata.category(char).startswith("M")).strip(
        " ^"
    )
    looks = bare != found[1].strip(" ^") or bare in ("l", "I", "O", "|")
    return "" if looks and re.fullmatch(r"[\dlIO|,\s⁄-]+", bare) else found[0]


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    parts, position = [], 0
    for start, end in [*code_spans(text), (len(text), len(text))]:
        parts += [change(text[position:start]), text[start:end]]
        position = end
    return "".join(parts)


def _only_words(prose: str) -> str:
    """Put into code what would be read as a citation or a host; stray backticks go."""
    indexed = _INDEX.sub(lambda found: f"`{found[0]}`", prose.replace("`", ""))
    return code_where_linked(indexed)
