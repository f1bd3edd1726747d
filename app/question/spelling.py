"""Misspelled words of a question, put as the knowledge base writes them.

A word is taken for misspelled where neither the index knows it nor the encoder's vocabulary has
it as a whole, and for the commonest word of the index that is one slip away (a letter left out,
added, changed, or two that changed places: Damerau 1964), of long words two. Names are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["spelled"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"(?<![\w.$@/\\'-])[a-z]{4,20}(?!\w)(?![/\\@(='-]|\.\w)")
_SEEN = 3
_SEEN_OFTEN = 10
_LONG = 7


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
        near = _known(_near(word), word, seen, _SEEN)
        if not near and len(word) >= _LONG:
            further = (two for one in _near(word) for two in _near(one))
            near = _known(further, word, seen, _SEEN_OFTEN)
        return max(near, key=lambda one: (_likely(word, one), seen[one], one), default=word)

    return _WORD.sub(mend, text)


def _known(near: Iterable[str], word: str, counts: Mapping[str, int], least: int) -> frozenset[str]:
    """Keep what the index writes often enough; the first letter is hardly ever the wrong one."""
    first = {word[0], word[1]} if len(word) > 1 else {word[0]}
    kept = (one for one in near if counts.get(one, 0) >= least and one[:1] in first)
    return frozenset(one for one in kept if one[0] == word[0] or sorted(one) == sorted(word))


def _likely(word: str, meant: str) -> bool:
    """Tell whether all that was typed is meant: letters are left out or turned round."""
    letters = iter(meant)
    return sorted(word) == sorted(meant) or all(letter in letters for letter in word)


def _near(word: str) -> Iterator[str]:
    """Yield the words one slip away."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in _LETTERS:
            yield before + letter + after
            if after:
                yield before + letter + after[1:]
