"""Responses as they are written: the object, its items, and the events of a stream."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from app.api.citing import claim_citations, side_channels, sources, url_citations
from app.api.errors import ApiError
from app.api.responses_wire import ResponsesRequest
from app.api.schemas import (
    FailedFields,
    FileSearchCall,
    FlatCitation,
    Incomplete,
    OutputMessage,
    OutputRefusal,
    OutputText,
    Reasoning,
    ResponseObject,
    ResponseState,
    ResponseText,
    ResponseUsage,
    SearchedPassage,
)
from app.record.sanitize import one_line, web_address
from app.record.types import Answer, Retrieved, Usage
from index.types import Hit

__all__ = ["ResponseReply"]


def _id(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex}"


def _usage(usage: Usage) -> ResponseUsage:
    return ResponseUsage(
        input_tokens=usage.prompt_tokens,
        input_tokens_details={"cached_tokens": 0},
        output_tokens=usage.completion_tokens,
        output_tokens_details={"reasoning_tokens": 0},
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _attributes(hit: Hit) -> dict[str, str]:
    """What a passage stands under and rests on; an address where there is only one."""
    sources = hit.passage.sources
    addresses = {address for source in sources if (address := web_address(source.url))}
    return {
        "heading": hit.passage.heading,
        "url": addresses.pop() if len(addresses) == 1 else "",
        "sources": one_line("; ".join(source.label for source in sources)),
    }


@dataclass(frozen=True, slots=True)
class ResponseReply:
    """Writes one response; ids and time are the same in all of it."""

    asked: ResponsesRequest
    grounded: bool
    formed: bool = False
    id: str = field(default_factory=lambda: _id("resp"))
    message_id: str = field(default_factory=lambda: _id("msg"))
    search_id: str = field(default_factory=lambda: _id("fs"))
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def shows_search(self) -> bool:
        """Whether retrieval is an item."""
        return self.grounded and self.asked.wants_search()

    def body(
        self,
        status: Literal["in_progress", "completed", "incomplete", "failed"],
        output: list[FileSearchCall | OutputMessage],
        kind: type[ResponseState] = ResponseState,
        **more: Any,  # noqa: ANN401 - fields of the model
    ) -> dict[str, Any]:
        """The response object in a state of its life."""
        asked = self.asked
        fields = {
            "completed_at": None, "error": None, "incomplete_details": None, "usage": None, **more,
        }  # fmt: skip
        return kind(
            id=self.id,
            object="response",
            created_at=self.created_at,
            status=status,
            background=False,
            instructions=asked.instructions,
            max_output_tokens=asked.max_output_tokens,
            max_tool_calls=None,
            metadata=asked.metadata or {},
            model=asked.model,
            output=output,
            parallel_tool_calls=True,
            previous_response_id=None,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            prompt_cache_key=None,
            reasoning=Reasoning(effort=None, summary=None),
            safety_identifier=None,
            service_tier="default",
            store=False,
            temperature=1.0 if asked.temperature is None else asked.temperature,
            text=ResponseText(format=self._format()),
            tool_choice=asked.tool_choice or "auto",
            tools=asked.tools or [],
            top_logprobs=0,
            top_p=1.0 if asked.top_p is None else asked.top_p,
            truncation="disabled",
            **fields,
        ).as_dict()

    def _format(self) -> dict[str, Any]:
        wanted = self.asked.text.format if self.asked.text else None
        return wanted.shown() if wanted else {"type": "text"}

    def search_item(
        self, found: Retrieved | None, status: Literal["in_progress", "completed"] = "completed"
    ) -> FileSearchCall:
        """The retrieval, with what was found where that was asked for."""
        results = None
        if found and self.asked.wants_results():
            results = [
                SearchedPassage(
                    file_id=hit.passage.id,
                    filename=hit.passage.title,
                    score=float(hit.score),
                    text=hit.passage.text,
                    attributes=_attributes(hit),
                )
                for hit in found.hits
            ]
        return FileSearchCall(
            id=self.search_id,
            type="file_search_call",
            status=status,
            queries=[found.standalone_query] if found else [],
            results=results,
        )

    def text_part(self, text: str, notes: list[FlatCitation]) -> OutputText:
        """The message's one part."""
        return OutputText(type="output_text", text=text, annotations=notes, logprobs=[])

    def answer_part(self, answer: Answer) -> OutputText | OutputRefusal:
        """The message's one part; where JSON was asked for, an abstention is a refusal."""
        if self.formed and answer.abstained:
            return OutputRefusal(type="refusal", refusal=answer.text)
        return self.text_part(answer.text, self.notes(answer))

    def message_item(
        self,
        content: list[OutputText | OutputRefusal],
        status: Literal["in_progress", "completed", "incomplete"],
    ) -> OutputMessage:
        """The message."""
        return OutputMessage(
            id=self.message_id, type="message", status=status, role="assistant", content=content
        )

    def notes(self, answer: Answer) -> list[FlatCitation]:
        """Annotations, flat as this protocol has them."""
        cited = claim_citations(answer) if self.formed else url_citations(answer, sources(answer))
        return [
            FlatCitation(
                type="url_citation",
                start_index=note.url_citation.start_index,
                end_index=note.url_citation.end_index,
                url=note.url_citation.url,
                title=note.url_citation.title,
            )
            for note in cited
        ]

    def finished(self, answer: Answer, found: Retrieved | None) -> dict[str, Any]:
        """The whole response."""
        cut = answer.finish_reason == "length"
        status: Literal["incomplete", "completed"] = "incomplete" if cut else "completed"
        message = self.message_item([self.answer_part(answer)], status)
        output: list[FileSearchCall | OutputMessage] = [message]
        if self.shows_search:
            output.insert(0, self.search_item(found))
        return self.body(
            status,
            output,
            ResponseObject,
            completed_at=None if cut else int(time.time()),
            incomplete_details=Incomplete(reason="max_output_tokens") if cut else None,
            usage=_usage(answer.usage),
            **side_channels(
                answer, sources(answer), persona=self.asked.model, grounded=self.grounded
            ),
        )

    def failed(self, error: ApiError) -> dict[str, Any]:
        """The response of a stream that broke."""
        fields = FailedFields(code=error.fields.code or "server_error", message=error.message)
        return self.body("failed", [], error=fields)
