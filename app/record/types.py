"""What goes into an answer and what comes out: messages, sampling, claims, citations, events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from app.record.errors import ModelError
from app.record.reasons import Reason
from index.disagreements import Standing
from index.types import Hit, Place, Source

__all__ = [
    "Answer",
    "AnswerMode",
    "Basis",
    "Citation",
    "Claim",
    "ClaimStatus",
    "Conflict",
    "ConflictValue",
    "Delta",
    "Dropped",
    "Event",
    "Final",
    "FinishReason",
    "Gap",
    "JsonForm",
    "Message",
    "Outcome",
    "Premise",
    "Question",
    "Retrieved",
    "Rewrite",
    "Role",
    "Sampling",
    "Usage",
]

Role = Literal["system", "user", "assistant"]
ClaimStatus = Literal["supported", "partial", "unsupported"]
Basis = Literal["quoted", "restated", "drafted", "computed"]
FinishReason = Literal["stop", "length"]
AnswerMode = Literal["draft", "composed", "mixed", "abstained", "talk", "computed"]
GapKind = Literal["absent", "named", "together", "asked"]
Outcome = Literal["answered", "partly", "refused", "talk"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as plain text."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model picks tokens; None leaves the choice to the persona, then the defaults.

    `temperature` 0 is greedy; `top_p` in (0, 1] is nucleus sampling (Holtzman et al. 2020),
    1 switches it off; `max_tokens` bounds the answer; `seed` makes a run repeatable; any of
    `stop` ends the answer.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JsonForm:
    """JSON as which an answer is to be written; without a schema, any object.

    `schema` is a JSON Schema (draft 2020-12), `name` what the client calls it.
    """

    schema: Mapping[str, Any] | None = None
    name: str = "answer"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the pipeline. `instructions` are a client's own system messages.

    `sources` are the names of those to ask within; none asks all of them.
    """

    text: str
    history: tuple[Message, ...] = ()
    persona: str = "citewise-expert"
    sampling: Sampling = field(default_factory=Sampling)
    instructions: str = ""
    passages: int | None = None
    form: JsonForm | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, counted by the model's own tokenizer, the evidence in the prompt included."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Add up the tokens of two calls."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Rewrite:
    """How a message was read: what it does, and the question made to stand alone.

    `method` is `none` where the rules read it as it is, `model` where what a model told counts;
    `reason` says why that was not taken where the model was asked and the rules stand; `usage` is
    that call's, which is unknown (0) where it was broken off; `taken` is what it took from the
    conversation.
    """

    method: Literal["none", "rules", "model"] = "none"
    reason: str = ""
    usage: Usage = field(default_factory=Usage)
    taken: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage under its number in the answer. Passages of one paper share the number.

    `ref` is the passage's id, `quote` the span of it that bears the claim, from `start` to
    `end` in code points of the passage's text. `place` is where that passage stands in the cited
    document, whose own words the quote then is; where it is None, the quote is the knowledge
    base's words about the source. `works` are all that are meant where it can't be told which one
    of several sources bears the quote; such a citation has no `url` of its own.
    """

    n: int
    ref: str
    url: str
    title: str
    quote: str
    start: int = 0
    end: int = 0
    year: int | None = None
    score: float = 0.0
    place: Place | None = None
    works: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer with what was found about it.

    `start` and `end` are code points in the answer's text, markers included; `cites` are
    source numbers, `refs` the passages behind them; `support` is the verifier's score, 0 to 1;
    `evidence` are positions in the answer's citations: the quotes that bear this sentence.
    `basis` says whose words it is: `quoted` the cited document's own, `restated` the knowledge
    base's, which rest on what is cited, `drafted` a model's, `computed` the result of a formula.
    """

    text: str
    start: int
    end: int
    cites: tuple[int, ...]
    refs: tuple[str, ...]
    status: ClaimStatus
    support: float = 0.0
    evidence: tuple[int, ...] = ()
    basis: Basis = "restated"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that the model wrote and the reader does not see, with the reason."""

    text: str
    reason: str
    kind: Reason = Reason.OTHER


@dataclass(frozen=True, slots=True)
class ConflictValue:
    """One of the values that sources give for a quantity. `n` is 0 until it is cited.

    `standing` is what is known of it: computed, miscomputed (it does not follow from its own
    calculation), newer, primary, or "".
    """

    value: str
    ref: str
    n: int = 0
    standing: Standing = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A quantity for which the retrieved evidence holds different values."""

    quantity: str
    values: tuple[ConflictValue, ...]


