"""Who introduced something, and when.

That is the earliest work here that carries its name in its title. Of what no title names, a
sentence may tell: "A and B (2017) introduced it", "it was proposed by A and B (2017)".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from index.text.sentences import sentences
from index.text.tokens import content_words
from index.types import Passage, Source

__all__ = ["named_work", "told_origin"]

# Who is credited: "Holtzman et al. (2020)", "Attention Is All You Need (Vaswani et al., 2017)".
_CREDIT = r"\b[A-Z][\w'’-]+(?: et al\.?| (?:and|&) [A-Z][\w'’-]+)?[^.;:]{0,20}\b(?:19|20)\d\d\)?"
_VERB = re.compile(r"\b(?:introduced|proposed|invented|first described)\b")
_CREDITED = re.compile(rf"{_CREDIT},? (?:who )?(?:first )?$")
_BY = re.compile(rf"\s+by {_CREDIT}")
# What is credited right after its name, as "LoRA (Hu et al., 2021)".
_BESIDE = re.compile(
    r"(?P<name>\S+) \([A-Z][\w'’-]+(?: et al\.?| (?:and|&) [A-Z][\w'’-]+),? (?:19|20)\d\d"
)
_FAR = 80  # code points beside the verb
_NEAR = 2  # telling words beside the name's own

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


def told_origin(
    name: str, own: Sequence[Passage], others: Iterable[Passage]
) -> tuple[Passage, int, int] | None:
    """Find a sentence that says who introduced something, else one that credits it by its name.

    Args:
        name: what is asked about, as the question has it.
        own: the passages of its topics.
        others: where else somebody may be said to have introduced it.

    Returns:
        The passage, and the sentence's start and end in code points; None where none says it.
    """
    wanted = frozenset(content_words(name))
    if not wanted:
        return None
    told = (
        (passage, start, end)
        for passage in (*own, *others)
        if name.casefold() in passage.text.casefold() and _VERB.search(passage.text)
        for start, end in sentences(passage.text)
        if _tells_origin(passage.text[start:end], wanted)
    )
    credited = (
        (passage, start, end)
        for passage in own
        for start, end in sentences(passage.text)
        if _credits(passage.text[start:end], wanted)
    )
    return next(told, None) or next(credited, None)


def _tells_origin(sentence: str, wanted: frozenset[str]) -> bool:
    """Tell whether "X et al. (2017) introduced it" or "it was introduced by X" is said."""
    for verb in _VERB.finditer(sentence):
        before = sentence[max(0, verb.start() - _FAR) : verb.start()]
        after = sentence[verb.end() : verb.end() + _FAR]
        near: list[str] = []
        if _CREDITED.search(before):
            near = content_words(after)
        elif _BY.match(after):
            near = content_words(before)[::-1]
        if wanted <= set(near[: len(wanted) + _NEAR]):
            return True
    return False


def _credits(sentence: str, wanted: frozenset[str]) -> bool:
    """Tell whether a credit stands right after the name, which is written as one."""
    return any(
        wanted
        == set(
            content_words(sentence[max(0, of.end("name") - _FAR) : of.end("name")])[-len(wanted) :]
        )
        for of in _BESIDE.finditer(sentence)
        if not of["name"].islower()
    )


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
