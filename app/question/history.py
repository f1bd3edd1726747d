"""A follow-up is made to stand alone, only when it needs to be.

Without a capable model, what the follow-up leaves out is taken from the user's own earlier
questions: the subject carries over, and retrieval asks for both forms and keeps the better.
History is data: it is searched with, never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.record.types import Message
from index.text.tokens import content_words

__all__ = ["Standalone", "needs_history", "standalone"]

_POINTING = re.compile(
    r"\b(?:it|its|it's|they|them|their|theirs|that|this|these|those|he|she|his|her|him|one|ones|"
    r"former|latter|same|both|either|neither|there|then|such|above|previous|other|others|another|"
    r"again|else|instead|too|also)\b",
    re.IGNORECASE,
)
_CONTINUING = re.compile(
    r"^\s*(?:and|but|so|or|then|also|ok(?:ay)?|what about|how about|what if|why\b(?!.{25})|"
    r"how come|really|which (?:one|of)|more|any|in what|compared|versus|vs|is that|are they|"
    r"does that|for (?:the|a)\b)",
    re.IGNORECASE,
)
_LONGEST_CARRIED = 400
_CARRIED_TURNS = 3


@dataclass(frozen=True, slots=True)
class Standalone:
    """The question to answer, and other forms of it to search with as well."""

    query: str
    also: tuple[str, ...] = ()
    rewritten: bool = False


def standalone(
    question: str, history: Sequence[Message], weigh: Callable[[str], float]
) -> Standalone:
    """Complete a question from the user's earlier ones, where it leans on them.

    Args:
        question: what was asked last.
        history: the turns before it, oldest first.
        weigh: how telling a word is (its inverse document frequency).
    """
    earlier = [message.content for message in history if message.role == "user"]
    if not earlier:
        return Standalone(question)
    subject = " ".join(turn[:_LONGEST_CARRIED].strip() for turn in earlier[-_CARRIED_TURNS:])
    carried = f"{subject} {question.strip()}"
    if needs_history(question, weigh):
        return Standalone(carried, (question,), rewritten=True)
    # It seems to stand alone; retrieval asks for the other form as well, in case it does not.
    return Standalone(question, (carried,))


def needs_history(question: str, weigh: Callable[[str], float]) -> bool:
    """Tell whether a question leans on what was said before it.

    It does when it begins as a continuation, when it points back and names little itself, or
    when it says too little to stand alone.
    """
    telling = [word for word in dict.fromkeys(content_words(question)) if weigh(word) > 2.0]
    if _CONTINUING.search(question) and len(telling) <= 4:
        return True
    if _POINTING.search(question) and len(telling) <= 3:
        return True
    return len(telling) <= 1
