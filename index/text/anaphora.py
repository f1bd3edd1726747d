"""Sentences that do not stand alone: what they mean was said just before them."""

from __future__ import annotations

import re

__all__ = ["concludes", "leans"]

_LEANING = re.compile(
    r"(?:it|its|they|their|them|this|that|these|those|such|both|he|she|his|her|here|there|the "
    r"(?:former|latter|same|other|others))\b",
    re.IGNORECASE,
)
_CONCLUDING = re.compile(
    r"(?:so|thus|hence|therefore|consequently|accordingly|as a (?:result|consequence)|"
    r"in (?:this|that) (?:case|way)|for (?:this|that) reason|because of (?:this|that))\b",
    re.IGNORECASE,
)


def leans(sentence: str) -> bool:
    """Tell whether a sentence begins by pointing at another one."""
    return _LEANING.match(sentence) is not None


def concludes(sentence: str) -> bool:
    """Tell whether a sentence draws a conclusion from the one before it."""
    return _CONCLUDING.match(sentence) is not None