@dataclass(frozen=True, slots=True)
class Premise:
    """What a question takes for granted, as it is worded there, and the passage against it.

    `n` is the number under which the answer cites the passage.
    """

    text: str
    ref: str
    n: int


@dataclass(frozen=True, slots=True)
class Gap:
    """What a question asks of and no passage found speaks of.

    `what` is in the question's words or, of `asked`, the kind of thing. `absent`: nothing that
    the question names is spoken of; `named`: some of it is not; `together`: each of it somewhere,
    all of it nowhere; `asked`: the subject is there, not what is asked of it.
    """

    kind: GapKind
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole record of one answer: enough to show it, score it and ask it again.

    `confidence` is the gate's estimate that the evidence holds an answer, 0 to 1; `nearest` are
    questions that can be answered, offered with an abstention; `premises` are those of the
    question that the answer corrects; `timings` are milliseconds a stage. Enough to ask it again:
    `question` is what was asked, with its history; `sampling` what was chosen, the seed that the
    model used included; `prompt_sha256` names the exact prompt that the model saw,
    `prefix_sha256` the part of it that all questions under the persona share, and `delimiter`
    what set its data apart (all three empty where no model was asked). `act` is what the turn
    did ("ask", "shorten", "thank", …); `missing` names what was asked and is not answered.
    """

    id: str
    text: str
    abstained: bool
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    usage: Usage = field(default_factory=Usage)
    timings: Mapping[str, float] = field(default_factory=dict)
    persona: str = ""
    model: str = ""
    mode: AnswerMode = "draft"
    finish_reason: FinishReason = "stop"
    standalone_query: str = ""
    confidence: float = 0.0
    index_fingerprint: str = ""
    nearest: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    prompt_sha256: str = ""
    rewrite: Rewrite = field(default_factory=Rewrite)
    prefix_sha256: str = ""
    delimiter: str = ""
    question: Question | None = None
    premises: tuple[Premise, ...] = ()
    act: str = "ask"
    missing: tuple[str, ...] = ()
    calculations: tuple[Mapping[str, Any], ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What came of the turn."""
        if self.mode == "talk":
            return "talk"
        if self.abstained:
            return "refused"
        return "partly" if self.missing else "answered"

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as JSON-ready dicts and lists."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The first event: what was found, before anything is written.

    `conflicts` are those that the question asks about, `unasked` those that an answer must state
    once it gives one of their values; `counterparts` are the passages of either that are no hits;
    `act` is what the turn does, `gap` what the passages do not speak of; `beside` is what there is
    besides on the subject of the best hit, for a persona that asks for it.
    """

    standalone_query: str
    hits: tuple[Hit, ...]
    conflicts: tuple[Conflict, ...]
    answerable: bool
    confidence: float
    index_fingerprint: str
    nearest: tuple[str, ...]
    timings: Mapping[str, float]
    rewrite: Rewrite = field(default_factory=Rewrite)
    unasked: tuple[Conflict, ...] = ()
    counterparts: tuple[Hit, ...] = ()
    act: str = "ask"
    gap: Gap | None = None
    beside: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text that may be shown, verified, with what it newly cites and claims.

    The texts of all deltas, joined, are the final answer's text. `dropped` is what a model wrote
    since the delta before and is not shown; where nothing is, the text is empty.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    claim: Claim | None = None
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Final:
    """The last event."""

    answer: Answer


Event = Retrieved | Delta | Final


async def final_answer(events: AsyncGenerator[Event, None]) -> Answer:
    """Read events to their end for the answer alone; however it ends, they are closed.

    Raises:
        ModelError: they ended without an answer.
    """
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Final):
                return event.answer
    raise ModelError("the pipeline ended without an answer")
