"""Who introduced something, and when: the earliest work here that carries its name in its title.

It says no more than that: of what no title names, the passages themselves have to tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from index.text.tokens import content_words
from index.types import Source

__all__ = ["named_work"]

_WORDS = re.compile(r"[A-Za-z]+")
_SMALL = frozenset("of and the for in with by a an to".split())


def named_work(name: str, terms: Iterable[str], sources: Sequence[Source]) -> Source | None:
    """Find the earliest dated source whose title names something; None where that may mislead.

    A work that came after the one that is listed first, a replication or a manual, introduced
    nothing.

    Args:
        name: what is asked about, as the question has it.
        terms: other names of the same subjects; those that `name` stands for count too.
        sources: where to look.
    """
    alike = [name, *(term for term in terms if _stands_for(name, term) or _stands_for(term, name))]
    named = [
        one for one in sources if one.year and any(_names(_title(one), each) for each in alike)
    ]
    found = min(named, key=lambda one: one.year or 0, default=None)
    first = sources[0] if sources else None
    if found is None or first is None or found is first:
        return found
    return None if (first.year or 0) <= (found.year or 0) else found


def _title(source: Source) -> str:
    """The work's title of "Who (year) — Title. Where"."""
    return source.label.partition(" — ")[2] or source.label


def _names(title: str, name: str) -> bool:
    words = content_words(name)
    return bool(words) and set(words) <= set(content_words(title))


def _stands_for(short: str, long: str) -> bool:
    """Tell whether a name is made of another's first letters: RoPE, rotary position embedding."""
    capitals = [letter.lower() for letter in short if letter.isupper()]
    initials = [word[0].lower() for word in _WORDS.findall(long) if word.lower() not in _SMALL]
    return len(capitals) > 1 and capitals == initials
