"""The served model as judge: how likely it says yes to a sentence beside its passages.

Figures and credits are held against the passages first, and what stands there word for word needs
no judge. Of the rest the model reads one prompt a sentence, with what all prompts share first, so
that a server's prefix cache keeps it, and writes one word. The chance that this word is yes decides
by a threshold that is calibrated for each model (`python -m scripts.calibrate_judge`). Where no
chance is told, the built-in verifier decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import prompts
from app.chat_models import ChatModel, Decoding, Finished
from app.record.errors import ModelError
from app.record.evidence import Evidence
from app.record.reasons import Objection, Reason
from app.record.types import Message, Usage
from app.verifying.reading import ReadingVerifier, word_for_word
from app.verifying.supports import LexicalVerifier, Pace, PassageReading, Verdict

__all__ = [
    "CALIBRATIONS", "JudgeCalibration", "ServedVerifier", "Shares", "bearable", "calibrated",
    "chance_of_yes", "prompt_sha256",
]  # fmt: skip

_log = logging.getLogger("citewise.verify")
CALIBRATIONS = Path(__file__).with_name("served.json")
_PROMPT = "verify.md"
_SECONDS = 10.0
_MOST_FALSE = 0.03
_UNCALIBRATED_AT = 0.5


@dataclass(frozen=True, slots=True)
class Shares:
    """Of true and of false restatements, the shares that are shown as written."""

    true: float
    false: float


@dataclass(frozen=True, slots=True)
class JudgeCalibration:
    """What was measured of a model as judge, beside the built-in verifier on the same pairs.

    A sentence is shown where the chance of yes is at least `shown_at`.
    """

    shown_at: float
    pairs: int
    model: Shares
    builtin: Shares

    @property
    def is_better(self) -> bool:
        """Whether it shows more that is true than the built-in verifier, and little that is not."""
        allowed = max(_MOST_FALSE, self.builtin.false)
        return self.model.true > self.builtin.true and self.model.false <= allowed


def prompt_sha256() -> str:
    """Hash the prompt that a calibration holds for. Hexadecimal."""
    return hashlib.sha256(prompts.text(_PROMPT).encode()).hexdigest()


@cache
def calibrated() -> Mapping[str, JudgeCalibration]:
    """Read the calibrations that were made with the prompt as it is, by the models' names."""
    raw = json.loads(CALIBRATIONS.read_text(encoding="utf-8"))
    if raw["prompt_sha256"] != prompt_sha256():
        return {}
    return {
        name: JudgeCalibration(
            one["shown_at"], one["pairs"], Shares(**one["model"]), Shares(**one["builtin"])
        )
        for name, one in raw["models"].items()
    }


async def chance_of_yes(
    model: ChatModel, passage: str, sentence: str
) -> tuple[float | None, Usage]:
    """Ask whether a passage says what a sentence does.

    Returns:
        The chance of yes, 0 to 1, or None where the model tells none; and the tokens it took.

    Raises:
        ModelError: it failed.
    """
    prompt = prompts.fill(_PROMPT, passage=passage, sentence=sentence)
    events = model.stream([Message("user", prompt)], Decoding.one_word())
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Finished):
                return event.yes, event.usage
    return None, Usage()


def bearable(readings: Sequence[PassageReading]) -> PassageReading | None:
    """The passages to be judged by: the first that bear a sentence's figures and credits."""
    return next((reading for reading in readings if not reading.figures), None)


class ServedVerifier:
    """Asks the model that writes; made anew for each answer.

    Once it fails, tells no chance or takes too long, the built-in verifier checks the rest.
    """

    def __init__(
        self,
        words: LexicalVerifier,
        model: ChatModel,
        *,
        pace: Pace = "meanwhile",
        seconds: float = _SECONDS,
    ) -> None:
        """Take what compares words, the model, when it may be asked and how long it may take."""
        self._words, self._model, self._seconds = words, model, seconds
        self._builtin = ReadingVerifier(words)
        self._told = True
        self.pace: Pace = pace
        self.usage = Usage()

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence against what it cites, or else what comes closest."""
        if not self._told:
            return await self._builtin.check(sentence, cited, evidence)
        readings = await asyncio.to_thread(self._words.readings, sentence, cited, evidence)
        reading = bearable(readings)
        if reading is None or word_for_word(sentence, reading.supports, evidence):
            return await self._builtin.check(sentence, cited, evidence)
        chance = await self._chance("\n".join(item.context for item in reading.items), sentence)
        if chance is None:
            return await self._builtin.check(sentence, cited, evidence)
        if chance >= self._shown_at():
            return Verdict("supported", chance, reading.supports)
        instead = next((each.instead for each in readings if each.instead), ())
        return Verdict("unsupported", chance, (), Objection(Reason.NOT_ENTAILED), instead)

    def _shown_at(self) -> float:
        known = calibrated().get(self._model.name)
        return known.shown_at if known else _UNCALIBRATED_AT

    async def _chance(self, passage: str, sentence: str) -> float | None:
        """The chance of yes; None, from now on, where none can be had."""
        try:
            async with asyncio.timeout(self._seconds):
                chance, usage = await chance_of_yes(self._model, passage, sentence)
            self.usage += usage
            why = "it tells no chance of yes or no (logprobs)" if chance is None else ""
        except TimeoutError:
            chance, why = None, f"it did not judge a sentence within {self._seconds:g} s"
        except ModelError as error:
            chance, why = None, str(error)
        if why:
            self._told = False
            _say_once(f"{self._model.name}: {why}; the built-in verifier checks its sentences")
        return chance


@cache
def _say_once(message: str) -> None:
    _log.warning(message)
