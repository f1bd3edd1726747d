"""What a clause does by its meaning: a linear model over an encoder's vector of it.

Beside the words of a clause (`app.question.act_model`) it knows what says the same in words that
no example has. Its weights belong to the encoder that they were fitted to, the shipped one; with
any other encoder the words decide alone. Made by `python -m scripts.train_acts`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.question.act_model import ASK, ActModel
from index.encoders import Encoder

__all__ = ["Meaning", "MeaningModel", "meaning_by", "shipped_meaning"]

_WEIGHTS = Path(__file__).with_name("act_meaning.json")
_KEPT = 4096  # clauses whose vectors are known, for the turns that come again as history
# Where the words alone are so sure that a clause is a question, its vector changes nothing.
_SURE_BY_WORDS = 0.995
_LEAST = 1e-9


@dataclass(frozen=True)
class MeaningModel:
    """Multinomial logistic regression over vectors.

    Shapes: `weights` (acts, dimension), `bias` (acts,). `encoder` is the sha256 of the weights
    of the encoder that the vectors are of.
    """

    acts: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    encoder: str

    def chances(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """Estimate what a clause does from its vector: a chance an act, together 1."""
        logits = self.weights @ vector + self.bias
        raised = np.exp(logits - logits.max())
        return dict(zip(self.acts, (raised / raised.sum()).tolist(), strict=True))


@cache
def shipped_meaning() -> MeaningModel:
    """Read the weights that come with Citewise."""
    raw: dict[str, Any] = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    weights, bias = (np.array(raw[name], np.float32) for name in ("weights", "bias"))
    return MeaningModel(tuple(raw["acts"]), weights, bias, raw["encoder"])


class Meaning:
    """What clauses do by their words and their meaning together; safe among threads."""

    def __init__(self, encoder: Encoder, model: MeaningModel) -> None:
        self.encoder, self._model = encoder, model
        self._by_vector = lru_cache(maxsize=_KEPT)(self._read)

    def chances(self, clause: str, by_words: ActModel) -> dict[str, float]:
        """Estimate what a clause does: a chance an act, together 1.

        An act is likely where both its words and its meaning say so: the chances are multiplied.
        """
        spoken = by_words.chances(clause)
        if spoken[ASK] >= _SURE_BY_WORDS:
            return spoken
        meant = self._by_vector(clause)
        both = {
            act: max(chance, _LEAST) * max(meant.get(act, 0.0), _LEAST)
            for act, chance in spoken.items()
        }
        total = sum(both.values())
        return {act: chance / total for act, chance in both.items()}

    def _read(self, clause: str) -> Mapping[str, float]:
        return self._model.chances(self.encoder.encode_queries([clause])[0])


_READERS: WeakKeyDictionary[Encoder, Meaning | None] = WeakKeyDictionary()


def meaning_by(encoder: Encoder) -> Meaning | None:
    """Return what reads clauses with an encoder; None for one that the weights don't belong to."""
    if encoder not in _READERS:
        model = shipped_meaning()
        fits = encoder.info.weights_sha256 == model.encoder
        _READERS[encoder] = Meaning(encoder, model) if fits else None
    return _READERS[encoder]
