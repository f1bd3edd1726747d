"""Citations on the wire, in each of the forms that clients read.

The text's own `[n]` is the form that every client shows. Beside it stand OpenAI's
`url_citation` annotations, Perplexity's `citations` and `search_results`, and `x_grounding` for
what no standard holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.types import Answer, Citation, Conflict

__all__ = ["CitedSource", "conflicts", "grounding", "side_channels", "sources", "url_citations"]

# Code is matched first, so that an index such as x[1] in it is no marker.
_CODE_OR_MARKER = re.compile(
    r"(?:```.*?(?:```|\Z))|(?:~~~.*?(?:~~~|\Z))|(?:`[^`\n]*`)|\[(\d{1,4})\]", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class CitedSource:
    """A paper or page under its number, with the passages of it that bear the answer."""

    n: int
    title: str
    url: str
    refs: tuple[str, ...]
    quotes: tuple[str, ...]
    score: float


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
            tuple(citation.ref for citation in group),
            tuple(citation.quote for citation in group),
            max(citation.score for citation in group),
        )
        for n, group in sorted(grouped.items())
    ]


def url_citations(text: str, cited: list[CitedSource]) -> list[dict[str, Any]]:
    """One `url_citation` a marker; the indices are code points of the marker itself."""
    by_number = {source.n: source for source in cited}
    found = []
    for match in _CODE_OR_MARKER.finditer(text):
        source = by_number.get(int(match[1])) if match[1] else None
        if source:
            place = {
                "start_index": match.start(),
                "end_index": match.end(),
                "url": source.url,
                "title": source.title,
            }
            found.append({"type": "url_citation", "url_citation": place})
    return found


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
                "refs": list(source.refs),
                "title": source.title,
                "url": source.url,
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
            }
            for claim in answer.claims
        ],
        "conflicts": conflicts(answer.conflicts),
    }


def side_channels(
    answer: Answer, cited: list[CitedSource], *, persona: str, grounded: bool
) -> dict[str, Any]:
    """The top-level fields beside the text; `x_grounding` is null where nothing was retrieved."""
    return {
        "citations": [source.url for source in cited],
        "search_results": [
            {"title": source.title, "url": source.url, "snippet": source.quotes[0]}
            for source in cited
        ],
        "x_grounding": grounding(answer, cited, persona=persona) if grounded else None,
    }
