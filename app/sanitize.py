"""A model's text is data: what could act on a page or a client is taken out of it.

Images, raw HTML, links (the answer's own sources are linked by citation), reference
definitions and invisible characters go; the words that a reader sees stay.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["neutralize", "strip_invisible"]

_IMAGE = re.compile(r"!\[([^\]\n]*)\]\s*(?:\([^)\n]*\)|\[[^\]\n]*\])")
_LINK = re.compile(r"\[([^\]\n]*)\]\s*\([^)\n]*\)")
_REFERENCE = re.compile(r"^[ \t]*\[[^\]\n]+\]:[^\n]*$", re.MULTILINE)
_TAG = re.compile(r"</?[A-Za-z][^>\n]*>|<!--.*?(?:-->|$)|<![A-Za-z][^>\n]*>", re.DOTALL)
_AUTOLINK = re.compile(r"<?\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"')\]]+>?", re.IGNORECASE)
_SCHEME = re.compile(r"\b(?:javascript|vbscript|data|file)\s*:(?=\S)[^\s)\]]*", re.IGNORECASE)
_KEPT_CONTROLS = "\n\t"


def strip_invisible(text: str) -> str:
    """Remove what no reader sees: controls, zero-width, bidirectional and tag characters."""
    return "".join(
        character
        for character in text
        if character in _KEPT_CONTROLS
        or unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs", "Cn")
    )


def neutralize(text: str) -> str:
    """Return the text with nothing in it that a page or client would act on.

    Applied until nothing changes, so that what removal joins together is seen too.
    """
    previous = None
    text = strip_invisible(text)
    while text != previous:
        previous = text
        text = _IMAGE.sub(r"\1", text)
        text = _LINK.sub(r"\1", text)
        text = _REFERENCE.sub("", text)
        text = _TAG.sub("", text)
        text = _AUTOLINK.sub("", text)
        text = _SCHEME.sub("", text)
    return text
