"""Sentences whose check takes a while are checked while the model writes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.record.evidence import Evidence
from app.record.sanitize import plain_sentence
from app.record.types import Usage
from app.verifying.supports import Pace, Verdict, Verifier, claims_nothing, is_no_sentence
from index.text.sentences import Segment

__all__ = ["CheckedAhead"]

_Asked = tuple[str, tuple[int, ...]]


class CheckedAhead:
    """A verifier whose checks begin before they are asked for, several at a time.

    Only one that checks `meanwhile` is begun ahead; any other is asked when it is asked for.
    """

    def __init__(self, inner: Verifier, evidence: Sequence[Evidence]) -> None:
        """Take the verifier, and the evidence of the draft that it checks."""
        self._inner, self._evidence = inner, evidence
        self._begun: dict[_Asked, asyncio.Task[Verdict]] = {}

    @property
    def pace(self) -> Pace:
        """When a draft's sentences are checked."""
        return self._inner.pace

    @property
    def usage(self) -> Usage:
        """The tokens that a model took for it."""
        return self._inner.usage

    def begin(self, segment: Segment) -> None:
        """Begin to check a segment, if it claims anything."""
        if self.pace == "meanwhile" and (asked := self._asked(segment)):
            self._start(asked)

    def awaits(self, segment: Segment) -> bool:
        """Tell whether a segment's check was begun and goes on."""
        task = self._begun.get(asked) if (asked := self._asked(segment)) else None
        return task is not None and not task.done()

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Give what is found, once it is; the evidence is the draft's."""
        if self.pace != "meanwhile":
            return await self._inner.check(sentence, cited, evidence)
        return await self._start((sentence, tuple(cited)))

    def close(self) -> None:
        """Give up what goes on."""
        for task in self._begun.values():
            task.cancel()

    def _start(self, asked: _Asked) -> asyncio.Task[Verdict]:
        if asked not in self._begun:
            check = self._inner.check(*asked, self._evidence)
            self._begun[asked] = asyncio.create_task(check)
        return self._begun[asked]

    def _asked(self, segment: Segment) -> _Asked | None:
        if segment.kind == "code":
            return None
        body, cited = plain_sentence(segment.body, len(self._evidence))
        if not body or claims_nothing(body) or is_no_sentence(body):
            return None
        return body, tuple(cited)
