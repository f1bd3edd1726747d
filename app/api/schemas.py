"""What the endpoint answers: the answers are made from these models, and so is its OpenAPI."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict

from app.record.checked import DifferenceKind, Verdict
from app.record.types import Basis, ClaimStatus, Outcome
from app.store.records import Rating, Reason

__all__ = [
    "CalculationReply",
    "Calculations",
    "ChatCompletion",
    "CheckReply",
    "CheckRevoked",
    "DocumentDeleted",
    "DocumentReply",
    "Documents",
    "Embeddings",
    "ErrorBody",
    "FeedbackReply",
    "Found",
    "Health",
    "ModelCard",
    "ModelCards",
    "ResponseObject",
]


class Reply(BaseModel):
    """The base of every answer; a field with a default is left out where it was not set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def as_dict(self) -> dict[str, Any]:
        """The answer as plain values, as they are sent."""
        return self.model_dump(exclude_unset=True)


class ErrorFields(Reply):
    """What went wrong; `param` is the request's field that is to blame."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Reply):
    """Every answer that is an error."""

    error: ErrorFields


class UrlCitation(Reply):
    """Where a marker stands, in code points, and what it stands for."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(Reply):
    """OpenAI's form of a citation."""

    type: Literal["url_citation"]
    url_citation: UrlCitation


class ReplyMessage(Reply):
    """The answer; its text holds the markers `[n]`, or where JSON was asked for, none.

    `refusal` is null, except where JSON was asked for and the evidence bears no answer.
    """

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    annotations: list[Annotation]


class Choice(Reply):
    """The one choice."""

    index: int
    message: ReplyMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class Usage(Reply):
    """Tokens, the evidence in the prompt included."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class SearchResult(Reply):
    """A cited source in Perplexity's form."""

    title: str
    url: str
    snippet: str


class SourcePlace(Reply):
    """Where in a document a passage stands: its file, the headings above it, anchor and page."""

    path: str
    section: list[str]
    anchor: str
    page: int | None


class Work(Reply):
    """One of several works of which any may bear what is said."""

    title: str
    url: str


class GroundingSource(Reply):
    """A source under its number.

    A document's quotes are its own words; a reference's are the knowledge base's about it. Where
    it can't be told which of several works bears them, `works` names all and `url` is empty.
    """

    n: int
    kind: Literal["document", "reference"]
    refs: list[str]
    title: str
    url: str
    place: SourcePlace | None
    works: list[Work]
    quotes: list[str]
    score: float


class GroundingClaim(Reply):
    """A sentence, in code points of the text, and what was found about it.

    `basis` says whose words it is: the cited document's (quoted), the knowledge base's, which rest
    on what is cited (restated), a model's (drafted), or the result of a formula (computed).
    """

    start: int
    end: int
    cites: list[int]
    status: ClaimStatus
    basis: Basis


class ConflictValue(Reply):
    """A value and its source's number; 0 where the answer doesn't cite it."""

    value: str
    n: int


class GroundingConflict(Reply):
    """A quantity on which the sources disagree."""

    quantity: str
    values: list[ConflictValue]


class GroundingPremise(Reply):
    """What the question takes for granted and the source of this number contradicts."""

    text: str
    n: int


class CalculationResult(Reply):
    """A calculation with its sum."""

    name: str
    inputs: dict[str, Any]
    result: dict[str, Any]
    steps: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    others: list[dict[str, Any]]
    assumptions: list[str]
    sources: list[dict[str, Any]]


class Grounding(Reply):
    """What no standard holds.

    `act` is what the turn does ("ask", "shorten", "thank", …) and `outcome` what became of it;
    `missing` names what was asked and is not answered.
    """

    act: str
    outcome: Outcome
    missing: list[str]
    abstained: bool
    retrieval_confidence: float
    index_fingerprint: str
    persona: str
    standalone_query: str
    sources: list[GroundingSource]
    claims: list[GroundingClaim]
    conflicts: list[GroundingConflict]
    premises: list[GroundingPremise]
    calculations: list[CalculationResult]


