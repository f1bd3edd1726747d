"""The served model as judge: how likely it says yes to a sentence beside its passages.

Figures and credits are held against the passages first, and what stands there word for word needs
no judge. Of the rest the model reads one prompt a sentence, with what all prompts share first, so
that a server's prefix cache keeps it, and writes one word. The chance that this word is yes decides
by a threshold that is calibrated for each model (`python -m scripts.calibrate_judge`). Where no
chance is told, or the tokens that may be spent on it are, the built-in verifier decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
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
    "CALIBRATIONS", "Allowance", "JudgeCalibration", "ServedVerifier", "Shares", "bearable",
    "calibrated", "chance_of_yes", "prompt_sha256",
]  # fmt: skip

_log = logging.getLogger("citewise.verify")
CALIBRATIONS = Path(__file__).with_name("served.json")
_PROMPT = "verify.md"
_SECONDS = 10.0
_MOST_FALSE = 0.03
_UNCALIBRATED_AT = 0.5
_CHARACTERS_PER_TOKEN = 3  # so few are never met in English: what is to come is overrated
_CACHE_BLOCK = 16  # tokens: a prefix is kept up to a multiple of them


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
    told = await _judgement(model, passage, sentence)
    return told.yes, told.usage


async def _judgement(model: ChatModel, passage: str, sentence: str) -> Finished:
    prompt = prompts.fill(_PROMPT, passage=passage, sentence=sentence)
    events = model.stream([Message("user", prompt)], Decoding.one_word())
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Finished):
                return event
    return Finished("stop", Usage())


class Allowance:
    """The tokens that judgements of one answer may take, those that a server had cached left out.

    Several judgements may be under way: what each is likely to take is set aside until it is known.
    """

    def __init__(self, most: float) -> None:
        """Begin with so many."""
        self._left, self._caches = most, False
        self._read: set[str] = set()

    def take(self, passage: str, sentence: str) -> float | None:
        """Set aside what a judgement may take; None where that is more than is left."""
        again = self._caches and passage in self._read
        new = sentence if again else f"{passage}{sentence}"
        shared = "" if self._caches else prompts.text(_PROMPT)
        likely = len(f"{shared}{new}") / _CHARACTERS_PER_TOKEN + _CACHE_BLOCK
        if likely > self._left:
            return None
        self._left -= likely
        return likely

    def took(self, likely: float, passage: str, told: Finished) -> None:
        """Put what was really taken in place of what was likely."""
        self._caches = self._caches or told.cached > 0
        self._read.add(passage)
        used = told.usage.prompt_tokens - told.cached + told.usage.completion_tokens
        self._left += likely - used


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
        most_tokens: float = math.inf,
    ) -> None:
        """Take what judges.

        Args:
            words: what compares words.
            model: who is asked.
            pace: when it may be asked.
            seconds: how long it may take for a sentence.
            most_tokens: how many it may read anew and write for all of them.
        """
        self._words, self._model, self._seconds = words, model, seconds
        self._builtin = ReadingVerifier(words)
        self._told, self._allowance = True, Allowance(most_tokens)
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
        passage = "\n".join(item.context for item in reading.items)
        likely = self._allowance.take(passage, sentence)
        chance = None if likely is None else await self._chance(passage, sentence, likely)
        if chance is None:
            return await self._builtin.check(sentence, cited, evidence)
        if chance >= self._shown_at():
            return Verdict("supported", chance, reading.supports)
        nearest = await asyncio.to_thread(self._builtin.nearest, sentence, cited, evidence)
        instead = nearest or next((each.instead for each in readings if each.instead), ())
        return Verdict("unsupported", chance, (), Objection(Reason.NOT_ENTAILED), instead)

    def _shown_at(self) -> float:
        known = calibrated().get(self._model.name)
        return known.shown_at if known else _UNCALIBRATED_AT

    async def _chance(self, passage: str, sentence: str, likely: float) -> float | None:
        """The chance of yes; None, from now on, where none can be had."""
        try:
            async with asyncio.timeout(self._seconds):
                told = await _judgement(self._model, passage, sentence)
            self._allowance.took(likely, passage, told)
            self.usage += told.usage
            chance = told.yes
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
