"""What the model drafts, sentence by sentence: read, verified, and shown, marked or dropped."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from app.answer.writer import Writer
from app.chat_models import Finished, ModelEvent
from app.record.evidence import Evidence
from app.record.reasons import Reason
from app.record.sanitize import plain_sentence
from app.record.types import Delta, Usage
from app.verifying.supports import (
    ANNOUNCING,
    Support,
    Verdict,
    Verifier,
    claims_nothing,
    is_no_sentence,
    words_of,
)
from index.text.anaphora import concludes, leans
from index.text.sentences import Segment
from index.text.tokens import content_words

__all__ = ["Policy", "Reviewer", "until_it_circles"]

Policy = Literal["drop", "mark", "keep"]
_ROUNDS = 3
_LEAST_WORDS = 24  # said over in all; a short run must come more often
_SEEN = 4000  # characters of a draft's end that are looked at
_STEP = 40  # characters between two looks


async def until_it_circles(
    events: AsyncGenerator[ModelEvent, None], prompt_tokens: int
) -> AsyncGenerator[ModelEvent, None]:
    """Pass on what a model writes, and stop it where it says the same a third time.

    A small model that has come to this writes nothing else up to its token limit. Its tokens are
    then counted by the pieces in which they came.
    """
    end, unseen, tokens = "", 0, 0
    async with aclosing(events):
        async for event in events:
            yield event
            if isinstance(event, Finished):
                return
            end, unseen = (end + event.text)[-_SEEN:], unseen + len(event.text)
            tokens += event.tokens
            if unseen >= _STEP:
                unseen = 0
                if _circles(end.split()[:-1]):
                    yield Finished("stop", Usage(prompt_tokens, tokens), cut=True)
                    return


def _circles(words: Sequence[str]) -> bool:
    """Tell whether a text's last words are the same run again and again."""
    for size in range(1, len(words) // _ROUNDS + 1):
        again = max(_ROUNDS, -(-_LEAST_WORDS // size)) * size - size
        if again + size <= len(words) and words[-again:] == words[-again - size : -size]:
            return True
    return False


class Reviewer:
    """Lets a segment of the draft through to the writer, or records why not.

    Where it is uncertain whether the evidence says what a sentence does, the evidence's own words
    stand in its place. What points at a sentence that was dropped is dropped with it: "This is why"
    would point at another one.
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
        self._gap = self._replaced = False

    async def review(self, segment: Segment) -> Delta | None:
        """Review one segment; None where nothing is shown."""
        if segment.kind == "code":
            return await self._code(segment)
        body, cited = plain_sentence(segment.body, len(self._evidence))
        if not body:
            return None
        if claims_nothing(body) or is_no_sentence(body):
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
        if self._policy == "drop" and not self._shows(verdict, body):
            return self._instead(segment.lead, body, verdict)
        self._gap = self._replaced = False
        supports = verdict.supports if verdict.status != "unsupported" else ()
        return self._writer.claim(
            segment.lead, body, verdict.status, supports, verdict.score, basis="drafted"
        )

    def _shows(self, verdict: Verdict, body: str) -> bool:
        """Whether a sentence is shown as written: what points at a replaced one is not."""
        points = self._replaced and (leans(body) or concludes(body))
        return verdict.status == "supported" and not points

    def _instead(self, lead: str, body: str, verdict: Verdict) -> Delta | None:
        """Write what the evidence says in place of a sentence; None where it says nothing new."""
        refused = verdict.status == "unsupported"
        found = verdict.instead or (() if refused else verdict.supports)
        supports = [new for support in found if (new := self._unsaid(support))]
        self._gap, self._replaced = not found, bool(found)
        if not found:
            self._writer.drop(body, verdict.objection)
            return None
        self._writer.drop(body, Reason.REPLACED if supports else Reason.REPEATED)
        said = " ".join(words_of(support, self._evidence) for support in supports)
        return self._writer.claim(lead, said, "supported", supports, 1.0) if supports else None

    def _unsaid(self, support: Support) -> Support | None:
        """Leave out what the answer has said already at the ends of a run of sentences."""
        item = next(item for item in self._evidence if item.passage.id == support.ref)
        spans = [s for s in item.spans if support.start <= s.start and s.end <= support.end]
        while spans and self._writer.repeats(spans[0].text):
            spans.pop(0)
        while spans and self._writer.repeats(spans[-1].text):
            spans.pop()
        return replace(support, start=spans[0].start, end=spans[-1].end) if spans else None

    async def _code(self, segment: Segment) -> Delta | None:
        """Code is shown where the evidence holds what it names; it is never cited."""
        verdict = await self._verifier.check(segment.body.strip("`\n "), (), self._evidence)
        self._gap = verdict.status != "supported" and self._policy == "drop"
        if self._gap:
            self._writer.drop(segment.body, Reason.CODE)
            return None
        return self._writer.code(segment.lead, segment.body, verdict.status, verdict.score)
