"""The answer as it grows: sentences go in, numbered, recorded and ready to be shown.

It is the only way into an answer's text: whoever wrote a sentence, model or passage, nothing
that a page or client would act on comes through.

Sources are numbered by first use; passages of one paper share its number. Offsets are code
points of the answer's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.record.evidence import Evidence, cited_for
from app.record.reasons import Objection, Reason
from app.record.sanitize import (
    neutralize_code,
    plain_sentence,
    strip_invisible,
    verbatim,
    verbatim_block,
)
from app.record.types import Basis, Citation, Claim, ClaimStatus, Delta, Dropped
from app.verifying.miscomputed import Faults
from app.verifying.supports import Support
from index.text.tokens import content_words

__all__ = ["PlacedClaim", "Writer"]

_CLOSING = re.compile(r"[.!?…:]+[\"'”’)*_]*$")
_SAME = 0.85
_LEAD = re.compile(r"(\s*)((?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)[ \t])?")
_WIDEST_INDENT = 3  # from four spaces on, Markdown takes it for code
_NOTES = {"partial": " (partly supported)", "unsupported": " (not supported)"}


@dataclass(frozen=True, slots=True)
class PlacedClaim:
    """A claim in a text that is set whole: code points `start` to `end`, and what supports it."""

    text: str
    start: int
    end: int
    status: ClaimStatus
    score: float
    supports: tuple[Support, ...]
    basis: Basis


@dataclass
class Writer:
    """Builds one answer's text with its citations and claims."""

    evidence: Sequence[Evidence]
    faults: Faults | None = None
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _said: list[frozenset[str]] = field(default_factory=list)
    _breaking: bool = False

    def claim(
        self, lead: str, sentence: str, status: ClaimStatus, supports: Sequence[Support],
        score: float, *, basis: Basis | None = None,
    ) -> Delta:  # fmt: skip
        """Add a sentence that claims something, with the passages that support it.

        What a model drafted loses what would act; other words lose nothing. By default they are
        quoted where they stand in the documents that are cited, else restated. Such words aren't
        supported where their own passage gets their figure wrong.
        """
        refs = tuple(dict.fromkeys(support.ref for support in supports))
        if basis is None and self.faults and self.faults.stated_in(sentence, refs):
            status = "unsupported"
        basis = basis or self._basis(sentence, supports)
        drafted = basis == "drafted"
        block = "" if drafted else verbatim_block(sentence.strip())
        sentence = block or (plain_sentence(sentence)[0] if drafted else verbatim(sentence.strip()))
        if not any(char.isalnum() for char in sentence):
            return Delta("")
        cites, evidence, fresh = self._cite(sentence, supports)
        note = _NOTES.get(status, "")
        markers = "".join(f"[{n}]" for n in cites)
        if block:
            lead = "\n\n"[: 2 - _breaks(self.text)] if self.text else ""
            body = f"{block}\n\n{note.strip()}{markers}\n\n"
        else:
            lead = self._lead(lead)
            if self.text.endswith("\n\n"):
                lead = lead.lstrip(" ")  # a new paragraph, after a block
            closing = _CLOSING.search(sentence)
            at = closing.start() if closing else len(sentence)
            body = sentence[:at] + note + (f" {markers}" if markers else "") + sentence[at:]
        start = len(self.text) + len(lead)
        claim = Claim(
            sentence, start, start + len(body), cites, refs, status, score, evidence, basis,
        )  # fmt: skip
        self.text += lead + body
        self.claims.append(claim)
        self._said.append(frozenset(content_words(sentence)))
        return Delta(lead + body, fresh, claim)

    def end_paragraph(self) -> None:
        """Let what is added next begin a paragraph."""
        self._breaking = True

    def document(self, text: str, stated: Sequence[PlacedClaim]) -> Delta:
        """Set a whole text whose claims are cited beside it, not in it."""
        fresh: list[Citation] = []
        for each in stated:
            cites, evidence, new = self._cite(each.text, each.supports)
            fresh += new
            refs = tuple(dict.fromkeys(support.ref for support in each.supports))
            self.claims.append(
                Claim(
                    each.text, each.start, each.end, cites, refs, each.status, each.score,
                    evidence, each.basis,
                )
            )  # fmt: skip
        self.text = text
        return Delta(text, tuple(fresh))

    def plain(self, lead: str, text: str) -> Delta:
        """Add text of our own that claims nothing; what it quotes of others is inert already."""
        added = self._lead(lead) + text
        self.text += added
        return Delta(added)

    def code(self, lead: str, block: str, status: ClaimStatus, score: float) -> Delta:
        """Add a block of code, never cited; one that lacks support is a claim that says so.

        Its language goes: some clients run what is marked as HTML, SVG or a diagram.
        """
        code = strip_invisible(block).strip("\n").removesuffix("```").rstrip("\n")
        shown = neutralize_code("\n".join(code.split("\n")[1:]))
        body = f"```\n{shown}\n```\n{_NOTES.get(status, '').strip()}".rstrip() + "\n"
        lead = self._lead(lead)
        start = len(self.text) + len(lead)
        self.text += lead + body
        if status == "supported":
            return Delta(lead + body)
        claim = Claim(shown, start, start + len(body), (), (), status, score, basis="drafted")
        self.claims.append(claim)
        return Delta(lead + body, (), claim)

    def drop(self, sentence: str, why: Reason | Objection | None) -> None:
        """Record a sentence that is not shown."""
        against = why if isinstance(why, Objection) else Objection(why or Reason.COVERAGE)
        self.dropped.append(Dropped(sentence, str(against), against.reason))

    def repeats(self, sentence: str) -> bool:
        """Tell whether the answer has said this already."""
        words = frozenset(content_words(sentence))
        return bool(words) and any(
            len(words & said) >= _SAME * len(words | said) or words <= said for said in self._said
        )

    @property
    def supported(self) -> int:
        """How many claims stand fully supported."""
        return sum(claim.status == "supported" for claim in self.claims)

    def number_of(self, ref: str) -> int:
        """Return the number under which a passage is cited, 0 if it is not."""
        return next((c.n for c in self.citations if c.ref == ref), 0)

    def _lead(self, lead: str) -> str:
        found = _LEAD.match(lead)
        space, bullet = (found[1], found[2] or "") if found else ("", "")
        breaking, self._breaking = self._breaking, False
        if not self.text:
            return bullet
        if breaking:
            space = "\n\n"
        breaks = "\n" * (min(space.count("\n"), 2) - _breaks(self.text))
        indent = " " * min(len(space) - space.rfind("\n") - 1, _WIDEST_INDENT if breaks else 1)
        # What stood between was dropped: the next sentence still needs a space before it.
        return breaks + indent + bullet or ("" if self.text[-1].isspace() else " ")

    def _cite(
        self, sentence: str, supports: Sequence[Support]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Citation, ...]]:
        """Cite a sentence: its source numbers, positions of citations, and the new citations."""
        fresh: list[Citation] = []
        numbers: list[int] = []
        evidence: list[int] = []
        for support in supports:
            item = self._item(support)
            for cited in cited_for(item.passage, item.sources_for(sentence)):
                citation = Citation(
                    n=self._numbers.setdefault(cited.key, len(self._numbers) + 1),
                    ref=support.ref,
                    url=cited.url,
                    title=cited.title,
                    quote=item.passage.text[support.start : support.end],
                    start=support.start,
                    end=support.end,
                    year=cited.year,
                    score=item.hit.score,
                    place=item.passage.place,
                    works=cited.works,
                )
                if citation not in self.citations:
                    self.citations.append(citation)
                    fresh.append(citation)
                numbers.append(citation.n)
                evidence.append(self.citations.index(citation))
        return tuple(dict.fromkeys(numbers)), tuple(evidence), tuple(fresh)

    def _item(self, support: Support) -> Evidence:
        return next(item for item in self.evidence if item.passage.id == support.ref)

    def _basis(self, sentence: str, supports: Sequence[Support]) -> Basis:
        quoted = supports and all(self._item(s).words_of_source(sentence) for s in supports)
        return "quoted" if quoted else "restated"


def _breaks(text: str) -> int:
    """Count the line breaks, at most two, that a text ends with."""
    return min(len(text) - len(text.rstrip("\n")), 2)
