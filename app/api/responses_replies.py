"""Responses as they are written: the object, its items, and the events of a stream."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from app.api.citing import claim_citations, side_channels, sources, url_citations
from app.api.errors import ApiError
from app.api.responses_wire import ResponsesRequest
from app.record.sanitize import web_address
from app.record.types import Answer, Retrieved, Usage
from index.types import Hit

__all__ = ["ResponseReply"]


def _id(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex}"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _first_address(hit: Hit) -> str:
    addresses = (web_address(source.url) for source in hit.passage.sources)
    return next((address for address in addresses if address), "")


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

    def body(self, status: str, output: list[dict[str, Any]], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of JSON
        """The response object in a state of its life."""
        asked = self.asked
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "completed_at": None,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": None,
            "metadata": asked.metadata or {},
            "model": asked.model,
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "prompt_cache_key": None,
            "reasoning": {"effort": None, "summary": None},
            "safety_identifier": None,
            "service_tier": "default",
            "store": False,
            "temperature": 1.0 if asked.temperature is None else asked.temperature,
            "text": {"format": self._format()},
            "tool_choice": asked.tool_choice or "auto",
            "tools": asked.tools or [],
            "top_logprobs": 0,
            "top_p": 1.0 if asked.top_p is None else asked.top_p,
            "truncation": "disabled",
            "usage": None,
            **more,
        }

    def _format(self) -> dict[str, Any]:
        wanted = self.asked.text.format if self.asked.text else None
        return wanted.shown() if wanted else {"type": "text"}

    def search_item(self, found: Retrieved | None, status: str = "completed") -> dict[str, Any]:
        """The retrieval, with what was found where that was asked for."""
        results = None
        if found and self.asked.wants_results():
            results = [
                {
                    "file_id": hit.passage.id,
                    "filename": hit.passage.title,
                    "score": float(hit.score),
                    "text": hit.passage.text,
                    "attributes": {
                        "heading": hit.passage.heading,
                        "url": _first_address(hit),
                    },
                }
                for hit in found.hits
            ]
        return {
            "id": self.search_id,
            "type": "file_search_call",
            "status": status,
            "queries": [found.standalone_query] if found else [],
            "results": results,
        }

    def text_part(self, text: str, notes: list[dict[str, Any]]) -> dict[str, Any]:
        """The message's one part."""
        return {"type": "output_text", "text": text, "annotations": notes, "logprobs": []}

    def answer_part(self, answer: Answer) -> dict[str, Any]:
        """The message's one part; where JSON was asked for, an abstention is a refusal."""
        if self.formed and answer.abstained:
            return {"type": "refusal", "refusal": answer.text}
        return self.text_part(answer.text, self.notes(answer))

    def message_item(self, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
        """The message."""
        return {
            "id": self.message_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def notes(self, answer: Answer) -> list[dict[str, Any]]:
        """Annotations, flat as this protocol has them."""
        cited = claim_citations(answer) if self.formed else url_citations(answer, sources(answer))
        return [{"type": "url_citation", **note["url_citation"]} for note in cited]

    def finished(self, answer: Answer, found: Retrieved | None) -> dict[str, Any]:
        """The whole response."""
        cut = answer.finish_reason == "length"
        status = "incomplete" if cut else "completed"
        message = self.message_item([self.answer_part(answer)], status)
        output = [self.search_item(found), message] if self.shows_search else [message]
        return self.body(
            status,
            output,
            completed_at=None if cut else int(time.time()),
            incomplete_details={"reason": "max_output_tokens"} if cut else None,
            usage=_usage(answer.usage),
            **side_channels(
                answer, sources(answer), persona=self.asked.model, grounded=self.grounded
            ),
        )

    def failed(self, error: ApiError) -> dict[str, Any]:
        """The response of a stream that broke."""
        fields = {"code": error.fields.code or "server_error", "message": error.message}
        return self.body("failed", [], error=fields)
