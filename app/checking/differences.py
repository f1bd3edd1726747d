"""Where a statement departs from what a passage says: figures, names, opposites, denials, words.

A departure is a place in the statement beside the place in the passage that says otherwise. What
is found speaks of a contradiction only where the two are about the same; `app.checking.weighing`
weighs that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from app.record.checked import Difference, DifferenceKind
from app.record.evidence import Evidence
from app.verifying.objections import denied_words, lean
from index.text.names import names_in
from index.text.opposites import CONTRARIES, OPPOSITES
from index.text.quantities import Quantity, agree, quantities
from index.text.tokens import content_words

__all__ = ["Compared", "differences"]

_WORD = re.compile(r"\d+(?:[.,]\d+)*[A-Za-z]*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NEGATOR = re.compile(
    r"\b(?:not|never|neither|nor|cannot|no|none|without|hardly|barely)\b|n['’]t\b", re.IGNORECASE
)
_WINDOW = 6  # words on each side of a place
_MOST_REPLACED = 3
_NEAR_QUOTE = 0.6
_FLANK = 2
_TURNED = 0.45  # how much nearer a word stands to its opposite's place than to its own
_DENIED = 2  # words that a denial must reach
# "More than 25%" bounds a figure; it is no direction.
_BOUND = re.compile(
    r"\b(?:more|less|fewer|greater|larger|higher|lower|smaller)\s+than(?=\s+(?:an?\s|about\s|\d|half|"
    r"two|three|four|five|ten))|\b(?:above|below|over|under)(?=\s+\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a statement and a span of a passage have apart from each other.

    `nearness` says for each difference how many telling words stand around both places.
    """

    differences: tuple[Difference, ...]
    nearness: tuple[int, ...]

    def of(self, *kinds: DifferenceKind, rivals: bool = True) -> int:
        """Return how near the nearest difference of these kinds is, 1 at the least; 0: none.

        Args:
            kinds: which count.
            rivals: whether the passage must say something else there, or must say nothing.
        """
        found = (
            1 + near
            for one, near in zip(self.differences, self.nearness, strict=True)
            if one.kind in kinds and bool(one.source) == rivals
        )
        return max(found, default=0)


@dataclass(frozen=True, slots=True)
class _Place:
    """A word or figure where it stands, with the stems around it."""

    text: str
    start: int
    end: int
    around: frozenset[str]


_Pairs = Iterator[tuple[_Place, _Place | None]]


def differences(statement: str, item: Evidence, start: int, end: int) -> Compared:
    """Compare a statement with a span of a passage.

    Args:
        statement: what is claimed.
        item: the passage.
        start: where the span begins in the passage's text, in code points.
        end: where it ends.
    """
    span = item.passage.text[start:end]
    found: list[tuple[Difference, int]] = []
    readings: tuple[tuple[DifferenceKind, _Pairs], ...] = (
        ("figure", _figures(statement, span, item)),
        ("name", _names(statement, span, item)),
        ("opposite", _opposites(statement, span)),
        ("negation", _negations(statement, span)),
        ("word", _replaced(statement, span)),
    )
    for kind, pairs in readings:
        for said, source in pairs:
            if any(said.start < one.end and one.start < said.end for one, _ in found):
                continue
            near = len(said.around & source.around) if source else 0
            found.append((_difference(kind, said, source, start), near))
    found.sort(key=lambda pair: pair[0].start)
    return Compared(tuple(one for one, _ in found), tuple(near for _, near in found))


def _difference(
    kind: DifferenceKind, said: _Place, source: _Place | None, offset: int
) -> Difference:
    if source is None:
        return Difference(kind, said.text, said.start, said.end)
    return Difference(
        kind, said.text, said.start, said.end,
        source.text, source.start + offset, source.end + offset,
    )  # fmt: skip


def _figures(statement: str, span: str, item: Evidence) -> _Pairs:
    """Pair figures that stand nowhere in the passage with its own of that kind, the nearest."""
    claimed, stated = quantities(statement), quantities(span)
    spoken = [q for q in stated if not any(agree(one, q) or agree(q, one) for one in claimed)]
    for one in claimed:
        if one.kind == "year":
            known = int(one.low) in item.years
        else:
            known = any(agree(one, q) for q in (*item.quantities, *stated))
        if known:
            continue
        rivals = [q for q in spoken if _comparable(one, q)]
        yield _nearest(_place(statement, one), [_place(span, q) for q in rivals])


def _comparable(one: Quantity, other: Quantity) -> bool:
    if one.kind != other.kind or one.dimension != other.dimension:
        return False
    nouns = [content_words(q.noun) for q in (one, other)]
    return bool(one.dimension) or one.kind == "year" or not all(nouns) or nouns[0] == nouns[1]


