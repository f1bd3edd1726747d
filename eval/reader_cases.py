"""Readers' feedback as cases: drafts that a person reviews, and only what was reviewed counts.

`app feedback export` writes what readers said. Each judgement becomes a draft: the case as far as
it can be guessed, what the reader said beside it, and an empty `reviewed`. Whoever reviews a draft
mends the case, fills in `reviewed` (a name, a date), and `--accept` writes those cases, and those
alone, as a suite.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.cases import NO_TOPIC, CaseRecord, NuggetRecord, TurnRecord
from eval.errors import SuiteError
from eval.metrics.text import strip_markers
from index.errors import wrong_fields

__all__ = ["Draft", "accepted", "drafts_of", "merged", "read_drafts", "rendered"]

_MADE_BY = "python -m app feedback export > FILE"


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _HistoryMessage(_Loose):
    role: Literal["system", "user", "assistant"]
    content: str


class _Cited(_Loose):
    ref: str


class _Claim(_Loose):
    text: str
    status: str


class _Answer(_Loose):
    text: str
    abstained: bool
    citations: list[_Cited]
    claims: list[_Claim]


class _Hit(_Loose):
    ref: str
    topic: str


class _Line(_Loose):
    """A line of the export, as far as it is used; who the reader was is left behind."""

    id: str
    created: str
    owner: str
    subject: str
    rating: Literal["up", "down"]
    reasons: list[str]
    comment: str
    claim: int | None
    question: str
    history: list[_HistoryMessage]
    persona: str
    answer: _Answer
    hits: list[_Hit]


class ReaderFeedback(BaseModel):
    """What the reader said, and of what: for whoever reviews the draft."""

    model_config = ConfigDict(extra="forbid")
    feedback: str
    created: str
    rating: Literal["up", "down"]
    reasons: list[str]
    comment: str
    claim: str = Field("", description="the sentence that was judged, empty for all of it")
    persona: str
    answer: str
    candidates: list[str] = Field(description="ids of the passages that were found")


class Draft(BaseModel):
    """A case that nobody vouches for until `reviewed` says who does."""

    model_config = ConfigDict(extra="forbid")
    reviewed: str = Field("", description="who reviewed the case, and when; empty: not yet")
    case: CaseRecord
    said: ReaderFeedback


def drafts_of(text: str, name: str) -> list[Draft]:
    """Make drafts of an export; of two judgements of one answer by one reader the later holds.

    Raises:
        SuiteError: a line is not one of the export's.
    """
    lines: dict[tuple[str, str, int | None], _Line] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip():
            continue
        try:
            line = _Line.model_validate_json(raw)
        except ValidationError as error:
            wrong = wrong_fields(error, "the line", most=1)
            raise SuiteError(
                f"{name}:{number}: {wrong}; expected what this writes: {_MADE_BY}"
            ) from error
        lines[(line.owner, line.subject, line.claim)] = line
    return [_draft(line) for line in lines.values()]


def _draft(line: _Line) -> Draft:
    answer = line.answer
    cited = list(dict.fromkeys(each.ref for each in answer.citations))
    praised = line.rating == "up"
    answerable = not answer.abstained if praised else "should_not_have_answered" not in line.reasons
    borne = [claim.text for claim in answer.claims if claim.status == "supported"]
    claim = line.claim
    return Draft(
        case=CaseRecord(
            id=f"feedback-{line.id}",
            slice="feedback",
            style="reader",
            topic=_topic(line, cited),
            question=line.question,
            history=[
                TurnRecord(role=turn.role, content=turn.content)
                for turn in line.history
                if turn.role != "system"
            ],
            gold=cited if praised and answerable else [],
            reference=strip_markers(answer.text) if praised else "",
            nuggets=[
                NuggetRecord(text=strip_markers(text), vital=position == 0)
                for position, text in enumerate(borne if praised and answerable else [])
            ],
            numbers=[],
            answerable=answerable,
            standalone="",
            attack="",
        ),
        said=ReaderFeedback(
            feedback=line.id,
            created=line.created,
            rating=line.rating,
            reasons=line.reasons,
            comment=line.comment,
            claim=answer.claims[claim].text if claim is not None else "",
            persona=line.persona,
            answer=answer.text,
            candidates=list(dict.fromkeys([*cited, *(hit.ref for hit in line.hits)])),
        ),
        reviewed="",
    )


def _topic(line: _Line, cited: Sequence[str]) -> str:
    known = {hit.ref: hit.topic for hit in line.hits}
    topics = Counter(known.get(ref, ref.split("/")[0]) for ref in cited)
    if topics:
        return topics.most_common(1)[0][0]
    return line.hits[0].topic if line.hits else NO_TOPIC


def read_drafts(path: Path) -> list[Draft]:
    """Read a review file.

    Raises:
        SuiteError: there is none, or a line is no draft.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path} can't be read ({error}); expected a file of drafts") from error
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(Draft.model_validate_json(line))
        except ValidationError as error:
            wrong = wrong_fields(error, "the line", most=1)
            raise SuiteError(f"{path}:{number}: {wrong}") from error
    return found


def merged(before: Sequence[Draft], made: Sequence[Draft]) -> list[Draft]:
    """Add drafts to a review file's; one that is there stays as it is, reviewed or not."""
    known = {draft.case.id for draft in before}
    return [*before, *(draft for draft in made if draft.case.id not in known)]


def accepted(drafts: Sequence[Draft]) -> list[CaseRecord]:
    """Return the cases that were reviewed.

    Raises:
        SuiteError: a reviewed case has nothing to score an answer by, or none is reviewed.
    """
    found = [draft.case for draft in drafts if draft.reviewed.strip()]
    if not found:
        raise SuiteError(
            f"none of {len(drafts)} drafts is reviewed; mend a case and fill in its `reviewed`, "
            "such as with your name and the date"
        )
    for case in found:
        if case.answerable and not (case.gold and (case.nuggets or case.numbers)):
            raise SuiteError(
                f"{case.id} is reviewed and answerable, but lacks "
                f"{'gold passages' if not case.gold else 'nuggets or numbers'}; add them, or set "
                "answerable to false"
            )
    return found


def rendered(rows: Sequence[BaseModel]) -> str:
    """Write drafts or cases as JSONL, keys in their order."""
    dumped: list[dict[str, Any]] = [row.model_dump(mode="json") for row in rows]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in dumped)
