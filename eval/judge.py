"""A language model as judge: of claims, of nuggets, and of one answer against another.

It is asked for JSON, held to a schema where its server can do that, and read strictly: a reply
that is not exactly what was asked for leaves the matter unscored, with the reply kept. It is
never guessed at and never 0. Two answers are compared in both orders, and a preference that
turns with the order is a tie (Zheng et al. 2023, section 3.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

import prompts
from app.chat_models import ChatModel, Decoding, Piece
from app.record.errors import ModelError, ModelTimeout, ModelUnavailable, RequestError
from app.record.types import JsonForm, Message
from eval.claims import Label
from index.errors import wrong_fields

__all__ = ["ChatJudge", "JudgeVerdict", "Preference", "prompt_hashes"]

Held = Literal["support", "partial_support", "not_support"]
Side = Literal["first", "second", "tie"]
Winner = Literal["a", "b", "tie"]
_IN_ORDER: Mapping[Side, Winner] = {"first": "a", "second": "b", "tie": "tie"}
_SWAPPED: Mapping[Side, Winner] = {"first": "b", "second": "a", "tie": "tie"}
_PROMPTS = {name: f"judge/{name}.md" for name in ("support", "nuggets", "compare")}
_TOKENS = 400
_KEPT = 600


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    rationale: str


class _Support(_Reply):
    label: Label


class _Nuggets(_Reply):
    labels: list[Held]


class _Better(_Reply):
    better: Side


_Read = TypeVar("_Read", bound=_Reply)


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """What a judge said. `labels` is empty where that is unscored; `fault` then says why."""

    labels: tuple[str, ...]
    rationale: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two answers is better, asked in both orders.

    `winner` is None where either reply was unscored; `steady` tells whether both orders agreed.
    """

    winner: Winner | None
    steady: bool
    rationales: tuple[str, str]
    fault: str = ""


@cache
def prompt_hashes() -> dict[str, str]:
    """Return the sha256 of each prompt of the judge, by its name."""
    return {
        name: hashlib.sha256(prompts.text(file).encode()).hexdigest()
        for name, file in _PROMPTS.items()
    }


class ChatJudge:
    """Asks one chat model, greedily, one question at a time."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self._forms = model.writes_json

    def identity(self) -> dict[str, Any]:
        """Return what decides its judgements: the model and the prompts."""
        return {"model": self.model.name, "prompts": prompt_hashes()}

    async def support(self, passage: str, claim: str) -> JudgeVerdict:
        """Judge whether a passage supports a claim: one label of `eval.claims.LABELS`."""
        reply = await self._asked("support", _Support, passage=passage, claim=claim)
        if isinstance(reply, JudgeVerdict):
            return reply
        return JudgeVerdict((reply.label,), reply.rationale)

    async def nuggets(self, question: str, answer: str, facts: Sequence[str]) -> JudgeVerdict:
        """Judge which facts an answer holds: a label each, AutoNuggetizer's three."""
        listed = "\n".join(f"{i}. {fact}" for i, fact in enumerate(facts, 1))
        reply = await self._asked(
            "nuggets", _Nuggets, question=question, answer=answer, nuggets=listed,
            count=str(len(facts)),
        )  # fmt: skip
        if isinstance(reply, JudgeVerdict):
            return reply
        if len(reply.labels) != len(facts):
            said = f"got {len(reply.labels)} labels, expected {len(facts)}"
            return JudgeVerdict((), reply.rationale, said)
        return JudgeVerdict(tuple(reply.labels), reply.rationale)

    async def prefer(self, question: str, reference: str, a: str, b: str) -> Preference:
        """Compare two answers in both orders."""
        given = {"question": question, "reference": reference or "none"}
        one = await self._asked("compare", _Better, first=a, second=b, **given)
        two = await self._asked("compare", _Better, first=b, second=a, **given)
        faults = [each.fault for each in (one, two) if isinstance(each, JudgeVerdict)]
        if isinstance(one, JudgeVerdict) or isinstance(two, JudgeVerdict):
            return Preference(None, False, (one.rationale, two.rationale), "; ".join(faults))
        by_one, by_two = _IN_ORDER[one.better], _SWAPPED[two.better]
        steady = by_one == by_two
        return Preference(by_one if steady else "tie", steady, (one.rationale, two.rationale))

    async def close(self) -> None:
        """Release the model."""
        await self.model.close()

    async def _asked(self, name: str, shape: type[_Read], **variables: str) -> _Read | JudgeVerdict:
        """Ask; a reply that is not of that shape, or none, is a judgement without labels.

        Raises:
            ModelUnavailable: the judge can't be reached at all.
        """
        message = Message("user", prompts.fill(_PROMPTS[name], **variables))
        try:
            said = await self._written(message, shape)
        except ModelError as error:
            if isinstance(error, ModelUnavailable) and not isinstance(error, ModelTimeout):
                raise
            return JudgeVerdict((), fault=f"{type(error).__name__}: {error}")
        try:
            return shape.model_validate_json(said)
        except ValidationError as error:
            wrong = wrong_fields(error, "reply", most=1)
            return JudgeVerdict((), fault=f"{wrong}; got {said[:_KEPT]!r}")

    async def _written(self, message: Message, shape: type[_Reply]) -> str:
        form = JsonForm(shape.model_json_schema(), "judgement") if self._forms else None
        decoding = Decoding(0.0, 1.0, _TOKENS, seed=0, form=form)
        pieces: list[str] = []
        try:
            async with aclosing(self.model.stream([message], decoding)) as events:
                async for event in events:
                    if isinstance(event, Piece):
                        pieces.append(event.text)
        except RequestError:
            if form is None:
                raise
            # A server without structured output: the prompt asks for JSON, the reading is strict.
            self._forms = False
            return await self._written(message, shape)
        return "".join(pieces).strip()
