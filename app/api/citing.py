"""Citations on the wire, in each of the forms that clients read.

The text's own `[n]` is the form that every client shows. Beside it stand OpenAI's
`url_citation` annotations, Perplexity's `citations` and `search_results`, and `x_grounding` for
what no standard holds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.record.markers import markers_of
from app.record.sanitize import neutralize, one_line, web_address
from app.record.types import Answer, Citation, Conflict
from index.types import Place, Source

__all__ = [
    "CitedSource",
    "claim_citations",
    "conflicts",
    "grounding",
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


def url_citations(answer: Answer, cited: list[CitedSource]) -> list[dict[str, Any]]:
    """One `url_citation` a marker; the indices are code points of the marker itself.

    A marker that stands for several works has one for each of them.
    """
    by_number = {source.n: source for source in cited}
    return [
        _url_citation(marker.start, marker.end, title, url)
        for marker in markers_of(answer.text, answer.claims)
        if marker.n in by_number
        for title, url in _addresses(by_number[marker.n])
    ]


def _addresses(source: CitedSource) -> list[tuple[str, str]]:
    """What a source leads to: itself, or each of its works."""
    return [(one_line(one.label), web_address(one.url) or "") for one in source.works] or [
        (source.title, source.url)
    ]


def _url_citation(start: int, end: int, title: str, url: str) -> dict[str, Any]:
    found = {"start_index": start, "end_index": end, "url": url, "title": title}
    return {"type": "url_citation", "url_citation": found}


def claim_citations(answer: Answer) -> list[dict[str, Any]]:
    """One `url_citation` a claim and source, for a text that holds no markers."""
    by_number = {source.n: source for source in sources(answer)}
    return [
        _url_citation(claim.start, claim.end, title, url)
        for claim in answer.claims
        for n in claim.cites
        for title, url in _addresses(by_number[n])
    ]


def conflicts(found: tuple[Conflict, ...]) -> list[dict[str, Any]]:
    """Where the sources disagree; n is 0 for a value that the answer does not cite."""
    return [
        {
            "quantity": conflict.quantity,
            "values": [{"value": each.value, "n": each.n} for each in conflict.values],
        }
        for conflict in found
    ]


def grounding(answer: Answer, cited: list[CitedSource], *, persona: str) -> dict[str, Any]:
    """The `x_grounding` object."""
    return {
        "abstained": answer.abstained,
        "retrieval_confidence": answer.confidence,
        "index_fingerprint": answer.index_fingerprint,
        "persona": persona,
        "standalone_query": answer.standalone_query,
        "sources": [
            {
                "n": source.n,
                "kind": source.kind,
                "refs": list(source.refs),
                "title": source.title,
                "url": source.url,
                "place": asdict(source.place) if source.place else None,
                "works": [{"title": title, "url": url} for title, url in _addresses(source)]
                if source.works
                else [],
                "quotes": list(source.quotes),
                "score": source.score,
            }
            for source in cited
        ],
        "claims": [
            {
                "start": claim.start,
                "end": claim.end,
                "cites": list(claim.cites),
                "status": claim.status,
                "basis": claim.basis,
            }
            for claim in answer.claims
        ],
        "conflicts": conflicts(answer.conflicts),
        "calculations": [dict(each) for each in answer.calculations],
        "premises": [{"text": each.text, "n": each.n} for each in answer.premises],
    }


def side_channels(
    answer: Answer, cited: list[CitedSource], *, persona: str, grounded: bool
) -> dict[str, Any]:
    """The top-level fields beside the text; `x_grounding` is null where nothing was retrieved."""
    return {
        "citations": [source.url for source in cited],
        "search_results": [
            {"title": source.title, "url": source.url, "snippet": neutralize(source.quotes[0])}
            for source in cited
        ],
        "x_grounding": grounding(answer, cited, persona=persona) if grounded else None,
    }