class SideChannels(TypedDict):
    """The fields beside an answer's text, the same in both protocols.

    `x_grounding` is null for a client's own chore, such as a title.
    """

    citations: list[str]
    search_results: list[SearchResult]
    x_grounding: Grounding | None


class ChatCompletion(Reply):
    """A whole answer. `x_grounding` is null for a client's own chore, such as a title."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    citations: list[str]
    search_results: list[SearchResult]
    x_grounding: Grounding | None


class ChunkDelta(Reply):
    """What a chunk of a stream adds; nothing in it says that the stream is alive."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: str | None = None
    annotations: list[Annotation] = []


class ChunkChoice(Reply):
    """The one choice, as far as it has come."""

    index: int
    delta: ChunkDelta
    logprobs: None
    finish_reason: Literal["stop", "length"] | None


class ChatChunk(Reply):
    """An event of a stream; the last with a choice has what a whole answer has beside its text."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    citations: list[str] = []
    search_results: list[SearchResult] = []
    x_grounding: Grounding | None = None


class ModelCard(Reply):
    """A persona."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str
    description: str


class ModelCards(Reply):
    """Every persona."""

    object: Literal["list"]
    data: list[ModelCard]


class FoundSource(Reply):
    """Where a passage comes from."""

    id: str
    label: str
    url: str
    year: int | None


class FoundHit(Reply):
    """A passage; `trace` has each stage's own score."""

    ref: str
    topic: str
    score: float
    kind: str
    title: str
    heading: str
    text: str
    place: SourcePlace | None
    sources: list[FoundSource]
    trace: dict[str, float]


class FoundValue(Reply):
    """A value and the passage that holds it."""

    value: str
    ref: str


class FoundConflict(Reply):
    """A quantity on which the passages disagree."""

    quantity: str
    values: list[FoundValue]


class Found(Reply):
    """What retrieval found, best first; `timings` are milliseconds."""

    object: Literal["retrieval"]
    standalone_query: str
    answerable: bool
    confidence: float
    index_fingerprint: str
    hits: list[FoundHit]
    conflicts: list[FoundConflict]
    nearest: list[str]
    timings: dict[str, float]


class Embedding(Reply):
    """A vector: numbers, or base64 of little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(Reply):
    """Tokens, as the encoder counts them; what it cuts off is not counted."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Reply):
    """Vectors in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage


class Health(Reply):
    """Whether the process lives, or which parts are ready."""

    status: Literal["ok", "ready"]
    parts: dict[str, Any]


class ResponseUsage(Reply):
    """Tokens, the evidence in the prompt included."""

    input_tokens: int
    input_tokens_details: dict[str, int]
    output_tokens: int
    output_tokens_details: dict[str, int]
    total_tokens: int


class FlatCitation(Reply):
    """A citation as the Responses protocol has it."""

    type: Literal["url_citation"]
    start_index: int
    end_index: int
    url: str
    title: str


class OutputText(Reply):
    """The answer's text with its citations."""

    type: Literal["output_text"]
    text: str
    annotations: list[FlatCitation]
    logprobs: list[Any]


class OutputRefusal(Reply):
    """An abstention where JSON was asked for."""

    type: Literal["refusal"]
    refusal: str


class OutputMessage(Reply):
    """The message."""

    id: str
    type: Literal["message"]
    status: Literal["in_progress", "completed", "incomplete"]
    role: Literal["assistant"]
    content: list[OutputText | OutputRefusal]


class SearchedPassage(Reply):
    """A passage that was found."""

    file_id: str
    filename: str
    score: float
    text: str
    attributes: dict[str, str]


class FileSearchCall(Reply):
    """The retrieval, where it was asked for as an item."""

    id: str
    type: Literal["file_search_call"]
    status: Literal["in_progress", "completed"]
    queries: list[str]
    results: list[SearchedPassage] | None


