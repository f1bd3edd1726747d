"""Cases and suites: validated at the edge, frozen inside, split into halves by topic.

The halves are decided by a hash of the topic, so that no question of a topic that was looked at
during development is in the sealed half. A case without a topic (out of the domain) is split,
and clustered, by its own id.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.errors import SuiteError
from index.errors import wrong_fields

__all__ = [
    "NO_TOPIC",
    "SUITES",
    "WORDS",
    "Case",
    "CaseRecord",
    "EarlierMessage",
    "ExpectedNumber",
    "Nugget",
    "Split",
    "read_suite",
    "rendered_schema",
    "sample_of",
    "seal_of",
    "smoke_of",
    "split_of",
    "suite_names",
]

SUITES: Path = Path(__file__).resolve().parent / "suites"
NO_TOPIC = "none"
# A gold passage may be named by words that stand in it, which outlive how a document is cut.
WORDS = "words:"
Split = Literal["dev", "sealed"]
# Chosen among salts as the first that halves the shipped topics.
_SALT = "citewise-split-4"
# How many of each slice the smoke run asks: 40 questions, every behaviour touched.
_SMOKE = {
    "paraphrase": 10, "data-point": 8, "unanswerable": 8, "conversation": 4, "adversarial": 4,
    "cross-topic": 3, "false-premise": 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EarlierMessage:
    """An earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Nugget:
    """A fact that an answer should hold. Any of `aliases` says the same as `text`."""

    text: str
    vital: bool = True
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedNumber:
    """A figure that an answer must give, as printed, with its unit (empty where none)."""

    value: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what a right answer holds.

    `gold` are the ids of passages that bear the answer, or words in them; `forbidden` are regular
    expressions that no answer may match; `standalone` is a follow-up written out.
    """

    id: str
    slice: str
    style: str
    topic: str
    question: str
    answerable: bool
    history: tuple[EarlierMessage, ...] = ()
    gold: tuple[str, ...] = ()
    reference: str = ""
    nuggets: tuple[Nugget, ...] = ()
    numbers: tuple[ExpectedNumber, ...] = ()
    topics: tuple[str, ...] = ()
    standalone: str = ""
    attack: str = ""
    forbidden: tuple[str, ...] = ()

    @property
    def cluster(self) -> str:
        """What the case is resampled with: its topic, or itself where it has none."""
        return self.id if self.topic == NO_TOPIC else self.topic

    @property
    def split(self) -> Split:
        """The half that the case belongs to."""
        return split_of(self.cluster)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class TurnRecord(_Record):
    """An earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class NuggetRecord(_Record):
    """A fact that an answer should hold."""

    text: str = Field(min_length=1)
    vital: bool
    aliases: list[str] = Field(default_factory=list, description="other ways to say it")


class NumberRecord(_Record):
    """A figure that an answer must give."""

    value: str = Field(min_length=1, description="as printed")
    unit: str = ""


class CaseRecord(_Record):
    """One line of a suite."""

    id: str = Field(min_length=1, description="unique among all suites")
    slice: str = Field(min_length=1, description="the suite's name")
    style: str = Field(description="how the question is put")
    topic: str = Field(min_length=1, description="a topic's slug, or `none`")
    question: str = Field(min_length=1)
    history: list[TurnRecord]
    gold: list[str] = Field(
        description="ids of passages that bear the answer, or `words:` and words that stand in them"
    )
    reference: str = Field(description="a right answer, or why there is none")
    nuggets: list[NuggetRecord]
    numbers: list[NumberRecord]
    answerable: bool
    topics: list[str] = Field(default_factory=list, description="all topics, where several")
    standalone: str = Field("", description="a follow-up written out")
    attack: str = Field("", description="the kind of attack")
    forbidden: list[str] = Field(
        default_factory=list, description="regular expressions that no answer may match"
    )

    def frozen(self) -> Case:
        """Return the case as the rest of the harness uses it."""
        return Case(
            id=self.id,
            slice=self.slice,
            style=self.style,
            topic=self.topic,
            question=self.question,
            answerable=self.answerable,
            history=tuple(EarlierMessage(turn.role, turn.content) for turn in self.history),
            gold=tuple(self.gold),
            reference=self.reference,
            nuggets=tuple(Nugget(n.text, n.vital, tuple(n.aliases)) for n in self.nuggets),
            numbers=tuple(ExpectedNumber(n.value, n.unit) for n in self.numbers),
            topics=tuple(self.topics),
            standalone=self.standalone,
            attack=self.attack,
            forbidden=tuple(self.forbidden),
        )


def split_of(cluster: str) -> Split:
    """Return a topic's half: the parity of sha256("citewise-split-4:" + topic)'s first byte."""
    digest = hashlib.sha256(f"{_SALT}:{cluster}".encode()).digest()
    return "dev" if digest[0] % 2 == 0 else "sealed"


def suite_names() -> list[str]:
    """Return the names of the shipped suites."""
    return sorted(path.stem for path in SUITES.glob("*.jsonl"))


def read_suite(name: str) -> tuple[Case, ...]:
    """Read a suite: a name in eval/suites, `all` of them, `smoke`, or the path of a JSONL file.

    Raises:
        SuiteError: there is none of that name, or a line in it is wrong.
    """
    if name in ("all", "smoke"):
        cases = tuple(case for each in suite_names() for case in _read(SUITES / f"{each}.jsonl"))
        cases = smoke_of(cases) if name == "smoke" else cases
    else:
        path = SUITES / f"{name}.jsonl" if name in suite_names() else Path(name)
        if not path.is_file():
            known = ", ".join(["all", "smoke", *suite_names()])
            raise SuiteError(f"no suite {name!r}; expected one of {known}, or a JSONL file's path")
        cases = _read(path)
    repeated = [key for key, count in Counter(case.id for case in cases).items() if count > 1]
    if repeated:
        raise SuiteError(f"suite {name}: ids must be unique, repeated: {', '.join(repeated[:5])}")
    return cases


def _read(path: Path) -> tuple[Case, ...]:
    cases = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                cases.append(CaseRecord.model_validate_json(line).frozen())
            except ValidationError as error:
                raise SuiteError(
                    f"{path}:{number}: {wrong_fields(error, 'the line', most=1)}; the schema is "
                    f"{SUITES / 'schema.json'}"
                ) from error
    return tuple(cases)


def sample_of(cases: Sequence[Case], limit: int) -> tuple[Case, ...]:
    """Choose `limit` cases by the hash of their ids: the same ones each time, no order's favour."""
    ranked = sorted(cases, key=lambda case: hashlib.sha256(case.id.encode()).hexdigest())
    chosen = {case.id for case in ranked[:limit]}
    return tuple(case for case in cases if case.id in chosen)


def smoke_of(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Choose the 40 development questions that every change is tried on: a quota a slice."""
    open_cases = [case for case in cases if case.split == "dev"]
    return tuple(
        case
        for name, quota in _SMOKE.items()
        for case in sample_of([case for case in open_cases if case.slice == name], quota)
    )


def seal_of(cases: Iterable[Case]) -> str:
    """Hash the sealed half of a suite, whatever the order and spacing of its lines. Hexadecimal."""
    sealed = sorted(
        json.dumps(asdict(case), sort_keys=True, ensure_ascii=False)
        for case in cases
        if case.split == "sealed"
    )
    return hashlib.sha256("\n".join(sealed).encode()).hexdigest()


def rendered_schema() -> str:
    """Return the text that eval/suites/schema.json should hold (JSON Schema 2020-12)."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **CaseRecord.model_json_schema(),
        "title": "Citewise evaluation case",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
