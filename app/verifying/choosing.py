"""Which verifier checks an answer's sentences, by the setting and by what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.chat_models import ChatModel
from app.verifying.judges import CrossEncoderJudge, JudgedVerifier
from app.verifying.reading import ReadingVerifier
from app.verifying.served import ServedVerifier, calibrated
from app.verifying.supports import LexicalVerifier, Pace, Verifier

__all__ = ["VerifierFor", "verifier_for"]

# Makes the verifier of one answer, around what compares words for it and for a prompt of so many
# tokens; None where no answer is written.
VerifierFor = Callable[[LexicalVerifier, int | None], Verifier]


def verifier_for(
    setting: str, model: ChatModel, pace: Pace, judging_share: float = math.inf
) -> VerifierFor:
    """Choose what verifies.

    Args:
        setting: `builtin`; `model`, which asks the served model; `auto`, which asks it if its
            calibration says that it is the better judge; or a sequence classifier.
        model: the model that writes. What it is called may be known only once it was reached.
        pace: when it may be asked.
        judging_share: of an answer's prompt, how many tokens the served model may read anew to
            judge its sentences.

    Raises:
        SettingsError: a classifier can't be used.
    """

    def builtin(words: LexicalVerifier, _: int | None = None) -> Verifier:
        return ReadingVerifier(words)

    def served(words: LexicalVerifier, prompt_tokens: int | None = None) -> Verifier:
        most = math.inf if prompt_tokens is None else judging_share * prompt_tokens
        return ServedVerifier(words, model, pace=pace, most_tokens=most)

    def better(words: LexicalVerifier, prompt_tokens: int | None = None) -> Verifier:
        known = calibrated().get(model.name)
        return (served if known and known.is_better else builtin)(words, prompt_tokens)

    if setting == "builtin":
        return builtin
    if setting in ("auto", "model"):
        return better if setting == "auto" else served
    judge = CrossEncoderJudge(setting)
    return lambda words, _: JudgedVerifier(words, judge)
