"""A reply ("No, …", "Because …") answers the question that it was given to, and no other.

An answer that begins with one is shown under a question that asks the same; under any other the
question that it belongs to is said before it, so that no "No" comes to deny something else, and
no reason to explain something else.
"""

from __future__ import annotations

import re

from index.text.opposites import opposed
from index.text.tokens import content_words

__all__ = ["is_verdict", "of_another_question", "same_question"]

_VERDICT = re.compile(
    r"\s*(?:(?:yes|no|neither)\b(?!\.\s?\d|-)|(?:nothing|none|nobody)(?=[,:;])|because\b(?! of\b)|"
    r"not (?:\w+ly|quite|always|at all|alone|by itself|on its own|in general|yet)\b|"
    r"only (?:as|if|when|where|for|with|in|after|by|partly|on|the)\b|"
    r"[^.,:;!?]{1,90}?(?:\([^()]{1,60}\) )?(?:\w+ )?(?:yes|no)(?=[,:;])|"
    r"(?:sometimes|often|usually|mostly|mainly|rarely|seldom|hardly|partly|both)"
    r"(?=[,:;]| (?:not|yes|no|because)\b))",
    re.IGNORECASE,
)
_POLAR = re.compile(
    r"^\W*(?:(?:so|and|but|then|ok|okay|hi|hey)\b\W*)*"
    r"(?:is|are|am|was|were|do|does|did|can|could|will|would|should|has|have|had|may|might|must|need)"
    r"(?:n['’]t)?\b|\b(?:right|correct|true|yes or no)\s*\?\s*$",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\W*(?:how|why|what|which|who|whose|when|where)\b", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|never|no|without|cannot)\b|n['’]t\b", re.IGNORECASE)
_OF_THE_QUESTION = 0.75
_OF_THE_OTHER = 0.5


def is_verdict(sentence: str) -> bool:
    """Tell whether a sentence begins as a reply: by yes or no, how often, or why."""
    return _VERDICT.match(sentence) is not None


def same_question(question: str, other: str) -> bool:
    """Tell whether two questions ask the same, the same way round.

    Both or neither ask for a yes or no; they share most of their words, deny alike, and where
    they part hold no opposites.
    """
    if bool(_POLAR.search(question)) != bool(_POLAR.search(other)):
        return False
    if len(_DENIAL.findall(question)) % 2 != len(_DENIAL.findall(other)) % 2:
        return False
    ours, theirs = frozenset(content_words(question)), frozenset(content_words(other))
    shared = len(ours & theirs)
    if shared < _OF_THE_QUESTION * len(ours) or shared < _OF_THE_OTHER * len(theirs):
        return False
    mine, its = _plain(question), _plain(other)
    return not any(opposed(one, two) for one in mine - its for two in its - mine)


def of_another_question(question: str, heading: str, sentence: str) -> bool:
    """Tell whether a passage opens with a yes or no, where a question asks how, why or which."""
    decides = _POLAR.search(heading) is not None and is_verdict(sentence)
    return decides and _OPEN.match(question) is not None


def _plain(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.lower()))
