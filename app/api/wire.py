"""What clients send: the requests' models, with OpenAI's names, defaults and ranges.

Unknown fields are ignored and an explicit null is the default, since clients send both. Types
are strict: "0.5" is no number. What a model here takes but the product can't honour is refused
in `app.api.asking`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
)

from app.store.records import Rating, Reason

__all__ = [
    "NO_TEXT",
    "OTHER_PARTS",
    "Alternatives",
    "CalculateRequest",
    "ChatMessage",
    "ChatRequest",
    "CheckRequest",
    "Count",
    "EmbeddingsRequest",
    "FeedbackRequest",
    "JsonSchema",
    "Limit",
    "OtherPart",
    "RefusalPart",
    "RetrieveRequest",
    "TextPart",
    "TextParts",
    "Wire",
    "either",
]

INT64 = 2**63
_ASKING: list[JsonValue] = ["user", "system", "developer"]  # a list of messages needs one of these


class Wire(BaseModel):
    """The base of every request."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def _whole_number(value: object) -> object:
    """JSON has one kind of number: 7.0 is the integer 7."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("expected 1 or more, or -1 for no limit")
    return value


_Integral = BeforeValidator(_whole_number)  # outermost, so that the bounds stay in the schema
Count = Annotated[int, Field(ge=1, lt=INT64), _Integral]
Passages = Annotated[int, Field(ge=1, le=20), _Integral]
Seed = Annotated[int, Field(ge=-INT64, lt=INT64), _Integral]
One = Annotated[int, Field(ge=1, le=1), _Integral]
Alternatives = Annotated[int, Field(ge=0, le=20), _Integral]
Limit = Annotated[
    int,
    Field(
        ge=-1,
        lt=INT64,
        description="tokens of the answer; -1 is as many as the model has room for",
        json_schema_extra={"not": {"const": 0}},
    ),
    AfterValidator(_not_zero),
    _Integral,
]
Position = Annotated[int, Field(ge=0, lt=2**31), _Integral]


def either(value: object) -> str:
    """The branch of a union of one and many; "~" keeps it out of the errors' `param`."""
    return "~many" if isinstance(value, list) else "~one"


class TextPart(Wire):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class RefusalPart(Wire):
    """A part of an assistant's message with which it refused."""

    type: Literal["refusal"]
    refusal: str


class OtherPart(Wire):
    """A part that is no text: left out of an earlier turn, refused in the question."""

    type: Literal[
        "image_url", "image", "input_image", "input_audio", "audio", "video_url", "file",
        "input_file", "document",
    ]  # fmt: skip


OTHER_PARTS = frozenset(get_args(OtherPart.model_fields["type"].annotation))
NO_TEXT = (
    'expected a part {"type": "text", "text": …}; nothing else is read and nothing is ever fetched'
)


def _part_kind(part: object) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else getattr(part, "type", None)
    if not isinstance(kind, str):
        return None
    if kind in OTHER_PARTS:
        return "~other"
    return f"~{kind}" if kind in ("text", "refusal") else None


Part = Annotated[
    Annotated[TextPart, Tag("~text")]
    | Annotated[RefusalPart, Tag("~refusal")]
    | Annotated[OtherPart, Tag("~other")],
    Discriminator(_part_kind, custom_error_type="text_part", custom_error_message=NO_TEXT),
]
TextParts = Annotated[
    Annotated[str, Tag("~one")] | Annotated[list[Part], Tag("~many")], Discriminator(either)
]
Stop = Annotated[
    Annotated[str, Field(max_length=256), Tag("~one")]
    | Annotated[
        list[Annotated[str, Field(max_length=256)]],
        Field(max_length=4),
        Tag("~many"),
    ],
    Discriminator(either),
]


Choice = Annotated[
    Annotated[str, Tag("~one")] | Annotated[dict[str, Any], Tag("~many")],
    Discriminator(lambda value: "~many" if isinstance(value, dict) else "~one"),
]


def _only(*values: Any, **bounds: Any) -> Any:  # noqa: ANN401 - as Field
    """A field whose other values are read, for their ranges, and then refused."""
    honoured: dict[str, Any] = {"enum": [None, *values]}
    return Field(None, json_schema_extra=honoured, **bounds)


class ChatMessage(Wire):
    """One message. Tool results and refusals are read as text."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: TextParts | None = None
    refusal: str | None = None

    def text(self) -> str:
        """The message's text, its parts joined by line ends."""
        if isinstance(self.content, list):
            texts = [
                part.text if isinstance(part, TextPart) else part.refusal
                for part in self.content
                if not isinstance(part, OtherPart)
            ]
            return "\n".join(texts)
        return self.content or self.refusal or ""

    def others(self) -> list[int]:
        """The positions of its parts that are no text."""
        parts = self.content if isinstance(self.content, list) else []
        return [i for i, part in enumerate(parts) if isinstance(part, OtherPart)]


