"""Which calculation a question asks for, by its words and its meaning.

What was read of a question is put as its kind first ("how big is the kv cache of model at tokens"),
so that one wording stands for all models and numbers. Two linear models are fitted to that text:
one over its words and what it gives, one over the shipped encoder's vector of it; what both say
is multiplied. With another encoder the words decide alone.
Made by `python -m scripts.train_calculations`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.question.given import GivenInputs
from index.encoders import Encoder

__all__ = ["CHANGE", "NONE", "CalculationModel", "features", "shipped_calculations", "wanted"]

NONE = "none"
# "and at 32k?" asks for nothing by itself; it changes the calculation before it.
CHANGE = "change"
_WEIGHTS = Path(__file__).with_name("calculation_meaning.json")
_WORD = re.compile(r"[^\W\d]+(?:-[^\W\d]+)*|\d[\d.,]*")
_KEPT = 4096  # texts whose vectors are known, for the turns that come again as history
_LEAST = 1e-6


@dataclass(frozen=True)
class CalculationModel:
    """Multinomial logistic regression over features, and over vectors.

    Shapes: `bias` and `vector_bias` (names,), `vector_weights` (names, dimension). `weights` are by
    feature, then by the place in `names`. `encoder` is the sha256 of the encoder's weights.
    """

    names: tuple[str, ...]
    weights: Mapping[str, Mapping[str, float]]
    bias: NDArray[np.float32]
    vector_weights: NDArray[np.float32]
    vector_bias: NDArray[np.float32]
    encoder: str

    def chances(self, given: GivenInputs, vector: NDArray[np.float32] | None) -> dict[str, float]:
        """Estimate what is asked: a chance a name, together 1."""
        logits = self.bias.copy()
        for feature in features(given):
            for place, weight in self.weights.get(feature, {}).items():
                logits[int(place)] += weight
        found = _share(logits)
        if vector is not None:
            found = found * np.maximum(
                _share(self.vector_weights @ vector + self.vector_bias), _LEAST
            )
        return dict(zip(self.names, (found / found.sum()).tolist(), strict=True))


def _share(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum(), np.float32)


def features(given: GivenInputs) -> Iterator[str]:
    """What the model weighs: words and pairs of words, what was read, how long the text is."""
    words = [
        "^",
        *("#" if word[0].isdigit() else word for word in _WORD.findall(given.kinds.lower())),
        "$",
    ]
    yield from dict.fromkeys(words)
    yield from dict.fromkeys(f"{one} {two}" for one, two in pairwise(words))
    yield from (f"has:{name}" for name in given.names())
    yield f"length:{math.ceil(math.log2(len(words)))}"


@cache
def shipped_calculations() -> CalculationModel:
    """Read the weights that come with Citewise."""
    raw: dict[str, Any] = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    numbers = ("bias", "vector_weights", "vector_bias")
    arrays = {name: np.array(raw[name], np.float32) for name in numbers}
    return CalculationModel(tuple(raw["names"]), raw["weights"], encoder=raw["encoder"], **arrays)


class _Vectors:
    """Vectors of texts, kept; safe among threads."""

    def __init__(self, encoder: Encoder) -> None:
        self.of = lru_cache(maxsize=_KEPT)(lambda text: encoder.encode_queries([text])[0])


_VECTORS: WeakKeyDictionary[Encoder, _Vectors] = WeakKeyDictionary()


def wanted(given: GivenInputs, encoder: Encoder | None) -> dict[str, float]:
    """Estimate which calculation a question asks for: a chance a name, together 1.

    Args:
        given: what was read of it.
        encoder: what gives its meaning; None, or one that the weights don't belong to, leaves
            the words alone.
    """
    model = shipped_calculations()
    if encoder is None or encoder.info.weights_sha256 != model.encoder:
        return model.chances(given, None)
    if encoder not in _VECTORS:
        _VECTORS[encoder] = _Vectors(encoder)
    return model.chances(given, _VECTORS[encoder].of(" ".join(given.kinds.split())))
