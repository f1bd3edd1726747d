"""What a run keeps: one sample an answer, with everything needed to score it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from eval.cases import Case

__all__ = ["Cited", "Claimed", "Output", "Ranked", "Sample", "sample_from_json"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A retrieved passage, its rank given by its place."""

    ref: str
    topic: str
    score: float


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation: the number in the text, the passage (empty where unknown), the quote."""

    n: int
    ref: str
    url: str
    title: str
    quote: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A sentence that the target itself names as a claim; `start`, `end` in code points."""

    text: str
    start: int
    end: int
    cites: tuple[int, ...]
    refs: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a target gave back for one case.

    `passages` maps the ids of evidence and cited passages to what they say, so that citations
    can be checked later without the index; where a target shows no passages, its quotes stand
    in. `act` is what the target took the turn for, empty where it does not say, `missing` what it
    says it has no answer to. `timings` are milliseconds. `confidence` and `answerable` are None
    where the target does not say.
    """

    text: str = ""
    abstained: bool = False
    answerable: bool | None = None
    confidence: float | None = None
    hits: tuple[Ranked, ...] = ()
    citations: tuple[Cited, ...] = ()
    claims: tuple[Claimed, ...] = ()
    dropped: tuple[str, ...] = ()
    conflicts: tuple[tuple[str, ...], ...] = ()
    passages: Mapping[str, str] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    timings: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    mode: str = ""
    standalone_query: str = ""
    prompt_sha256: str = ""
    index_fingerprint: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    answered: bool = True
    act: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of samples.jsonl. `error` is empty where the target answered."""

    key: str
    case: Case
    persona: str
    repeat: int
    seed: int | None
    output: Output
    error: str = ""
    cached: bool = False
    at: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready dicts and lists."""
        return asdict(self)


_ADAPTER = TypeAdapter(Sample)


def sample_from_json(line: str | bytes) -> Sample:
    """Read one line of samples.jsonl.

    Raises:
        pydantic.ValidationError: it is no sample.
    """
    return _ADAPTER.validate_json(line)
