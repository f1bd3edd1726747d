"""A sentence that all but quotes the evidence, and what was altered in it.

Where a sentence follows the evidence word for word and departs from it in place, the departure
is the claim: another name, another number, the opposite word, a word that the evidence uses of
something else, or a negation put in or left out. Words are aligned by longest matching blocks
(Ratcliff and Obershelp 1988, as in difflib).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from index.text.quantities import agree, quantities
from index.text.tokens import content_words

__all__ = ["Alteration", "alterations", "contradicts"]

_TOKEN = re.compile(r"n't|[^\W\d_]+|\d+(?:[.,]\d+)*[A-Za-z]*|[^\w\s]")
_NEAR = 0.7
_MOST_REPLACED = 3
# What is said of all is not said of some: a word of one row never stands for one of another.
_QUANTIFIERS = tuple(
    frozenset(row.split())
    for row in (
        "all every each always any both whole entire",
        "most mostly usually often typically generally nearly almost",
        "some sometimes several occasionally partly",
        "few rarely seldom hardly little",
        "no none never neither nor not",
        "only solely exclusively",
    )
)
_FLANK = 2
_SIGNS = frozenset("+-×÷/*=<>≤≥±≈≠")


@dataclass(frozen=True, slots=True)
class Alteration:
    """Words of the sentence that stand in the place of words of the evidence; one may be none.

    `opening` says that they open the sentence, where any word has a capital.
    """

    said: tuple[str, ...]
    original: tuple[str, ...]
    opening: bool = False


def alterations(sentence: str, evidence: str) -> Iterator[Alteration]:
    """Yield what a near quote puts in place of the evidence's words; nothing for other sentences.

    Args:
        sentence: what is claimed.
        evidence: the run of sentences that comes closest to it.
    """
    ours, theirs = _tokens(sentence), _tokens(evidence)
    folded, others = [t.lower() for t in ours], [t.lower() for t in theirs]
    blocks = SequenceMatcher(None, others, folded, autojunk=False)
    words = sum(token[0].isalnum() for token in folded)
    matched = sum(
        token[0].isalnum()
        for block in blocks.get_matching_blocks()
        for token in folded[block.b : block.b + block.size]
    )
    if not words or matched < _NEAR * words:
        return
    codes = blocks.get_opcodes()
    for position, (tag, i, j, k, m) in enumerate(codes):
        if tag == "equal" or max(j - i, m - k) > _MOST_REPLACED:
            continue
        if _flanked(codes, position):
            yield Alteration(ours[k:m], theirs[i:j], opening=k == 0)


def _flanked(codes: Sequence[tuple[str, int, int, int, int]], position: int) -> bool:
    """Tell whether enough words on both sides match, or all that the sentence has there."""
    first, last = codes[0][3], codes[-1][4]
    before = codes[position - 1] if position else None
    after = codes[position + 1] if position + 1 < len(codes) else None
    _, _, _, start, end = codes[position]
    left = before is not None and before[4] - before[3] >= min(_FLANK, start - first)
    right = after is not None and after[4] - after[3] >= min(_FLANK, last - end)
    return (left or start == first) and (right or end == last)


@lru_cache(maxsize=512)
def _tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text.replace("n't", " n't")))


def contradicts(
    found: Alteration,
    passage: frozenset[str],
    negators: frozenset[str],
    opposed: Callable[[str, str], bool],
) -> str:
    """Say what an alteration turned into what, or "" where nothing is wrong with it.

    Args:
        found: the alteration.
        passage: stems of the whole passage.
        negators: words that deny.
        opposed: whether two lower-case words are opposites.
    """
    said, original = (tuple(w.lower() for w in side) for side in (found.said, found.original))
    denials = [any(word in negators for word in side) for side in (said, original)]
    wrong = (
        denials[0] != denials[1]
        or any(opposed(ours, theirs) for ours in said for theirs in original)
        or _requantified(said, original)
        or _other_number(found.said, found.original)
        or _other_sign(found.said, found.original)
        or _other_name(found)
        or _other_word(said, original, passage)
    )
    if not wrong:
        return ""
    ours, theirs = " ".join(found.said) or "nothing", " ".join(found.original) or "nothing"
    return f"{ours!r} where the evidence says {theirs!r}"


def _other_number(said: Sequence[str], original: Sequence[str]) -> bool:
    ours, theirs = quantities(" ".join(said)), quantities(" ".join(original))
    return bool(ours and theirs) and not any(agree(a, b) for a in ours for b in theirs)


def _other_sign(said: Sequence[str], original: Sequence[str]) -> bool:
    """Find another sign of arithmetic: a plus for a minus."""
    ours, theirs = ({word.replace("−", "-") for word in side} & _SIGNS for side in (said, original))
    return bool(ours and theirs) and not ours & theirs


def _other_name(found: Alteration) -> bool:
    ours, theirs = ({w for w in side if _is_name(w)} for side in (found.said, found.original))
    plain = all(word[1:].islower() for word in ours | theirs)
    if not ours or not theirs or (found.opening and plain):
        return False
    return not {word.lower() for word in ours} & {word.lower() for word in theirs}


def _other_word(said: Sequence[str], original: Sequence[str], passage: frozenset[str]) -> bool:
    """Find a word that the passage uses of something else: encoder for decoder, say."""
    if len(said) != len(original):
        return False
    pairs = ((content_words(a), content_words(b)) for a, b in zip(said, original, strict=True))
    return any(a and b and a != b and set(a) <= passage for a, b in pairs)


def _requantified(said: Sequence[str], original: Sequence[str]) -> bool:
    ours, theirs = (
        {i for i, row in enumerate(_QUANTIFIERS) if row & set(words)} for words in (said, original)
    )
    return bool(ours and theirs) and not ours & theirs


def _is_name(word: str) -> bool:
    return word[0].isalpha() and not word.islower() and bool(content_words(word))
