"""Chat completions as they are written: the whole one and the chunks of a stream."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from app.api.citing import (
    CitedSource,
    claim_citations,
    side_channels,
    sources,
    url_citations,
)
from app.record.types import Answer, Usage

__all__ = ["ChatReply", "usage_of"]


def usage_of(usage: Usage) -> dict[str, Any]:
    """Tokens as OpenAI counts them out; the evidence in the prompt is counted."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


@dataclass(frozen=True, slots=True)
class ChatReply:
    """Writes one reply; id, time and model are the same in all of it."""

    model: str
    fingerprint: str
    grounded: bool
    formed: bool = False
    with_usage: bool = False
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"fp_{self.fingerprint[:12]}",
        }

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The reply to a request that is not streamed."""
        cited = sources(answer)
        message = {
            "role": "assistant",
            **self._said(answer),
            "annotations": self._notes(answer, cited),
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": answer.finish_reason,
        }
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": usage_of(answer.usage),
            **side_channels(answer, cited, persona=self.model, grounded=self.grounded),
        }

    def _said(self, answer: Answer) -> dict[str, Any]:
        """The text; where JSON was asked for, an abstention is a refusal and not content."""
        if self.formed and answer.abstained:
            return {"content": None, "refusal": answer.text}
        return {"content": answer.text, "refusal": None}

    def _notes(self, answer: Answer, cited: list[CitedSource]) -> list[dict[str, Any]]:
        return claim_citations(answer) if self.formed else url_citations(answer, cited)

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        """One chunk with a choice; an empty delta says that the stream is alive."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        head = self._head("chat.completion.chunk")
        return {**head, "choices": [choice], **({"usage": None} if self.with_usage else {})}

    def opening(self) -> dict[str, Any]:
        """The first chunk."""
        return self.chunk({"role": "assistant", "content": ""})

    def closing(self, answer: Answer) -> list[dict[str, Any]]:
        """The last chunks: annotations, the finish with the side channels, usage if asked."""
        cited = sources(answer)
        noted = self._notes(answer, cited)
        finish = {
            **self.chunk({}, answer.finish_reason),
            **side_channels(answer, cited, persona=self.model, grounded=self.grounded),
        }
        chunks = []
        if self.formed:
            said = {name: text for name, text in self._said(answer).items() if text}
            chunks.append(self.chunk(said))
        if noted:
            chunks.append(self.chunk({"annotations": noted}))
        chunks.append(finish)
        if self.with_usage:
            last = {"choices": [], "usage": usage_of(answer.usage)}
            chunks.append({**self._head("chat.completion.chunk"), **last})
        return chunks
