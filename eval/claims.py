"""Hand-labelled claims, by which verifiers and judges are measured: does a passage support one?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.cases import SUITES
from eval.errors import SuiteError
from index.errors import wrong_fields
from index.passages import passages_of
from index.types import KnowledgeBase, Passage

__all__ = [
    "CLAIMS", "LABELS", "Label", "LabelledClaim", "passage_of", "passages_in", "read_claims",
    "rendered_claims_schema",
]  # fmt: skip

CLAIMS: Path = SUITES / "claims" / "claims.jsonl"
Label = Literal["supported", "partial", "unsupported"]
LABELS: tuple[Label, ...] = ("supported", "partial", "unsupported")
Kind = Literal[
    "verbatim", "paraphrase", "inference", "swapped-number", "swapped-relation", "negation",
    "neighbour", "over-claim", "half", "answer",
]  # fmt: skip


class ClaimRecord(BaseModel):
    """A claim beside a passage, with the label that a careful reader gave it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, description="unique")
    kind: Kind = Field(description="how the claim departs from the passage")
    origin: Literal["written", "answer"] = Field(
        description="written to be read against the passage, or drafted by the product"
    )
    passage: str = Field(min_length=1, description="the passage's id in the shipped corpus")
    heading: str = Field(min_length=1, description="the passage's heading, as it was read")
    text: str = Field(min_length=1, description="the passage's text, as it was read")
    claim: str = Field(min_length=1)
    label: Label
    why: str = Field(min_length=1, description="one line: what decides the label")


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """One labelled pair; the fields are `ClaimRecord`'s."""

    id: str
    kind: Kind
    origin: str
    passage: str
    heading: str
    text: str
    claim: str
    label: Label
    why: str

    @property
    def premise(self) -> str:
        """Heading and text, as a reader sees the passage."""
        return f"{self.heading}\n{self.text}"


def read_claims(path: Path = CLAIMS) -> tuple[LabelledClaim, ...]:
    """Read labelled claims.

    Raises:
        SuiteError: there is no such file, a line in it is wrong, or an id comes twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path} can't be read ({error}); expected a JSONL file") from error
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(LabelledClaim(**ClaimRecord.model_validate_json(line).model_dump()))
        except ValidationError as error:
            raise SuiteError(
                f"{path}:{number}: {wrong_fields(error, 'the line', most=1)}; the schema is "
                f"{CLAIMS.with_name('schema.json')}"
            ) from error
    repeated = [key for key, count in Counter(c.id for c in found).items() if count > 1]
    if not found or repeated:
        said = f"ids come twice: {', '.join(repeated[:5])}" if repeated else "no claim is in it"
        raise SuiteError(f"{path}: {said}; expected one claim a line, each with an id of its own")
    return tuple(found)


def passage_of(claim: LabelledClaim, passages: Mapping[str, Passage]) -> Passage:
    """Return the passage that a claim was labelled with.

    Raises:
        SuiteError: it is gone or reads otherwise now, so that the label may not hold any more.
    """
    found = passages.get(claim.passage)
    if found is None or (found.heading, found.text) != (claim.heading, claim.text):
        now = f"reads otherwise now: {found.text[:80]!r}" if found else "is gone"
        raise SuiteError(
            f"{claim.id}: its passage {claim.passage} {now}; read the pair again and mend its "
            f"heading, text and label in {CLAIMS}"
        )
    return found


def passages_in(knowledge_base: KnowledgeBase) -> dict[str, Passage]:
    """Return a knowledge base's passages by id."""
    return {p.id: p for topic in knowledge_base.topics for p in passages_of(topic)}


def rendered_claims_schema() -> str:
    """Return the text that eval/suites/claims/schema.json should hold."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ClaimRecord.model_json_schema(),
        "title": "Citewise labelled claim",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
