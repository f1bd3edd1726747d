"""What the tool `check_claims` takes and returns."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from app.record.checked import Bearing, Checked, CheckedSentence, DifferenceKind, Verdict
from app.tools.forms import SourcePlace, named, source_place

__all__ = ["CheckInput", "ClaimsChecked", "checked_text", "claims_checked"]


class CheckInput(BaseModel):
    """What `check_claims` takes."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(description="a sentence or a paragraph, as it stands")


class Departure(BaseModel):
    """Words of a sentence, and what the passage says in their place."""

    kind: DifferenceKind
    said: str
    source: str = Field(description="empty where the passage says nothing there")


class Behind(BaseModel):
    """A passage as a sentence was held against it."""

    ref: str
    heading: str
    quote: str = Field(description="the span that supports or contradicts, or merely comes nearest")
    sources: list[str] = Field(description="title and address of each paper or page")
    place: SourcePlace | None
    differences: list[Departure]


class CheckedClaim(BaseModel):
    """A sentence with its verdict."""

    text: str
    read_as: str = Field(description="how it was read where it points back, else empty")
    verdict: Verdict
    confidence: float
    passages: list[Behind]


class ClaimsChecked(BaseModel):
    """A text, sentence by sentence."""

    sentences: list[CheckedClaim]
    index_fingerprint: str
    created: str


def claims_checked(checked: Checked) -> ClaimsChecked:
    """A checked text's form."""
    return ClaimsChecked(
        sentences=[_claim(one) for one in checked.sentences],
        index_fingerprint=checked.index_fingerprint,
        created=checked.created.isoformat(timespec="seconds"),
    )


def checked_text(form: ClaimsChecked) -> str:
    """A checked text, to be read."""
    return "\n\n".join(_told(one) for one in form.sentences)


def _told(claim: CheckedClaim) -> str:
    lines = [f"{claim.verdict.replace('_', ' ')}: {claim.text}"]
    for one in claim.passages if claim.verdict != "not_in_sources" else []:
        marked = "“{}”" if one.place else "{}"  # only a document's own words are quoted
        departures = "; ".join(
            f"“{d.said}”, there {marked.format(d.source)}"
            if d.source
            else f"“{d.said}” is not there"
            for d in one.differences
        )
        lines.append(f"  {one.quote} ({one.ref}){f' [{departures}]' if departures else ''}")
    return "\n".join(lines)


def _claim(sentence: CheckedSentence) -> CheckedClaim:
    return CheckedClaim(
        text=sentence.text,
        read_as=sentence.read_as,
        verdict=sentence.verdict,
        confidence=sentence.confidence,
        passages=[_behind(one) for one in sentence.passages],
    )


def _behind(passage: Bearing) -> Behind:
    return Behind(
        ref=passage.ref,
        heading=passage.heading,
        quote=passage.quote,
        sources=[named(one) for one in passage.sources],
        place=source_place(passage.place),
        differences=[
            Departure(kind=one.kind, said=one.said, source=one.source)
            for one in passage.differences
        ],
    )