class StreamOptions(Wire):
    """What a stream brings beside its text."""

    include_usage: bool | None = None


class JsonSchema(Wire):
    """A JSON Schema that the answer's text is to follow."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    schema_: dict[str, Any] | None = Field(
        None, alias="schema", description="draft 2020-12, complete in itself"
    )
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Wire):
    """The form that is asked of the answer's text; JSON where the engine can be held to it."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = Field(None, description="where the type is json_schema")


SourceNames = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=32)
]


class ChatRequest(Wire):
    """`POST /v1/chat/completions`."""

    model: str = Field(min_length=1, max_length=256, description="a persona: see /v1/models")
    messages: list[ChatMessage] = Field(
        min_length=1,
        description="the last user message is the question, the others its history",
        json_schema_extra={"contains": {"properties": {"role": {"enum": _ASKING}}}},
    )
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    n: One | None = Field(None, description="an answer has one grounding: only 1")
    max_tokens: Limit | None = Field(None, description="older name of the next")
    max_completion_tokens: Limit | None = None
    stop: Stop | None = None
    seed: Seed | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="read, not used")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="read, not used")
    logit_bias: dict[str, float] | None = Field(None, description="read, not used")
    logprobs: bool | None = _only(False)
    top_logprobs: Alternatives | None = _only(0)
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = _only(["text"])
    tools: list[dict[str, Any]] | None = Field(None, description="accepted, never called")
    tool_choice: Choice | None = _only("none", "auto")
    function_call: Choice | None = _only("none", "auto")
    store: bool | None = Field(
        None, description="false: the answer is not kept and can't be given feedback on"
    )
    x_sources: SourceNames = Field([], description="ask within these sources alone, by name")


class RetrieveRequest(Wire):
    """`POST /v1/retrieve`."""

    query: str = Field(min_length=1)
    k: Passages | None = Field(None, description="passages at most")
    history: list[ChatMessage] | None = Field(None, description="the turns before the query")
    x_sources: SourceNames = Field([], description="ask within these sources alone, by name")


class CheckRequest(Wire):
    """`POST /v1/check`."""

    text: str = Field(min_length=1, description="a sentence or a paragraph, as it stands")
    keep: bool | None = Field(
        False, description="keep the result under a link, for whoever can reach this server"
    )


class CalculateRequest(Wire):
    """`POST /v1/calculate`."""

    name: str = Field(min_length=1, max_length=100, description="see /v1/calculations")
    inputs: dict[str, JsonValue] = Field(
        description="by name: numbers in the input's unit, or texts that bring theirs (24 GiB)"
    )


def _input_kind(value: object) -> str:
    """A text, texts, a text's token ids, or several texts' token ids."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, list):
        return "~many_ids"
    return "~ids" if isinstance(first, int | float) else either(value)


_MOST_INPUTS = 2048
TokenId = Annotated[int, Field(ge=0, lt=2**31), _Integral]
TokenIds = Annotated[list[TokenId], Field(min_length=1, max_length=100_000)]
Texts = Annotated[
    Annotated[str, Field(min_length=1), Tag("~one")]
    | Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(min_length=1, max_length=_MOST_INPUTS),
        Tag("~many"),
    ]
    | Annotated[TokenIds, Tag("~ids")]
    | Annotated[list[TokenIds], Field(min_length=1, max_length=_MOST_INPUTS), Tag("~many_ids")],
    Discriminator(_input_kind),
]


class EmbeddingsRequest(Wire):
    """`POST /v1/embeddings`."""

    model: str = Field(min_length=1, max_length=256, description="the encoder's name")
    input: Texts = Field(
        description="one text or up to 2,048; or their token ids, which are the encoder's own"
    )
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Count | None = Field(None, description="only the encoder's own")
    input_type: Literal["query", "passage"] | None = Field(
        "query", description="which of the encoder's two towers"
    )


class FeedbackRequest(Wire):
    """`POST /v1/feedback`."""

    response_id: str = Field(
        min_length=1, max_length=200, description="the id of a chat completion or a response"
    )
    rating: Rating
    reasons: list[Reason] | None = Field(
        None, max_length=5, description="what is wrong, with the rating down"
    )
    comment: str | None = Field(None, max_length=4000)
    claim: Position | None = Field(
        None, description="the position in x_grounding.claims of the one claim that is meant"
    )
