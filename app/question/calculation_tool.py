"""Calculations as a tool of a capable model: it says which one and with what, formulas do the sum.

A question with numbers that no rule reads is shown to the model with one tool, `calculate`, the
same that assistants are given. What it calls is checked: every number must stand in the question
or in the turns before it, and the calculation must run. Words that nobody said are told as
assumed. The model's own text is not read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import prompts
from app.chat_models import ChatModel, Decoding, Finished, ToolCall
from app.question.calculations import CalculationRequest
from app.question.given import read
from app.record.errors import ModelError
from app.record.types import Message
from index.calculations import CalculationError, calculate
from index.calculations.catalogue import CALCULATIONS
from index.calculations.describe import with_inputs

__all__ = ["called_calculation", "described", "tool"]

_log = logging.getLogger("citewise.calculations")
_MAX_TOKENS = 400
_TURNS = 6
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_SCALES = (1.0, 0.01, 1e3, 1024.0, 1e6, 2.0**20, 1e9, 2.0**30, 1e12, 2.0**40, 7.0, 60.0, 3600.0)


def described() -> str:
    """The tool's description, with every calculation's inputs."""
    return prompts.fill("tools/calculate.md", calculations=with_inputs()).strip()


def tool() -> dict[str, Any]:
    """The tool as OpenAI's API describes functions."""
    return {
        "type": "function",
        "function": {
            "name": "calculate",
            "description": described(),
            "parameters": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "inputs"],
                "properties": {
                    "name": {"type": "string", "enum": [*CALCULATIONS]},
                    "inputs": {
                        "type": "object",
                        "additionalProperties": {
                            "anyOf": [
                                {"type": "number"},
                                {"type": "boolean"},
                                {"type": "string"},
                                {"type": "array", "items": {"type": "number"}},
                            ]
                        },
                    },
                },
            },
        },
    }


async def called_calculation(
    question: str, history: Sequence[Message], model: ChatModel | None, seconds: float
) -> CalculationRequest | None:
    """Let a model call a calculation for a question that brings numbers; None where it calls none.

    Args:
        question: what was asked last.
        history: the turns before it, oldest first.
        model: who may call; None is nobody.
        seconds: how long it may take.
    """
    if model is None or not read(question).values:
        return None
    turns = [turn for turn in history if turn.role in ("user", "assistant")][-_TURNS:]
    told = [Message("system", prompts.text("calculate.md").strip()), *turns]
    decoding = Decoding(0, 1, _MAX_TOKENS, tools=(tool(),))
    try:
        async with asyncio.timeout(seconds):
            call = await _call(model, [*told, Message("user", question)], decoding)
    except (TimeoutError, ModelError) as error:
        _log.info("the model called no calculation: %s", error or f"not within {seconds:g} s")
        return None
    return _checked(call, " ".join([*(turn.content for turn in turns), question]))


async def _call(
    model: ChatModel, messages: Sequence[Message], decoding: Decoding
) -> ToolCall | None:
    async with aclosing(model.stream(messages, decoding)) as events:
        async for event in events:
            if isinstance(event, Finished):
                return event.calls[0] if event.calls else None
    return None


def _checked(call: ToolCall | None, said: str) -> CalculationRequest | None:
    """The call as something to work out; None where it can't be, or has numbers of its own."""
    if call is None or call.name != "calculate":
        return None
    try:
        asked = json.loads(call.arguments)
        name, inputs = str(asked["name"]), dict(asked["inputs"])
        calculate(name, inputs)
    except (ValueError, TypeError, KeyError, CalculationError) as error:
        # What is missing is asked back; what is wrong is the model's own fault.
        if not (isinstance(error, CalculationError) and error.missing):
            _log.info("the model's call is of no use: %s", error)
            return None
    texts = [inputs[name] for name in ("text", "reference") if name in inputs]
    known = [float(found.replace(",", "")) for found in _NUMBER.findall(said)]
    if not all(_stands(number, known) for number in _numbers(inputs)) or any(
        str(text) not in said for text in texts
    ):
        _log.info("the model's call has a number or a text that nobody gave: %s", inputs)
        return None
    assumed = tuple(
        f"{key.replace('_', ' ')} {value}, as the model understood it"
        for key, value in inputs.items()
        if isinstance(value, str) and value.lower() not in said.lower()
    )
    return CalculationRequest(name, inputs, assumed=assumed)


def _numbers(inputs: Mapping[str, Any]) -> Iterator[float]:
    """Every number of a call, those in texts too; digits within a name are none."""
    for name, value in inputs.items():
        if (
            isinstance(value, bool)
            or name in ("model", "gpu", "text", "reference")
            or name.endswith("precision")
        ):
            continue
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, str):
                yield from (float(found.replace(",", "")) for found in _NUMBER.findall(each))
            else:
                yield float(each)


def _stands(number: float, known: Sequence[float]) -> bool:
    """Tell whether a number was given, in another unit perhaps."""
    return any(
        abs(abs(number) - value * scale) <= 1e-9 * max(abs(number), 1e-9)
        for value in known
        for scale in _SCALES
    )
