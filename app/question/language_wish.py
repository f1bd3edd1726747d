"""The wish for an answer in a language: "auf Deutsch", "translate that to Italian".

How each language words it is data, in the files that `app.question.language` reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.question.language import (
    ENGLISH,
    Language,
    Row,
    Word,
    language_of,
    languages,
    row_of_words,
    words_of,
)  # fmt: skip

__all__ = ["language_named", "names_a_language", "wished_language"]

_SHORT_SUBJECT = 3  # "what is LoRA in German" asks for German; longer ones may be about it
_LONGEST_WISH = 5  # words
_BREAK = re.compile(r"[.,;:!?…()\n。，；：！？、—–]")
_EDGE = " \t\n,;:-–—，；：、。"


def wished_language(text: str) -> tuple[str, str]:
    """Find the wish for an answer in a language: "auf Deutsch", "translate that to Italian".

    A language that is only spoken of ("text in German takes more tokens") is no wish: its name
    must make up a clause, or the message, with words that are said to ask for a language, or end
    a message that begins with such a word.

    Returns:
        The ISO 639-1 code of the language, which need not be one that Citewise knows, empty
        where none is wished for; and what is left of the message, empty if it was all.
    """
    plain = words_of(text)
    for known in languages().values():
        words = known.read(text) if known.respell else plain
        for start, end, code in _namings(words, known):
            span = _wish(text, words, start, end, known)
            if span:
                return code, _cut(text, words[span[0]].start, words[span[1] - 1].end)
    return "", text


def names_a_language(text: str) -> bool:
    """Tell whether an English text speaks of a language by its name."""
    return language_named(text) != ""


def language_named(text: str) -> str:
    """Return the code of the first language that an English text names; "" where it names none."""
    return next((code for *_, code in _namings(words_of(text), languages()[ENGLISH])), "")


def _namings(words: Sequence[Word], known: Language) -> Iterator[tuple[int, int, str]]:
    """Find where a text names a language: from which word to which, and its code."""
    row = row_of_words(words)
    lengths = sorted({len(name) for name in known.named}, reverse=True)
    for start in range(len(row)):
        for length in lengths:
            name = row[start : start + length]
            if name in known.named:
                yield start, start + len(name), known.named[name]
                break


def _wish(
    text: str, words: Sequence[Word], start: int, end: int, known: Language
) -> tuple[int, int] | None:
    """Return the words that ask for the language named from `start` to `end`, if any do."""
    row, wishes = row_of_words(words), known.wishes
    please = wishes.get("please", frozenset())
    named = _back(row, start, wishes["before"])
    verb = _back(row, named, wishes["verbs"])
    first = _back(row, verb, please, 3)
    after = _on(row, end, wishes.get("after", frozenset()))
    last = _on(row, after, please, 2)
    if first == 0 and last == len(row):
        return first, last
    if named == start:
        return None
    opened = first == 0 or _breaks(text, words, first)
    if opened and (verb < named or last > end):
        return first, last
    if opened and first == 0 and ":" in text[words[last - 1].end : words[last].start]:
        return first, last
    if last < len(row):
        return None
    begins = _on(row, 0, please, 3)
    asks = _on(row, 0, wishes.get("asks", frozenset()))
    if (
        opened
        or begins < _on(row, begins, wishes["verbs"])
        or 0 < asks < named <= asks + _SHORT_SUBJECT
        or (row[named] not in languages()[ENGLISH].function_words and language_of(text) == ENGLISH)
    ):
        return named, last
    return None


def _back(row: Row, end: int, phrases: frozenset[Row], times: int = 1) -> int:
    """Return where the longest of the phrases that end at a word begins; there if none does."""
    for _ in range(times):
        starts = range(max(0, end - _LONGEST_WISH), end)
        end = next((start for start in starts if row[start:end] in phrases), end)
    return end


def _on(row: Row, start: int, phrases: frozenset[Row], times: int = 1) -> int:
    """Return where the longest of the phrases that begin at a word ends; there if none does."""
    for _ in range(times):
        ends = range(min(len(row), start + _LONGEST_WISH), start, -1)
        start = next((end for end in ends if row[start:end] in phrases), start)
    return start


def _breaks(text: str, words: Sequence[Word], at: int) -> bool:
    """Tell whether a clause ends before a word."""
    return bool(_BREAK.search(text, words[at - 1].end, words[at].start))


def _cut(text: str, start: int, end: int) -> str:
    """Return a text without a part, and without what joined it to the rest."""
    left, right = text[:start].rstrip(_EDGE), text[end:].strip()
    if left[-1:] + right[:1] in ("()", "（）"):
        left, right = left[:-1].rstrip(_EDGE), right[1:].strip()
    if words_of(right):
        return f"{left} {right.lstrip(_EDGE + '.!?？！')}".strip()
    if not words_of(left):
        return ""
    return left if left[-1] in ".!?？！。" else left + right.lstrip(_EDGE)