def _names(statement: str, span: str, item: Evidence) -> _Pairs:
    """Pair names that the passage lacks with names in the span that the statement lacks."""
    said = names_in(statement)
    folded = " ".join(said).lower()
    others = [
        place
        for name in names_in(span)
        if name.lower() not in folded
        for place in _places(span, name)
    ]
    for name in said:
        if not _known(name, item) and (found := _places(statement, name)):
            yield _nearest(found[0], others)


def _known(name: str, item: Evidence) -> bool:
    if name.lower() in item.names or set(content_words(name)) <= item.words | item.authors:
        return True
    parts = [part.lower() for part in re.findall(r"[^\W_]+", name)]
    return all(part in item.names for part in parts)


def _opposites(statement: str, span: str) -> _Pairs:
    """Pair words with their opposites where the words around both are the same."""
    ours, theirs = _by_word(_BOUND.sub(_blank, statement)), _by_word(_BOUND.sub(_blank, span))
    for row in (*OPPOSITES, *CONTRARIES):
        if lean(statement, span, row) < _TURNED:
            continue
        for same, other in (row, row[::-1]):
            said = [place for word in same & ours.keys() for place in ours[word]]
            turned = [place for word in other & theirs.keys() for place in theirs[word]]
            if said and turned and not other & ours.keys() and not same & theirs.keys():
                yield max((_nearest(one, turned) for one in said), key=_shared)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _shared(pair: tuple[_Place, _Place | None]) -> int:
    return len(pair[0].around & pair[1].around) if pair[1] else 0


def _negations(statement: str, span: str) -> _Pairs:
    """Pair a denial with what it denies, where the other text says that without one."""
    ours, theirs = (frozenset(content_words(text)) for text in (statement, span))
    ours_denied = denied_words(statement) & theirs
    theirs_denied = denied_words(span) & ours
    if len(ours_denied) >= _DENIED and not theirs_denied:
        yield _first_denial(statement), _first_of(span, ours_denied)
    elif len(theirs_denied) >= _DENIED and not ours_denied:
        yield _first_of(statement, theirs_denied), _first_denial(span)


def _first_denial(text: str) -> _Place:
    match = _NEGATOR.search(text)
    at = match.span() if match else (0, 0)
    return _at(text, *at)


def _first_of(text: str, stems: frozenset[str]) -> _Place:
    found = (m for m in _WORD.finditer(text) if set(content_words(m.group())) & stems)
    match = next(found, None)
    return _at(text, *(match.span() if match else (0, 0)))


def _replaced(statement: str, span: str) -> _Pairs:
    """Pair what a near quote puts in the place of the passage's words."""
    ours, theirs = list(_WORD.finditer(statement)), list(_WORD.finditer(span))
    matcher = SequenceMatcher(
        None,
        [m.group().lower() for m in theirs],
        [m.group().lower() for m in ours],
        autojunk=False,
    )
    matched = sum(block.size for block in matcher.get_matching_blocks())
    if not ours or matched < _NEAR_QUOTE * len(ours):
        return
    codes = matcher.get_opcodes()
    for position, (tag, i, j, k, m) in enumerate(codes):
        if k == 0:  # what stands before it in the passage is no part of the quote
            i = max(i, j - m)
        elif m == len(ours):
            j = min(j, i + m - k)
        if tag != "replace" or max(j - i, m - k) > _MOST_REPLACED:
            continue
        if not _flanked(codes, position):
            continue
        said = _at(statement, ours[k].start(), ours[m - 1].end())
        source = _at(span, theirs[i].start(), theirs[j - 1].end())
        new = frozenset(content_words(said.text)) - frozenset(content_words(span))
        if new and content_words(source.text):
            yield said, source


def _flanked(codes: Sequence[tuple[str, int, int, int, int]], position: int) -> bool:
    """Tell whether the words on both sides are the same, as far as the statement goes."""
    sides = [codes[p] for p in (position - 1, position + 1) if 0 <= p < len(codes)]
    last = codes[-1][4]
    return all(
        tag == "equal" and (m - k >= _FLANK or k == 0 or m == last) for tag, _, _, k, m in sides
    )


def _nearest(said: _Place, others: Iterable[_Place]) -> tuple[_Place, _Place | None]:
    best = max(others, key=lambda one: len(said.around & one.around), default=None)
    return said, best


def _place(text: str, quantity: Quantity) -> _Place:
    return _at(text, quantity.start, quantity.end)


def _places(text: str, name: str) -> list[_Place]:
    found = re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    return [_at(text, *match.span()) for match in found]


def _by_word(text: str) -> dict[str, list[_Place]]:
    found: dict[str, list[_Place]] = {}
    for match in _WORD.finditer(text):
        found.setdefault(match.group().lower(), []).append(_at(text, *match.span()))
    return found


def _at(text: str, start: int, end: int) -> _Place:
    before = content_words(text[:start])[-_WINDOW:]
    after = content_words(text[end:])[:_WINDOW]
    return _Place(text[start:end], start, end, frozenset((*before, *after)))
