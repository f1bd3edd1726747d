"""Which verifier checks an answer's sentences, by the setting and by what was measured."""

from __future__ import annotations

from collections.abc import Callable

from app.chat_models import ChatModel
from app.verifying.judges import CrossEncoderJudge, JudgedVerifier
from app.verifying.reading import ReadingVerifier
from app.verifying.served import ServedVerifier, calibrated
from app.verifying.supports import LexicalVerifier, Pace, Verifier

__all__ = ["VerifierFor", "verifier_for"]

# Makes the verifier of one answer around what compares words for it.
VerifierFor = Callable[[LexicalVerifier], Verifier]


def verifier_for(setting: str, model: ChatModel, pace: Pace) -> VerifierFor:
    """Choose what verifies.

    Args:
        setting: `builtin`; `model`, which asks the served model; `auto`, which asks it if its
            calibration says that it is the better judge; or a sequence classifier.
        model: the model that writes. What it is called may be known only once it was reached.
        pace: when it may be asked.

    Raises:
        SettingsError: a classifier can't be used.
    """

    def served(words: LexicalVerifier) -> Verifier:
        return ServedVerifier(words, model, pace=pace)

    def better(words: LexicalVerifier) -> Verifier:
        known = calibrated().get(model.name)
        return served(words) if known and known.is_better else ReadingVerifier(words)

    if setting == "builtin":
        return ReadingVerifier
    if setting in ("auto", "model"):
        return better if setting == "auto" else served
    judge = CrossEncoderJudge(setting)
    return lambda words: JudgedVerifier(words, judge)
