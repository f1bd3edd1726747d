"""Where a request's own stop strings and token limit end an answer that no model writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.answer.compose import ComposedSentence
from app.answer.writer import Writer
from app.chat_models import ChatModel
from app.record.evidence import Evidence
from app.record.sanitize import one_line, verbatim
from app.record.types import Delta, FinishReason, Message, Sampling
from app.verifying.supports import Support

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one request; the model counts its tokens."""

    sampling: Sampling
    model: ChatModel

    async def write(
        self, sentences: Sequence[ComposedSentence], writer: Writer, evidence: Sequence[Evidence]
    ) -> tuple[list[Delta], FinishReason | None]:
        """Add composed sentences while there is room; and why there was none, if there was not."""
        deltas: list[Delta] = []
        for sentence in sentences:
            if writer.repeats(sentence.text):
                continue
            shown = f"{sentence.lead}{sentence.under} {sentence.text}"
            if ending := await self.ending(writer.text, shown):
                return deltas, ending
            item = evidence[sentence.n - 1]
            lead = sentence.lead
            if sentence.under:
                deltas.append(writer.plain(lead, verbatim(one_line(sentence.under))))
                lead = " "
            for span in item.spans:  # each is cited: a figure, its note
                start, end = max(span.start, sentence.start), min(span.end, sentence.end)
                if start >= end:
                    continue
                support = Support(item.passage.id, item.n, start, end, 1.0)
                said = item.passage.text[start:end]
                deltas.append(writer.claim(lead, said, "supported", [support], 1.0))
                lead = " "
        return deltas, None

    async def ending(self, so_far: str, text: str) -> FinishReason | None:
        """Why the answer ends before `text`; None where there is room for it."""
        if any(stop in text for stop in self.sampling.stop):
            return "stop"
        if self.sampling.max_tokens is None:
            return None
        empty, full = [
            await self.model.count_tokens([Message("assistant", said)])
            for said in ("", so_far + text)
        ]
        return "length" if full - empty > self.sampling.max_tokens else None
