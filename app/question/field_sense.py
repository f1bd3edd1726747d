"""Is a text of the field at all, by its meaning? A linear model over an encoder's vector of it.

What retrieval sees of "how much does a llama weigh?" or "which beam holds a swing?" is much like
what it sees of a question about language models: the words are the field's. The whole text's
meaning tells them apart. The weights belong to the shipped encoder and to the shipped knowledge
base: a team's own documents may well be about llamas. Made by `python -m scripts.train_gate`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from index.encoders import Encoder

__all__ = ["SENSE_WEIGHTS", "FieldModel", "FieldSense", "field_sense_by"]

SENSE_WEIGHTS = Path(__file__).with_name("field_sense.json")
_KEPT = 4096  # texts whose sense is known, for the turns that come again as history
_MOST = 6.0


@dataclass(frozen=True)
class FieldModel:
    """Logistic regression over vectors: `weights` (dimension,) and `bias`.

    `encoder` is the sha256 of the weights of the encoder that the vectors are of.
    """

    weights: NDArray[np.float32]
    bias: float
    encoder: str

    def logit(self, vector: NDArray[np.float32]) -> float:
        """Tell how much speaks for the field: above 0 more than against it, within ±6."""
        return float(np.clip(self.weights @ vector + self.bias, -_MOST, _MOST))


@cache
def _shipped() -> FieldModel:
    raw: dict[str, Any] = json.loads(SENSE_WEIGHTS.read_text(encoding="utf-8"))
    return FieldModel(np.array(raw["weights"], np.float32), raw["bias"], raw["encoder"])


class FieldSense:
    """Tells of texts how much speaks for the field; safe among threads."""

    def __init__(self, encoder: Encoder, model: FieldModel) -> None:
        self._encoder, self._model = encoder, model
        self.logit = lru_cache(maxsize=_KEPT)(self._read)

    def _read(self, text: str) -> float:
        return self._model.logit(self._encoder.encode_queries([text])[0])


_SENSES: WeakKeyDictionary[Encoder, FieldSense | None] = WeakKeyDictionary()


def field_sense_by(encoder: Encoder) -> FieldSense | None:
    """Return what reads texts with an encoder; None for one that the weights don't belong to."""
    if encoder not in _SENSES:
        fits = encoder.info.weights_sha256 == _shipped().encoder
        _SENSES[encoder] = FieldSense(encoder, _shipped()) if fits else None
    return _SENSES[encoder]
