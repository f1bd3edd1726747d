"""What clients send to `POST /v1/responses`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from app.api.wire import (
    NO_TEXT,
    OTHER_PARTS,
    Alternatives,
    ChatMessage,
    Limit,
    OtherPart,
    RefusalPart,
    SourceNames,
    TextPart,
    Wire,
    either,
)

__all__ = ["ResponsesRequest"]

# Items of earlier turns that clients send back as they came; only a tool's result says anything.
_PASSED_OVER = Literal[
    "function_call", "function_call_output", "reasoning", "file_search_call", "web_search_call"
]


class InputText(Wire):
    """A part of a message that is text."""

    type: Literal["input_text", "output_text", "text"]
    text: str


def _part_kind(part: object) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text", "text"):
        return "~text"
    if kind in OTHER_PARTS:
        return "~other"
    return "~refusal" if kind == "refusal" else None


InputPart = Annotated[
    Annotated[InputText, Tag("~text")]
    | Annotated[RefusalPart, Tag("~refusal")]
    | Annotated[OtherPart, Tag("~other")],
    Discriminator(
        _part_kind,
        custom_error_type="text_part",
        custom_error_message=NO_TEXT.replace('"text",', '"input_text",', 1),
    ),
]


class MessageItem(Wire):
    """A message."""

    type: Literal["message"] | None = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        Annotated[str, Tag("~one")] | Annotated[list[InputPart], Tag("~many")],
        Discriminator(either),
    ]

    def message(self) -> ChatMessage:
        """The message as chat has it."""
        if isinstance(self.content, str):
            return ChatMessage(role=self.role, content=self.content)
        parts = [
            TextPart(type="text", text=part.text) if isinstance(part, InputText) else part
            for part in self.content
        ]
        return ChatMessage(role=self.role, content=parts)


class OtherItem(Wire):
    """Anything else that an earlier turn held."""

    type: _PASSED_OVER
    output: Any = None

    def message(self) -> ChatMessage:
        """A tool's result as chat has it; an empty message for what says nothing."""
        said = self.output if isinstance(self.output, str) else None
        return ChatMessage(role="tool", content=said)


def _item_kind(item: object) -> str:
    kind = item.get("type") if isinstance(item, dict) else None
    return "~message" if kind in (None, "message") else "~other"


Item = Annotated[
    Annotated[MessageItem, Tag("~message")] | Annotated[OtherItem, Tag("~other")],
    Discriminator(_item_kind),
]


class TextFormat(Wire):
    """The form that is asked of the text; JSON where the engine can be held to it."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    schema_: dict[str, Any] | None = Field(
        None, alias="schema", description="where the type is json_schema: draft 2020-12"
    )
    description: str | None = None
    strict: bool | None = None

    def shown(self) -> dict[str, Any]:
        """The format as the response repeats it."""
        if self.type != "json_schema":
            return {"type": self.type}
        return {
            "type": self.type,
            "name": self.name or "answer",
            "description": self.description,
            "schema": self.schema_,
            "strict": bool(self.strict),
        }


class TextOptions(Wire):
    """How the text is written."""

    format: TextFormat | None = None


class ResponsesRequest(Wire):
    """`POST /v1/responses`. It goes on from nothing: a conversation is sent whole each time."""

    model: str = Field(min_length=1, max_length=256, description="a persona: see /v1/models")
    input: Annotated[
        Annotated[str, Field(min_length=1), Tag("~one")]
        | Annotated[list[Item], Field(min_length=1), Tag("~many")],
        Discriminator(either),
    ] = Field(description="the question, or a conversation whose last user message it is")
    instructions: str | None = None
    stream: bool | None = False
    include: list[str] | None = Field(
        None, description="file_search_call.results shows what was retrieved, as an item"
    )
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_output_tokens: Limit | None = None
    top_logprobs: Alternatives | None = Field(None, json_schema_extra={"enum": [None, 0]})
    text: TextOptions | None = None
    tools: list[dict[str, Any]] | None = Field(
        None, description="accepted, never called; file_search shows the retrieval as an item"
    )
    tool_choice: Any = Field(
        None, json_schema_extra={"enum": [None, "none", "auto", {"type": "file_search"}]}
    )
    metadata: dict[str, str] | None = Field(None, max_length=16)
    x_sources: SourceNames = Field([], description="ask within these sources alone, by name")
    previous_response_id: str | None = Field(None, json_schema_extra={"enum": [None]})
    conversation: Any = Field(None, json_schema_extra={"enum": [None]})
    prompt: Any = Field(None, json_schema_extra={"enum": [None]})
    background: bool | None = Field(None, json_schema_extra={"enum": [None, False]})
    store: bool | None = Field(
        None, description="false: the answer is not kept and can't be given feedback on"
    )

    def messages(self) -> list[ChatMessage]:
        """The conversation as chat has it, item by item."""
        if isinstance(self.input, str):
            return [ChatMessage(role="user", content=self.input)]
        return [item.message() for item in self.input]

    def wants_search(self) -> bool:
        """Whether retrieval is to be shown as an item."""
        tools = [tool.get("type") for tool in self.tools or ()]
        return self.wants_results() or "file_search" in tools

    def wants_results(self) -> bool:
        """Whether that item is to hold what was found."""
        return "file_search_call.results" in (self.include or ())
