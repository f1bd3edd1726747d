"""Author-and-year mentions: "Vaswani et al. (2017)" in a text, and in a source's label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.types import Source

__all__ = [
    "Mention",
    "label_surnames",
    "label_year",
    "matching",
    "mentions",
    "resolve",
    "source_id",
    "surnames",
]

_SURNAME = (
    r"(?:(?:[Vv]an|[Vv]on|[Dd]e|[Dd]er|[Dd]en|[Dd]u|[Dd]i|[Ll]a|[Ll]e)\s+){0,3}"
    r"[A-ZÀ-ÖØ-ÞŁŚŠŞŽČĆ][^\W\d_]+(?:[-’'][A-ZÀ-ÖØ-Þ]?[^\W\d_]{2,})*"
)
_YEAR = r"(?P<{0}>(?:1[6-9]|20)\d\d)(?!\d)"
# Between the names and the year may stand a venue: "Schick et al., NeurIPS 2023".
_VENUE = r"(?:[A-Z][\w&.-]*\s+){0,3}"
_MENTION = re.compile(
    rf"(?<![\w-])(?P<names>{_SURNAME}(?:,\s+{_SURNAME}){{0,8}}"
    rf"(?:,?\s+(?:&|and)\s+(?P<second>{_SURNAME}))?)"
    r"(?P<etal>,?\s+et\s+al\b\.?)?(?:['’]s?\b)?"
    rf"(?:\s*\(\s*{_VENUE}{_YEAR.format('paren')}[a-z]?\)?|,?\s+{_VENUE}{_YEAR.format('comma')})?"
)
_PARTICLES = re.compile(r"^(?:(?:van|von|de|der|den|du|di|la|le)\s+)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """A work named by its authors.

    `names` are all that stand there: the first may be the word before, as in "However, Wei et
    al.". `sure` is False for a single name with a year, which may as well be a model: "BERT
    (2019)".
    """

    names: tuple[str, ...]
    year: int | None
    start: int
    end: int
    sure: bool


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", _PARTICLES.sub("", name))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def mentions(text: str) -> Iterator[Mention]:
    """The works that a text names by author, in order.

    A year after a comma counts only where "et al." or a second author shows that the words
    before it are names.
    """
    for match in _MENTION.finditer(text):
        etal, second = bool(match["etal"]), bool(match["second"])
        paren, comma = match["paren"], match["comma"]
        named = etal or second
        year = paren or (comma if named else None)
        if not etal and year is None:
            continue
        names = re.split(r",?\s+(?:&|and)\s+|,\s+", match["names"])
        yield Mention(
            names=tuple(names),
            year=int(year) if year else None,
            start=match.start(),
            end=match.end(),
            sure=etal or (second and year is not None),
        )


def surnames(text: str) -> frozenset[str]:
    """Everything in a text that is written like a surname, folded for comparison."""
    return frozenset(_folded(name) for name in re.findall(_SURNAME, text))


def label_surnames(label: str) -> frozenset[str]:
    """The names in the author part of a source's label, folded for comparison.

    The author part ends at the year in parentheses, or at the dash before the title.
    """
    head = re.split(r"\(|\s[—–-]\s", label, maxsplit=1)[0]
    return surnames(head)


def label_year(label: str) -> int | None:
    """The year that a label states in parentheses, else the only year in it."""
    years = [int(y) for y in re.findall(r"\((?:[^()\d]*\s)?((?:1[6-9]|20)\d\d)[a-z]?\)", label)]
    if not years:
        years = sorted(
            {int(y) for y in re.findall(r"(?<!\d)((?:1[6-9]|20)\d\d)(?!\d|\.\d)", label)}
        )
        if len(years) != 1:
            return None
    return years[0]


def matching(mention: Mention, sources: Sequence[Source]) -> list[Source]:
    """The sources that a mention can mean: same surname and, where both state one, year.

    A preprint and its venue are often a year or two apart, so where no year is equal those
    within two years count.
    """
    names = {_folded(name) for name in mention.names}
    same = [s for s in sources if names & label_surnames(s.label)]
    if mention.year is None:
        return same
    years = [(s, s.year if s.year is not None else label_year(s.label)) for s in same]
    exact = [s for s, year in years if year is None or year == mention.year]
    return exact or [s for s, year in years if year and abs(year - mention.year) <= 2]


def resolve(text: str, sources: Sequence[Source]) -> tuple[str, ...]:
    """Ids of the sources that a text mentions, in their own order; all of them if it names none."""
    named = {source.id for mention in mentions(text) for source in matching(mention, sources)}
    return tuple(s.id for s in sources if s.id in named) or tuple(s.id for s in sources)


def source_id(label: str, taken: set[str]) -> str:
    """An id made from a label, such as `vaswani-2017`, that is not in `taken`."""
    first = re.search(_SURNAME, label)
    folded = _folded(first.group()) if first else "source"
    base = re.sub(r"[^a-z0-9]+", "-", folded).strip("-") or "source"
    year = label_year(label)
    base = f"{base}-{year}" if year else base
    made, n = base, 2
    while made in taken:
        made, n = f"{base}-{n}", n + 1
    return made
