r"""A conversation's bibliography as BibTeX.

The knowledge base names a source's first authors, year, work and where it appeared, so every
entry is a `@misc`. Braces in a title become commands: BibTeX counts even those that are escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, count
from string import ascii_lowercase

from bibtexparser.entrypoint import write_string
from bibtexparser.library import Library
from bibtexparser.model import Entry, Field

from app.record.sanitize import strip_invisible
from app.ui.conversation import Turn
from app.ui.exports.bibliography import Reference, bibliography

__all__ = ["bibtex_of", "escaped", "references_as_bibtex"]

_ARXIV = re.compile(r"https?://(?:www\.)?arxiv\.org/abs/(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", re.ASCII)
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(10\.\d{4,9}/[\w.()/:;-]+)", re.ASCII)
_LITTLE = frozenset("a an the on in of for and to is are as at by from with".split())
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}


def bibtex_of(turns: Sequence[Turn]) -> str:
    """Write the sources of a conversation as BibTeX, in the order of their numbers."""
    return references_as_bibtex(bibliography(turns).references)


def references_as_bibtex(references: Sequence[Reference]) -> str:
    """Write references as BibTeX; each has a key of its own."""
    library = Library()
    taken: set[str] = set()
    for reference in (one for group in references for one in group.works or (group,)):
        key = _key(reference, taken)
        taken.add(key)
        library.add(Entry("misc", key, _fields(reference)))
    written: str = write_string(library)
    return written


def escaped(text: str) -> str:
    """Write text so that BibTeX and LaTeX show it as it is."""
    plain = " ".join(strip_invisible(text).split())
    return "".join(_SPECIAL.get(char, char) for char in plain)


def _fields(reference: Reference) -> list[Field]:
    authors = [_name(author) for author in reference.authors]
    if authors and reference.others:
        authors.append("others")
    given = {
        "author": " and ".join(authors),
        "title": f"{{{escaped(reference.work)}}}",
        "year": str(reference.year or ""),
        "howpublished": escaped(reference.venue),
        "url": _address(reference.url or ""),
        **_identifier(reference.url or ""),
    }
    return [Field(name, value) for name, value in given.items() if value]


def _name(author: str) -> str:
    """A surname as it is; in braces what BibTeX would take apart."""
    written = escaped(author)
    return written if re.fullmatch(r"[^\s,]+", written) and written != "and" else f"{{{written}}}"


def _address(url: str) -> str:
    """An address without what BibTeX counts or LaTeX takes for a comment."""
    hidden = {"{": "%7B", "}": "%7D", "\\": "%5C", "^": "%5E", '"': "%22"}
    return "".join(hidden.get(char, char) for char in url)


def _identifier(url: str) -> dict[str, str]:
    if found := _ARXIV.match(url):
        return {"eprint": found[1], "archiveprefix": "arXiv"}
    if found := _DOI.match(url):
        return {"doi": found[1]}
    return {}


def _key(reference: Reference, taken: set[str]) -> str:
    """As people make them: vaswani2017attention; a letter where that is taken."""
    who = _letters(reference.authors[0]) if reference.authors else ""
    words = [_letters(word) for word in reference.work.split()]
    telling = next((word for word in words if len(word) > 2 and word not in _LITTLE), "")
    key = f"{who}{reference.year or ''}{telling}"
    if not re.match(r"[a-z]", key):
        key = f"source{reference.n}"
    tails = chain(("", *ascii_lowercase), (f"-{n}" for n in count(27)))
    return next(f"{key}{tail}" for tail in tails if f"{key}{tail}" not in taken)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.casefold())[:24]
