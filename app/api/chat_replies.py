"""Chat completions as they are written: the whole one and the chunks of a stream."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.api.citing import CitedSource, claim_citations, side_channels, sources, url_citations
from app.api.schemas import (
    Annotation,
    ChatChunk,
    ChatCompletion,
    Choice,
    ChunkChoice,
    ChunkDelta,
    ReplyMessage,
    Usage,
)
from app.record.types import Answer
from app.record.types import Usage as Tokens

__all__ = ["ChatReply", "usage_of"]


def usage_of(tokens: Tokens) -> Usage:
    """Tokens as OpenAI counts them out; the evidence in the prompt is counted."""
    return Usage(
        prompt_tokens=tokens.prompt_tokens,
        completion_tokens=tokens.completion_tokens,
        total_tokens=tokens.prompt_tokens + tokens.completion_tokens,
        prompt_tokens_details={"cached_tokens": 0, "audio_tokens": 0},
        completion_tokens_details={
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    )


@dataclass(frozen=True)
class ChatReply:
    """Writes one reply; id, time and model are the same in all of it."""

    model: str
    fingerprint: str
    grounded: bool
    formed: bool = False
    with_usage: bool = False
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The reply to a request that is not streamed."""
        cited = sources(answer)
        content, refusal = self._said(answer)
        message = ReplyMessage(
            role="assistant",
            content=content,
            refusal=refusal,
            annotations=self._notes(answer, cited),
        )
        return ChatCompletion(
            id=self.id,
            object="chat.completion",
            created=self.created,
            model=self.model,
            system_fingerprint=self._index,
            choices=[
                Choice(index=0, message=message, logprobs=None, finish_reason=answer.finish_reason)
            ],
            usage=usage_of(answer.usage),
            **side_channels(answer, cited, persona=self.model, grounded=self.grounded),
        ).as_dict()

    @property
    def _index(self) -> str:
        return f"fp_{self.fingerprint[:12]}"

    def _said(self, answer: Answer) -> tuple[str | None, str | None]:
        """Content and refusal: where JSON was asked for, an abstention is a refusal."""
        return (None, answer.text) if self.formed and answer.abstained else (answer.text, None)

    def _notes(self, answer: Answer, cited: list[CitedSource]) -> list[Annotation]:
        if self.formed:
            # A refusal is no content, so that nothing in it can be pointed at.
            return [] if answer.abstained else claim_citations(answer)
        return url_citations(answer, cited)

    @cached_property
    def _alive(self) -> dict[str, Any]:
        """A chunk that adds nothing: checked once, since there is one for every few words."""
        return self._chunk(
            [ChunkChoice(index=0, delta=ChunkDelta(), logprobs=None, finish_reason=None)],
            **({"usage": None} if self.with_usage else {}),
        )

    def _chunk(self, choices: list[ChunkChoice], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the model
        return ChatChunk(
            id=self.id,
            object="chat.completion.chunk",
            created=self.created,
            model=self.model,
            system_fingerprint=self._index,
            choices=choices,
            **more,
        ).as_dict()

    def alive(self) -> dict[str, Any]:
        """A chunk that says that the stream is alive."""
        return self._alive

    def text(self, text: str) -> dict[str, Any]:
        """A chunk that adds text."""
        choice = {**self._alive["choices"][0], "delta": {"content": text}}
        return {**self._alive, "choices": [choice]}

    def opening(self) -> dict[str, Any]:
        """The first chunk."""
        return self._adding(ChunkDelta(role="assistant", content=""))

    def _adding(self, delta: ChunkDelta) -> dict[str, Any]:
        choice = {**self._alive["choices"][0], "delta": delta.as_dict()}
        return {**self._alive, "choices": [choice]}

    def closing(self, answer: Answer) -> list[dict[str, Any]]:
        """The last chunks: annotations, the finish with the side channels, usage if asked."""
        cited = sources(answer)
        noted = self._notes(answer, cited)
        chunks = []
        if self.formed:
            content, refusal = self._said(answer)
            said = ChunkDelta(refusal=refusal) if refusal else ChunkDelta(content=content)
            chunks.append(self._adding(said))
        if noted:
            chunks.append(self._adding(ChunkDelta(annotations=noted)))
        finish = ChunkChoice(
            index=0, delta=ChunkDelta(), logprobs=None, finish_reason=answer.finish_reason
        )
        usage = {"usage": None} if self.with_usage else {}
        beside = side_channels(answer, cited, persona=self.model, grounded=self.grounded)
        chunks.append(self._chunk([finish], **usage, **beside))
        if self.with_usage:
            chunks.append(self._chunk([], usage=usage_of(answer.usage)))
        return chunks
