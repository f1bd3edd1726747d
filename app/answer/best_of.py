"""Best of n: the model writes several drafts in one call, and the best cited one is shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from app.answer.draft import Reviewer, until_it_circles
from app.answer.prompt_builder import Prompt, unmarked
from app.answer.writer import Writer
from app.chat_models import ChatModel, Decoding, Finished, ModelEvent, Piece
from app.record.errors import ModelError
from app.record.evidence import Evidence
from app.record.reasons import Reason
from app.record.sanitize import visible
from app.verifying.supports import Verifier
from index.text.sentences import SentenceStream

__all__ = ["written"]


def written(
    model: ChatModel, prompt: Prompt, decoding: Decoding, verifier: Verifier
) -> AsyncGenerator[ModelEvent, None]:
    """Write an answer's draft; where several are asked for, give the one that is borne out best.

    Greedy drafts are all alike: at temperature 0 one is written.
    """
    if decoding.n > 1 and decoding.temperature > 0:
        return _best(model, prompt, decoding, verifier)
    return until_it_circles(model.stream(prompt.messages, replace(decoding, n=1)), prompt.tokens)


async def _best(
    model: ChatModel, prompt: Prompt, decoding: Decoding, verifier: Verifier
) -> AsyncGenerator[ModelEvent, None]:
    """The chosen draft in one piece, then the end with the tokens of all."""
    drafts = [""] * decoding.n
    finished: Finished | None = None
    async with aclosing(model.stream(prompt.messages, decoding)) as events:
        async for event in events:
            if isinstance(event, Piece):
                drafts[event.choice] += event.text
            else:
                finished = event
    if finished is None:
        raise ModelError(f"{model.name} ended its texts without saying that it had finished")
    scores = [await _score(draft, verifier, prompt.evidence) for draft in drafts]
    yield Piece(drafts[scores.index(max(scores))])
    yield finished


async def _score(
    draft: str, verifier: Verifier, evidence: Sequence[Evidence]
) -> tuple[int, int, int]:
    """More supported sentences are better, then fewer that had to go, then more sources."""
    writer = Writer(evidence)
    reviewer, stream = Reviewer(writer, verifier, evidence, "drop"), SentenceStream()
    for segment in [*stream.feed(unmarked(visible(draft))), *stream.close()]:
        await reviewer.review(segment)
    gone = sum(drop.kind is not Reason.REPLACED for drop in writer.dropped)
    return writer.supported, -gone, len(writer.citations)
