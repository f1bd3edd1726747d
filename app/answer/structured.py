"""An answer as JSON: what it states is checked as prose is, and its citations stand beside it.

A text is checked sentence by sentence; a number must stand in a passage. Names of properties,
the values that the schema lists, true, false and null state nothing of their own. What the
evidence does not support is left out; where the schema then no longer holds, nothing is shown.
Of a figure that its own passage gets wrong, the conflict is told in the text that comes next to it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.answer.conflicts import ConflictSentence
from app.answer.draft import Policy
from app.answer.prompt_builder import unmarked
from app.answer.writer import PlacedClaim, Writer
from app.chat_models import Finished, ModelEvent
from app.record.errors import ModelError
from app.record.evidence import Evidence
from app.record.json_schema import fault_in, names_and_choices
from app.record.reasons import Objection, Reason
from app.record.sanitize import plain_sentence
from app.record.types import Basis, ClaimStatus, Delta, JsonForm
from app.verifying.supports import Support, Verdict, Verifier, claims_nothing
from index.text.sentences import sentences

__all__ = ["JsonReviewer"]

_MAX_NAME_WORDS = 5  # a longer name of a property that no schema lists is a sentence in disguise


class _Gone(Exception):
    """Nothing of a value may be shown."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What a value states, and what was found about it."""

    said: str
    status: ClaimStatus
    score: float
    supports: tuple[Support, ...]
    basis: Basis = "drafted"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A value and what it states."""

    value: Any
    parts: tuple[_Part, ...] = ()


def _nothing_to_tell() -> tuple[ConflictSentence, ...]:
    return ()


@dataclass
class JsonReviewer:
    """Lets an answer in JSON through to the writer, without what the evidence does not support.

    `disputes` gives the sentences to be told of the figures that were just refused, if any.
    """

    writer: Writer
    verifier: Verifier
    evidence: Sequence[Evidence]
    policy: Policy
    form: JsonForm
    disputes: Callable[[], Iterable[ConflictSentence]] = _nothing_to_tell
    _said: set[str] = field(default_factory=set)

    async def written(
        self, events: AsyncGenerator[ModelEvent, None]
    ) -> tuple[Delta | None, Finished]:
        """Review what a model writes, and tell how it ended.

        Half a value can't be read, so of a text that its token limit cuts off nothing is shown.

        Raises:
            ModelError: it fails, or does not write the JSON that was asked for.
        """
        pieces: list[str] = []
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Finished):
                    if event.reason == "length":
                        return self.writer.plain("", ""), event
                    return await self.review("".join(pieces)), event
                pieces.append(event.text)
        raise ModelError("the model ended its text without saying that it had finished")

    async def review(self, text: str) -> Delta | None:
        """Review the model's whole text; None where nothing of it may be shown.

        Raises:
            ModelError: it is not the JSON that was asked for.
        """
        schema = self.form.schema or {"type": "object"}
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ModelError(f"the model was asked for JSON and wrote {text[:80]!r}") from error
        if (fault := fault_in(schema, value)) is not None:
            raise ModelError(f"the model's JSON does not follow the schema: {fault}")
        self._said = set(names_and_choices(schema))
        try:
            kept = await self._kept(value, "")
        except _Gone:
            return None
        shown, stated = _written(kept)
        if self.writer.dropped and not stated:
            return None
        if shown != _json(value) and fault_in(schema, orjson.loads(shown)) is not None:
            return None
        return self.writer.document(shown, stated)

    async def _kept(self, value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
        match value:
            case dict():
                return await self._properties(value)
            case list():
                return await self._items(value, name)
            case str() if value not in self._said:
                return await self._text(value)
            case int() | float() if not isinstance(value, bool):
                return await self._number(value, name)
        return _Leaf(value)

    async def _properties(self, value: dict[str, Any]) -> dict[str, Any]:
        kept = {}
        for name, inner in value.items():
            if name not in self._said and len(name.split()) > _MAX_NAME_WORDS:
                self.writer.drop(name, Reason.MISPLACED)
                continue
            with suppress(_Gone):
                kept[name] = await self._kept(inner, name)
        return kept

    async def _items(self, value: list[Any], name: str) -> list[Any]:
        kept = []
        for inner in value:
            with suppress(_Gone):
                kept.append(await self._kept(inner, name))
        return kept

    async def _text(self, text: str) -> _Leaf:
        text = unmarked(text)
        kept, parts, position = "", list[_Part](), 0
        for start, end in sentences(text):
            lead, position = "\n" if "\n" in text[position:start] else " ", end
            body, cited = plain_sentence(text[start:end], len(self.evidence))
            if not body:
                continue
            if not claims_nothing(body):
                verdict = await self.verifier.check(body, cited, self.evidence)
                for told in self.disputes():
                    kept += (told.lead if kept else "") + told.text
                    parts.append(
                        _Part(told.text, told.status, 1.0, told.supports, told.basis or "restated")
                    )
                if self._drops(verdict, body):
                    continue
                parts.append(_part(body, verdict))
            kept += (lead if kept else "") + body
        if text.strip() and not kept:
            raise _Gone
        return _Leaf(kept, tuple(parts))

    async def _number(self, value: float, name: str) -> _Leaf:
        said = f"{name.replace('_', ' ')} {value}".strip()
        stating = [item for item in self.evidence if _states(item, value)]
        verdict = Verdict("unsupported", 0.0, objection=Objection(Reason.NUMBER, str(value)))
        if stating:
            found = await self.verifier.check(said, [item.n for item in stating], stating)
            against = found.objection
            wrong = against is not None and against.reason is Reason.MISCOMPUTED
            borne = found.status != "unsupported" or wrong
            verdict = found if borne else Verdict("partial", found.score, objection=against)
        if self._drops(verdict, said):
            raise _Gone
        return _Leaf(value, (_part(said, verdict),))

    def _drops(self, verdict: Verdict, said: str) -> bool:
        if verdict.status != "unsupported" or self.policy != "drop":
            return False
        self.writer.drop(said, verdict.objection)
        return True


def _part(said: str, verdict: Verdict) -> _Part:
    supports = () if verdict.status == "unsupported" else verdict.supports
    return _Part(said, verdict.status, verdict.score, supports)


def _states(item: Evidence, value: float) -> bool:
    return value in item.years or any(value in (q.low, q.high) for q in item.quantities)


def _written(kept: object) -> tuple[str, list[PlacedClaim]]:
    """The JSON text, and where each claim stands in it."""
    parts: list[str] = []
    stated: list[PlacedClaim] = []
    _write(kept, parts, stated)
    return "".join(parts), stated


def _write(kept: object, parts: list[str], stated: list[PlacedClaim]) -> None:
    match kept:
        case dict():
            for number, (name, inner) in enumerate(kept.items()):
                parts.append(("{" if number == 0 else ", ") + f"{_json(name)}: ")
                _write(inner, parts, stated)
            parts.append("}" if kept else "{}")
        case list():
            for number, inner in enumerate(kept):
                parts.append("[" if number == 0 else ", ")
                _write(inner, parts, stated)
            parts.append("]" if kept else "[]")
        case _Leaf():
            text = _json(kept.value)
            base, at = sum(len(part) for part in parts), 0
            for part in kept.parts:
                shown = _json(part.said)[1:-1] if isinstance(kept.value, str) else text
                start = text.index(shown, at)
                at = start + len(shown)
                stated.append(
                    PlacedClaim(
                        part.said, base + start, base + at, part.status, part.score,
                        part.supports, part.basis,
                    )
                )  # fmt: skip
            parts.append(text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
