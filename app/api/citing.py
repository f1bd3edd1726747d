"""Citations on the wire, in each of the forms that clients read.

The text's own `[n]` is the form that every client shows. Beside it stand OpenAI's
`url_citation` annotations, Perplexity's `citations` and `search_results`, and `x_grounding` for
what no standard holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.api.schemas import (
    Annotation,
    CalculationResult,
    ConflictValue,
    Grounding,
    GroundingClaim,
    GroundingConflict,
    GroundingPremise,
    GroundingSource,
    SearchResult,
    SideChannels,
    SourcePlace,
    UrlCitation,
    Work,
)
from app.record.markers import markers_of
from app.record.sanitize import one_line, verbatim, verbatim_block, web_address
from app.record.types import Answer, Citation
from index.types import Place, Source

__all__ = [
    "CitedSource",
    "claim_citations",
    "grounding",
    "place_of",
    "side_channels",
    "sources",
    "url_citations",
]


@dataclass(frozen=True, slots=True)
class CitedSource:
    """A source under its number, with the passages of it that bear the answer.

    It is a section of a document, which stands at `place`; else a work, or where `works` are
    named, several of which any may bear what is said.
    """

    n: int
    title: str
    url: str
    place: Place | None
    works: tuple[Source, ...]
    refs: tuple[str, ...]
    quotes: tuple[str, ...]
    score: float

    @property
    def kind(self) -> Literal["document", "reference"]:
        """Whether the quotes are its own words, or the knowledge base's about it."""
        return "document" if self.place else "reference"


def sources(answer: Answer) -> list[CitedSource]:
    """The answer's sources, one a number, in the numbers' order."""
    grouped: dict[int, list[Citation]] = {}
    for citation in answer.citations:
        grouped.setdefault(citation.n, []).append(citation)
    return [
        CitedSource(
            n,
            group[0].title,
            group[0].url,
            group[0].place,
            group[0].works,
            tuple(citation.ref for citation in group),
            tuple(citation.quote for citation in group),
            max(citation.score for citation in group),
        )
        for n, group in sorted(grouped.items())
    ]


def url_citations(answer: Answer, cited: list[CitedSource]) -> list[Annotation]:
    """One `url_citation` a marker; the indices are code points of the marker itself.

    A marker that stands for several works has one for each of them.
    """
    by_number = {source.n: source for source in cited}
    return [
        _url_citation(marker.start, marker.end, work)
        for marker in markers_of(answer.text, answer.claims)
        if marker.n in by_number
        for work in _addresses(by_number[marker.n])
    ]


def claim_citations(answer: Answer) -> list[Annotation]:
    """One `url_citation` a claim and source, for a text that holds no markers."""
    by_number = {source.n: source for source in sources(answer)}
    return [
        _url_citation(claim.start, claim.end, work)
        for claim in answer.claims
        for n in claim.cites
        for work in _addresses(by_number[n])
    ]


def _addresses(source: CitedSource) -> list[Work]:
    """What a source leads to: itself, or each of its works."""
    return _works(source) or [Work(title=source.title, url=source.url)]


def _works(source: CitedSource) -> list[Work]:
    return [Work(title=one_line(one.label), url=web_address(one.url) or "") for one in source.works]


def _url_citation(start: int, end: int, work: Work) -> Annotation:
    cited = UrlCitation(start_index=start, end_index=end, url=work.url, title=work.title)
    return Annotation(type="url_citation", url_citation=cited)


def grounding(answer: Answer, cited: list[CitedSource], *, persona: str) -> Grounding:
    """The `x_grounding` object; n is 0 for a value of a conflict that the answer does not cite."""
    return Grounding(
        act=answer.act,
        outcome=answer.outcome,
        missing=list(answer.missing),
        abstained=answer.abstained,
        retrieval_confidence=answer.confidence,
        index_fingerprint=answer.index_fingerprint,
        persona=persona,
        standalone_query=answer.standalone_query,
        sources=[_source(source) for source in cited],
        claims=[
            GroundingClaim(
                start=claim.start,
                end=claim.end,
                cites=list(claim.cites),
                status=claim.status,
                basis=claim.basis,
            )
            for claim in answer.claims
        ],
        conflicts=[
            GroundingConflict(
                quantity=conflict.quantity,
                values=[ConflictValue(value=each.value, n=each.n) for each in conflict.values],
            )
            for conflict in answer.conflicts
        ],
        premises=[GroundingPremise(text=each.text, n=each.n) for each in answer.premises],
        calculations=[CalculationResult(**each) for each in answer.calculations],
    )


def place_of(place: Place | None) -> SourcePlace | None:
    """Where in a document something stands, as it is sent."""
    if place is None:
        return None
    return SourcePlace(
        path=place.path, section=list(place.section), anchor=place.anchor, page=place.page
    )


def _source(source: CitedSource) -> GroundingSource:
    return GroundingSource(
        n=source.n,
        kind=source.kind,
        refs=list(source.refs),
        title=source.title,
        url=source.url,
        place=place_of(source.place),
        works=_works(source),
        quotes=list(source.quotes),
        score=float(source.score),
    )


def _snippet(quote: str) -> str:
    """The quote's own words; clients set it as Markdown."""
    return verbatim_block(quote) or verbatim(quote)


def side_channels(
    answer: Answer, cited: list[CitedSource], *, persona: str, grounded: bool
) -> SideChannels:
    """The top-level fields beside the text; `x_grounding` is null where nothing was retrieved."""
    return {
        "citations": [source.url for source in cited],
        "search_results": [
            SearchResult(title=source.title, url=source.url, snippet=_snippet(source.quotes[0]))
            for source in cited
        ],
        "x_grounding": grounding(answer, cited, persona=persona) if grounded else None,
    }