class Reasoning(Reply):
    """There is none."""

    effort: None = None
    summary: None = None


class ResponseText(Reply):
    """The form that was asked of the text."""

    format: dict[str, Any]


class FailedFields(Reply):
    """Why a stream broke."""

    code: str
    message: str


class Incomplete(Reply):
    """Why an answer is not whole."""

    reason: Literal["max_output_tokens"]


class ResponseState(Reply):
    """A response on its way, as a stream's events hold it."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    background: Literal[False]
    error: FailedFields | None
    incomplete_details: Incomplete | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None
    metadata: dict[str, str]
    model: str
    output: list[FileSearchCall | OutputMessage]
    parallel_tool_calls: Literal[True]
    previous_response_id: None
    presence_penalty: float
    frequency_penalty: float
    prompt_cache_key: None
    reasoning: Reasoning
    safety_identifier: None
    service_tier: Literal["default"]
    store: Literal[False]
    temperature: float
    text: ResponseText
    tool_choice: Any
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: Literal["disabled"]
    usage: ResponseUsage | None


class ResponseObject(ResponseState):
    """A whole response."""

    status: Literal["completed", "incomplete"]
    usage: ResponseUsage
    citations: list[str]
    search_results: list[SearchResult]
    x_grounding: Grounding | None


class CalculationReply(CalculationResult):
    """A calculation that was asked for; its `value` is null where nothing bounds it."""

    object: Literal["calculation"]


class Calculations(Reply):
    """What can be calculated, with every input, and the models and machines known by name."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    models: list[dict[str, str]]
    machines: list[dict[str, str]]


class CheckDifference(Reply):
    """Words of the text in code points, and what a passage says in their place, if anything."""

    kind: DifferenceKind
    said: str
    start: int
    end: int
    source: str
    source_start: int
    source_end: int


class CheckPassage(Reply):
    """A passage; `quote` is the span of its text, in code points, that was read against."""

    ref: str
    title: str
    heading: str
    text: str
    start: int
    end: int
    quote: str
    sources: list[FoundSource]
    place: SourcePlace | None
    differences: list[CheckDifference]


class CheckSentence(Reply):
    """A sentence, in code points of the text; `read_as` where it points at what stands before."""

    text: str
    start: int
    end: int
    verdict: Verdict
    confidence: float
    read_as: str
    passages: list[CheckPassage]


class CheckReply(Reply):
    """A checked text; `id` and `link` are null unless it was to be kept."""

    object: Literal["check"]
    id: str | None
    link: str | None
    created: int
    index_fingerprint: str
    text: str
    counts: dict[Verdict, int]
    sentences: list[CheckSentence]


class CheckRevoked(Reply):
    """A kept result is gone."""

    id: str
    object: Literal["check"]
    deleted: Literal[True]


class DocumentFile(Reply):
    """A file that was uploaded."""

    name: str
    bytes: int


class DocumentProgress(Reply):
    """How many of a document's texts are encoded."""

    done: int
    total: int


class DocumentReply(Reply):
    """A source of the index, or one that is to become one; asked within by its `name`.

    `read` is when it was last read, in seconds since 1970; `warnings` what of it was not.
    """

    object: Literal["document"]
    name: str
    status: Literal["reading", "ready", "failed", "removing"]
    uploaded: bool
    files: list[DocumentFile]
    documents: int
    passages: int
    read: int | None
    progress: DocumentProgress | None
    warnings: list[str]
    error: str | None


class Documents(Reply):
    """What there is to ask within."""

    object: Literal["list"]
    data: list[DocumentReply]


class DocumentDeleted(Reply):
    """A document is gone."""

    name: str
    object: Literal["document"]
    deleted: Literal[True]


class FeedbackReply(Reply):
    """The feedback as it is kept; `created` is in seconds since 1970."""

    id: str
    object: Literal["feedback"]
    created: int
    response_id: str
    rating: Rating
    reasons: list[Reason]
    comment: str
    claim: int | None
