"""What the tools take and return: forms that a program reads, and the same as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.record.types import Answer, Basis, ClaimStatus, Conflict, Retrieved
from index.types import Hit, Place
from index.types import Source as IndexSource

__all__ = [
    "Answered",
    "AskInput",
    "Found",
    "SearchInput",
    "answer_text",
    "answered",
    "found",
    "found_text",
    "named",
    "source_place",
]


class EarlierMessage(BaseModel):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class AskInput(BaseModel):
    """What `ask` takes."""

    model_config = ConfigDict(extra="forbid")
    question: str = Field(description="what is to be answered, as one question")
    persona: str = Field("", description="who answers, by name; by default the first")
    history: list[EarlierMessage] = Field([], description="what was said before, oldest first")
    sources: list[str] = Field([], description="ask within these sources alone, by name")


class SearchInput(BaseModel):
    """What `search_knowledge` takes."""

    model_config = ConfigDict(extra="forbid")
    query: str = Field(description="a question or keywords")
    limit: int = Field(6, ge=1, le=20, description="how many passages at most")
    sources: list[str] = Field([], description="ask within these sources alone, by name")


class SourcePlace(BaseModel):
    """Where in a document a passage stands."""

    path: str
    section: list[str]
    anchor: str
    page: int | None


class Source(BaseModel):
    """A paper or page under its number in the answer."""

    n: int
    title: str
    url: str
    year: int | None
    place: SourcePlace | None = Field(
        description="where in the document whose words are quoted; null: they restate the source"
    )
    works: list[str] = Field(description="title and address of each of several that may be meant")
    quotes: list[str] = Field(description="the spans of its passages that bear the answer")
    refs: list[str] = Field(description="the passages' ids in the knowledge base")


class Statement(BaseModel):
    """A sentence of the answer."""

    text: str
    status: ClaimStatus
    basis: Basis = Field(description="whose words: the source's, the knowledge base's, a model's")
    sources: list[int]


class Value(BaseModel):
    """One of the values that sources give."""

    value: str
    ref: str


class Dispute(BaseModel):
    """A quantity for which the sources give different values."""

    quantity: str
    values: list[Value]


class Answered(BaseModel):
    """An answer with its sources; each `[n]` in the text is the source of that number."""

    answer: str
    act: str = Field(description="what the message does: ask, calculate, shorten, source, thank, …")
    outcome: str = Field(description="answered, partly, refused or talk")
    missing: list[str] = Field(description="with partly: what was asked and is not answered")
    standalone_query: str = Field(description="the question as it was searched")
    abstained: bool = Field(description="whether the knowledge base holds no answer")
    confidence: float = Field(description="that it holds one, 0 to 1")
    sources: list[Source]
    claims: list[Statement]
    conflicts: list[Dispute]
    nearest_questions: list[str] = Field(description="with an abstention: what can be answered")
    persona: str
    index_fingerprint: str


class FoundPassage(BaseModel):
    """A passage of the knowledge base."""

    ref: str
    topic: str
    heading: str
    text: str
    score: float
    place: SourcePlace | None = Field(description="where in a document it stands")
    sources: list[str] = Field(description="title and address of each paper or page")


class Found(BaseModel):
    """Passages, best first."""

    query: str = Field(description="the question as it was searched")
    answerable: bool = Field(description="whether they are enough to answer the question")
    confidence: float
    passages: list[FoundPassage]
    conflicts: list[Dispute]
    index_fingerprint: str


def answered(answer: Answer) -> Answered:
    """An answer's form."""
    return Answered(
        answer=answer.text,
        act=answer.act,
        outcome=answer.outcome,
        missing=list(answer.missing),
        standalone_query=answer.standalone_query,
        abstained=answer.abstained,
        confidence=round(answer.confidence, 4),
        sources=_sources(answer),
        claims=[
            Statement(
                text=claim.text,
                status=claim.status,
                basis=claim.basis,
                sources=list(claim.cites),
            )
            for claim in answer.claims
        ],
        conflicts=_disputes(answer.conflicts),
        nearest_questions=list(answer.nearest),
        persona=answer.persona,
        index_fingerprint=answer.index_fingerprint,
    )


def found(retrieved: Retrieved) -> Found:
    """The form of what was found."""
    return Found(
        query=retrieved.standalone_query,
        answerable=retrieved.answerable,
        confidence=round(retrieved.confidence, 4),
        passages=[_passage(hit) for hit in retrieved.hits],
        conflicts=_disputes(retrieved.conflicts),
        index_fingerprint=retrieved.index_fingerprint,
    )


def answer_text(form: Answered) -> str:
    """An answer with its sources, to be read."""
    listed = [f"[{one.n}] {one.title}{f' <{one.url}>' if one.url else ''}" for one in form.sources]
    return "\n\n".join(filter(None, (form.answer.strip(), "\n".join(listed))))


def found_text(form: Found) -> str:
    """Passages with their sources, to be read."""
    parts = [
        f"{place}. {one.heading} ({one.ref})\n{one.text}\n{'; '.join(one.sources)}"
        for place, one in enumerate(form.passages, start=1)
    ]
    return "\n\n".join(parts)


def _sources(answer: Answer) -> list[Source]:
    numbers = dict.fromkeys(citation.n for citation in answer.citations)
    made = []
    for n in numbers:
        own = [citation for citation in answer.citations if citation.n == n]
        made.append(
            Source(
                n=n,
                title=own[0].title,
                url=own[0].url,
                year=own[0].year,
                place=source_place(own[0].place),
                works=[named(work) for work in own[0].works],
                quotes=list(dict.fromkeys(one.quote for one in own if one.quote)),
                refs=list(dict.fromkeys(one.ref for one in own)),
            )
        )
    return made


def _disputes(conflicts: Iterable[Conflict]) -> list[Dispute]:
    return [
        Dispute(
            quantity=one.quantity,
            values=[Value(value=value.value, ref=value.ref) for value in one.values],
        )
        for one in conflicts
    ]


def _passage(hit: Hit) -> FoundPassage:
    passage = hit.passage
    return FoundPassage(
        ref=passage.id,
        topic=passage.title,
        heading=passage.heading,
        text=passage.text,
        score=round(hit.score, 4),
        place=source_place(passage.place),
        sources=[named(one) for one in passage.sources],
    )


def source_place(place: Place | None) -> SourcePlace | None:
    """Where in a document a passage stands; None where it stands in none."""
    return SourcePlace(**asdict(place)) if place else None


def named(source: IndexSource) -> str:
    """A source's title and address."""
    return f"{source.label} <{source.url}>" if source.url else source.label
