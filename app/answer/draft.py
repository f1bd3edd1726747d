"""What the model drafts, sentence by sentence: read, verified, and shown, marked or dropped."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from app.answer.writer import Writer
from app.chat_models import Finished, ModelEvent
from app.record.evidence import Evidence
from app.record.reasons import Reason
from app.record.sanitize import plain_sentence
from app.record.types import Delta, Usage
from app.verifying.supports import ANNOUNCING, Verifier, claims_nothing
from index.text.anaphora import concludes, leans
from index.text.sentences import Segment, SentenceStream
from index.text.tokens import content_words

__all__ = ["Policy", "Reviewer", "until_it_circles"]

Policy = Literal["drop", "mark", "keep"]
_LONGEST_CIRCLE = 4
_ROUNDS = 3


async def until_it_circles(
    events: AsyncGenerator[ModelEvent, None], prompt_tokens: int
) -> AsyncGenerator[ModelEvent, None]:
    """Pass on what a model writes, and stop it where it goes in circles.

    A small model that writes the same one to four sentences three times over writes nothing else
    up to its token limit. Its tokens are then counted by the pieces in which they came.
    """
    stream, bodies, tokens = SentenceStream(), list[str](), 0
    async with aclosing(events):
        async for event in events:
            yield event
            if isinstance(event, Finished):
                return
            tokens += event.tokens
            came = [segment.body for segment in stream.feed(event.text)]
            bodies += came
            if came and _circles(bodies):
                yield Finished("stop", Usage(prompt_tokens, tokens))
                return


def _circles(bodies: Sequence[str]) -> bool:
    return any(
        len(bodies) >= _ROUNDS * size
        and all(bodies[-at] == bodies[-at - size] for at in range(1, (_ROUNDS - 1) * size + 1))
        for size in range(1, _LONGEST_CIRCLE + 1)
    )


class Reviewer:
    """Lets a segment of the draft through to the writer, or records why not.

    What points at a sentence that was dropped is dropped with it: "This is why" would point at
    another one.
    """

    def __init__(
        self,
        writer: Writer,
        verifier: Verifier,
        evidence: Sequence[Evidence],
        policy: Policy,
        question: str = "",
    ) -> None:
        self._writer, self._verifier = writer, verifier
        self._evidence, self._policy = evidence, policy
        self._asked = ANNOUNCING | frozenset(content_words(f"yes no {question}"))
        self._gap = False

    async def review(self, segment: Segment) -> Delta | None:
        """Review one segment; None where nothing is shown."""
        if segment.kind == "code":
            return await self._code(segment)
        body, cited = plain_sentence(segment.body, len(self._evidence))
        if not body:
            return None
        if claims_nothing(body):
            # An opening says nothing that could be checked, and the answer is none the worse.
            self._writer.drop(body, Reason.NOTHING_CLAIMED)
            return None
        if self._writer.repeats(body):
            self._writer.drop(body, Reason.REPEATED)
            return None
        if self._policy == "drop" and self._asked.issuperset(content_words(body)):
            # Asked why T -> 0 flattens a distribution, a model says first that it does.
            self._writer.drop(body, Reason.ECHO)
            return None
        if self._gap and (leans(body) or concludes(body)):
            self._writer.drop(body, Reason.DEPENDENT)
            return None
        verdict = await self._verifier.check(body, cited, self._evidence)
        self._gap = verdict.status == "unsupported" and self._policy == "drop"
        if self._gap:
            self._writer.drop(body, verdict.objection)
            return None
        supports = verdict.supports if verdict.status != "unsupported" else ()
        return self._writer.claim(
            segment.lead, body, verdict.status, supports, verdict.score, basis="drafted"
        )

    async def _code(self, segment: Segment) -> Delta | None:
        """Code is shown where the evidence holds what it names; it is never cited."""
        verdict = await self._verifier.check(segment.body.strip("`\n "), (), self._evidence)
        self._gap = verdict.status != "supported" and self._policy == "drop"
        if self._gap:
            self._writer.drop(segment.body, Reason.CODE)
            return None
        return self._writer.code(segment.lead, segment.body, verdict.status, verdict.score)
