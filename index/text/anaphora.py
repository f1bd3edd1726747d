"""Sentences that do not stand alone: what they mean was said just before them."""

from __future__ import annotations

import re

__all__ = ["carries_on", "concludes", "leans"]

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
_CARRYING_ON = re.compile(
    r"(?:or|and|but|also|then|next|finally|otherwise|instead|however|alternatively|additionally|"
    r"in addition|furthermore|moreover|besides|similarly|likewise|conversely|in contrast|"
    r"note that)\b,?",
    re.IGNORECASE,
)


def leans(sentence: str) -> bool:
    """Tell whether a sentence begins by pointing at another one."""
    return _LEANING.match(sentence) is not None


def concludes(sentence: str) -> bool:
    """Tell whether a sentence draws a conclusion from the one before it."""
    return _CONCLUDING.match(sentence) is not None


def carries_on(sentence: str) -> bool:
    """Tell whether a sentence goes on from the one before it, by its first word."""
    return _CARRYING_ON.match(sentence) is not None
