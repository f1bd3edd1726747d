"""Misspelled and shortened words of a question, put as the knowledge base writes them.

A word is taken for misspelled where neither the index knows it nor the encoder's vocabulary has
it as a whole, and for the commonest word of the index that is one slip away (a letter left out,
added, changed, or two that changed places: Damerau 1964), of long words two. Names are left alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path

from app.question.subjects import Subjects

__all__ = ["meant_by", "spelled", "written_out"]

_SHORT = Path(__file__).with_name("written_as.toml")

_WORD = re.compile(r"(?<![\w.$@/\\'-])[a-z]{4,20}(?!\w)(?![/\\@(='-]|\.\w)")
_SEEN = 3
_SEEN_OFTEN = 10
_LONG = 9


def spelled(
    text: str, counts: Callable[[], Mapping[str, int]], is_word: Callable[[str], bool]
) -> str:
    """Return a text with its misspelled words put right; the text itself where there are none.

    Args:
        text: a question in English.
        counts: how often the index has each word, in lower case; asked where a word is none.
        is_word: whether a word is one, as far as that is known without counting.
    """

    def mend(match: re.Match[str]) -> str:
        word = match.group()
        if is_word(word) or (seen := counts()).get(word, 0) > 1:
            return word
        near = _near(word, seen)
        return max(near, key=lambda one: (_likely(word, one), seen[one], one), default=word)

    return _WORD.sub(mend, text)


def meant_by(word: str, words: Collection[str]) -> str:
    """Return the one of some words that a word is short of one letter, or with two turned round.

    Other slips are left: they make one word of another too easily ("content" of "context").

    >>> meant_by("cahce", ["cache", "context"]), meant_by("content", ["cache", "context"])
    ('cache', 'content')
    """
    if word in words:
        return word
    near = (one for one in words if abs(len(one) - len(word)) <= 1 and one[0] == word[0])
    return next((one for one in near if _likely(word, one) and _slips(word, one, 1) == 1), word)


def written_out(text: str, subjects: Subjects) -> str:
    """Return a text with its shortened words written out, as in written_as.toml.

    Args:
        text: a question in English.
        subjects: the index's terms; a word that is part of a longer one stays.
    """
    if subjects.defined_by(text) or subjects.explained_by(text):
        return text
    for short, long, known in _shortened():
        if known and not subjects.explained_by(f"What is a {known}?"):
            continue
        for match in reversed(list(short.finditer(text))):
            inside = any(
                one.start <= match.start()
                and match.end() <= one.end
                and one.end - one.start > len(match.group())
                for one in subjects.find(text)
            )
            if not inside:
                put = long.format(s=match["s"])
                text = f"{text[: match.start()]}{put}{text[match.end() :]}"
    return text


@cache
def _shortened() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    rows = tomllib.loads(_SHORT.read_text(encoding="utf-8"))["word"]
    return tuple((re.compile(row["short"]), row["long"], row.get("known", "")) for row in rows)


def _near(word: str, counts: Mapping[str, int]) -> list[str]:
    """Return the words of the index that are fewest slips away.

    The first letter is hardly ever the wrong one, but may have changed places with the second.
    """
    most = 2 if len(word) >= _LONG else 1
    letters = set(word)
    near: dict[int, list[str]] = {1: [], 2: []}
    for one, count in counts.items():
        alike = one[0] == word[0] or one[:2] == word[1::-1]
        if alike and abs(len(one) - len(word)) <= most and len(letters ^ set(one)) <= 2 * most:
            slips = _slips(word, one, most)
            if slips <= most and count >= (_SEEN if slips == 1 else _SEEN_OFTEN):
                near[slips].append(one)
    return near[1] or near[2]


def _slips(typed: str, meant: str, most: int) -> int:
    """Count the slips between two different words; more than `most` are not told apart.

    Optimal string alignment: no letter is changed twice.
    """
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(typed, start=1):
        last, row = row, [i]
        for j, other in enumerate(meant, start=1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            turned = i > 1 and j > 1 and letter == meant[j - 2] and typed[i - 2] == other
            row.append(min(best, before[j - 2] + 1) if turned else best)
        if min(row) > most:
            return most + 1
        before = last
    return row[-1]


def _likely(word: str, meant: str) -> bool:
    """Tell whether all that was typed is meant: letters are left out or turned round."""
    letters = iter(meant)
    return sorted(word) == sorted(meant) or all(letter in letters for letter in word)
