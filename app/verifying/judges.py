"""A verifier with a second model, one for entailment.

Whatever judges, the checks that need no judgement stay ours: a sentence whose numbers or credits
the evidence does not support is refused before any model is asked.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.record.errors import SettingsError
from app.record.evidence import Evidence
from app.record.reasons import Objection, Reason
from app.record.types import Usage
from app.verifying.supports import LexicalVerifier, Pace, Verdict

__all__ = ["CrossEncoderJudge", "Judge", "JudgedVerifier", "entailment_index"]

_SUPPORTED_AT = 0.5
_READ = 3
_PREMISE_TOKENS = 512
_ENTAILS = re.compile(r"entail|support|consistent|faithful|grounded|factual|^yes$|^true$", re.I)
_DENIES = re.compile(
    r"^(?:not|un|non|inconsist|incorrect)|contradict|neutral|halluc", re.IGNORECASE
)
_UNNAMED = re.compile(r"^label_\d+$", re.IGNORECASE)


class Judge(Protocol):
    """Anything that tells how likely a passage entails a sentence."""

    async def entails(self, passage: str, sentence: str) -> float:
        """Estimate the chance that the passage supports the sentence, 0 to 1."""


class JudgedVerifier:
    """Our checks of numbers and credits first, then a judge reads the passages that come closest.

    It reads at most three of them, what the sentence cites first.
    """

    def __init__(self, verifier: LexicalVerifier, judge: Judge) -> None:
        self._verifier, self._judge = verifier, judge

    pace: Pace = "at once"
    usage = Usage()

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence, markers removed, against all evidence, what it cites first."""
        readings = self._verifier.readings(sentence, cited, evidence)
        if not readings:
            return Verdict("unsupported", 0.0, objection=Objection(Reason.NO_EVIDENCE))
        bearable = [reading for reading in readings if not reading.figures][:_READ]
        if not bearable:
            return Verdict("unsupported", 0.0, objection=readings[0].figures)
        best = Verdict("unsupported", 0.0, objection=Objection(Reason.NOT_ENTAILED))
        for reading in bearable:
            passage = "\n".join(item.context for item in reading.items)
            score = await self._judge.entails(passage, sentence)
            if score >= _SUPPORTED_AT:
                return Verdict("supported", score, reading.supports)
            instead = best.instead or reading.instead
            best = Verdict("unsupported", max(score, best.score), (), best.objection, instead)
        return best


class CrossEncoderJudge:
    """A sequence classifier over passage and sentence: NLI, MiniCheck or HHEM-style, on torch.

    The entailing label is found by its name; a single output is taken through a sigmoid, and of
    two unnamed ones the second is the entailing one, as in MiniCheck (Tang et al. 2024).
    """

    def __init__(self, model: str) -> None:
        """Load the weights.

        Args:
            model: a folder, or a hub's name.

        Raises:
            SettingsError: torch is missing, the weights can't be read, or no label entails.
        """
        try:
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer

            self._torch = torch
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model)
            self._model: Any = AutoModelForSequenceClassification.from_pretrained(model).eval()
        except ImportError as error:
            raise SettingsError(
                f"the verifier {model!r} needs torch and transformers ({error}); "
                "install them with: make setup-torch"
            ) from error
        except (OSError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise SettingsError(
                f"the verifier {model!r} can't be loaded ({said}); expected builtin, model, or a "
                "sequence classifier's folder or hub name"
            ) from error
        config = self._model.config
        self._entailing = entailment_index(config.id2label, model)

    async def entails(self, passage: str, sentence: str) -> float:
        """Read the pair in a thread of its own."""
        return await asyncio.to_thread(self._score, passage, sentence)

    def _score(self, passage: str, sentence: str) -> float:
        inputs = self._tokenizer(
            passage, sentence, truncation="only_first", max_length=self._most(), return_tensors="pt"
        )
        with self._torch.inference_mode():
            logits = self._model(**inputs).logits[0].float()
        if len(logits) == 1:
            return 1 / (1 + math.exp(-max(-30.0, min(30.0, float(logits[0])))))
        return float(logits.softmax(-1)[self._entailing])

    def _most(self) -> int:
        positions = int(getattr(self._model.config, "max_position_embeddings", _PREMISE_TOKENS))
        return min(int(self._tokenizer.model_max_length), positions, _PREMISE_TOKENS)


def entailment_index(labels: Mapping[int, str], model: str) -> int:
    """Find which output says that the passage entails the sentence.

    Args:
        labels: the configuration's id2label.
        model: the model's name, for the error.

    Raises:
        SettingsError: no label, or more than one, reads so.
    """
    if len(labels) == 1:
        return 0
    named = [i for i, name in labels.items() if _ENTAILS.search(name) and not _DENIES.search(name)]
    if len(named) == 1:
        return int(named[0])
    if len(labels) == 2 and all(_UNNAMED.match(name) for name in labels.values()):
        return 1
    raise SettingsError(
        f"the verifier {model!r} has the labels {', '.join(labels.values())}; expected one that "
        "says entailment or supported; name them in id2label of its config.json"
    )
