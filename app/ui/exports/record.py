"""A conversation as JSON, of the form that docs/conversation.schema.json describes.

Offsets are code points of the turn's own text, in which a marker `[n]` names the citation of
that `n`; its `source` is the number in the bibliography.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.record.types import AnswerMode, Basis, ClaimStatus
from app.store import Also
from app.ui.conversation import Turn
from app.ui.exports.bibliography import Reference, bibliography
from index.types import Place

__all__ = ["Conversation", "record_of", "schema"]

Outcome = Literal["answered", "abstained", "stopped", "failed"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Work(_Form):
    """One of several works that a source names."""

    label: str
    url: str | None
    year: int | None


class Source(_Form):
    """An entry of the bibliography."""

    number: int = Field(ge=1)
    label: str = Field(description="as the knowledge base names it")
    url: str | None
    year: int | None
    file: str = Field("", description="the document that it is a section of")
    works: list[Work] = Field([], description="several of which any may be meant")


class Where(_Form):
    """Where in a document a passage stands."""

    path: str
    section: list[str]
    anchor: str
    page: int | None


class Cited(_Form):
    """A span of a passage that a turn cites."""

    n: int = Field(ge=0, description="the number of its markers in the turn's text")
    source: int = Field(ge=1, description="its source's number in the bibliography")
    ref: str = Field(description="the passage's id in the knowledge base")
    quote: str
    start: int = Field(ge=0, description="where the quote begins in the passage, in code points")
    end: int = Field(ge=0)
    place: Where | None = Field(
        None, description="where in the document whose own words it quotes; null: it restates them"
    )


class Statement(_Form):
    """A sentence of an answer with what was found about it."""

    text: str
    start: int = Field(ge=0, description="where it begins in the turn's text, in code points")
    end: int = Field(ge=0)
    status: ClaimStatus
    basis: Basis = Field("restated", description="whose words it is")
    support: float = Field(description="the verifier's score, 0 to 1")
    sources: list[int] = Field(description="numbers in the bibliography")


class Value(_Form):
    """One of the values that sources give for a quantity."""

    value: str
    ref: str
    standing: str


class Dispute(_Form):
    """A quantity for which the sources give different values."""

    quantity: str
    values: list[Value]


class Exchange(_Form):
    """A question and what became of it."""

    question: str
    persona: str
    outcome: Outcome
    also: Also = Field(description="set where it answers the turn before it once more")
    text: str = Field(description="the answer in Markdown, with its markers")
    mode: AnswerMode | None
    citations: list[Cited]
    claims: list[Statement]
    conflicts: list[Dispute]
    trouble: str
    model: str
    confidence: float | None = Field(description="that the sources hold an answer, 0 to 1")
    standalone_query: str
    index_fingerprint: str
    timings_ms: dict[str, float]


class Conversation(_Form):
    """A conversation with its numbered bibliography."""

    format: Literal["citewise-conversation"] = "citewise-conversation"
    version: Literal[1] = 1
    exported: datetime
    turns: list[Exchange]
    bibliography: list[Source]


def record_of(turns: Sequence[Turn]) -> str:
    """Write a conversation as indented JSON."""
    found = bibliography(turns)
    pairs = zip(turns, found.numbers, strict=True)
    record = Conversation(
        exported=datetime.now(UTC),
        turns=[_exchange(turn, numbers) for turn, numbers in pairs],
        bibliography=[_source(one) for one in found.references],
    )
    return record.model_dump_json(indent=2) + "\n"


def schema() -> dict[str, Any]:
    """The form as a JSON Schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Conversation.model_json_schema(mode="serialization"),
    }


def _source(reference: Reference) -> Source:
    return Source(
        number=reference.n,
        label=reference.label,
        url=reference.url,
        year=reference.year,
        file=reference.file,
        works=[Work(label=one.label, url=one.url, year=one.year) for one in reference.works],
    )


def _exchange(turn: Turn, numbers: Mapping[int, int]) -> Exchange:
    answer = turn.answer
    conflicts = answer.conflicts if answer else ()
    return Exchange(
        question=turn.question,
        persona=turn.persona,
        outcome=_outcome(turn),
        also=turn.also,
        text=turn.text,
        mode=answer.mode if answer else None,
        citations=[
            Cited(
                n=one.n,
                source=numbers[one.n],
                ref=one.ref,
                quote=one.quote,
                start=one.start,
                end=one.end,
                place=_where(one.place),
            )
            for one in turn.citations
        ],
        claims=[
            Statement(
                text=claim.text,
                start=claim.start,
                end=claim.end,
                status=claim.status,
                basis=claim.basis,
                support=claim.support,
                sources=sorted({numbers[n] for n in claim.cites if n in numbers}),
            )
            for claim in turn.claims
        ],
        conflicts=[
            Dispute(
                quantity=one.quantity,
                values=[
                    Value(value=value.value, ref=value.ref, standing=value.standing)
                    for value in one.values
                ],
            )
            for one in conflicts
        ],
        trouble=turn.trouble,
        model=answer.model if answer else "",
        confidence=answer.confidence if answer else None,
        standalone_query=answer.standalone_query if answer else "",
        index_fingerprint=answer.index_fingerprint if answer else "",
        timings_ms=dict(answer.timings) if answer else {},
    )


def _where(place: Place | None) -> Where | None:
    if place is None:
        return None
    return Where(path=place.path, section=list(place.section), anchor=place.anchor, page=place.page)


def _outcome(turn: Turn) -> Outcome:
    if turn.trouble:
        return "failed"
    if turn.stopped or turn.answer is None:
        return "stopped"
    return "abstained" if turn.answer.abstained else "answered"
