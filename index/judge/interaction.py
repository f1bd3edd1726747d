"""One text's tokens look for their counterparts in another's, and say how they differ.

Each layer lets the tokens of a question or a sentence attend to one another and, biased to those
that are alike, to the evidence's, and compares what it finds with what was asked for: decomposable
attention (Parikh et al. 2016) in the form of a transformer's blocks. It is small enough for numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEADS", "Interaction", "Side", "Task"]

Array = NDArray[np.float32]
Task = Literal["answers", "supports"]
HEADS = 4
_EPS = 1e-5


@dataclass(frozen=True, slots=True)
class Side:
    """A text as the judge reads it.

    Attributes:
        tokens: (tokens, width), projected.
        directions: (tokens, hidden), the last layer's states at length 1.
        ids: (tokens,), the tokens' ids.
    """

    tokens: Array
    directions: Array
    ids: NDArray[Any]


class Interaction:
    """The trained weights, and what they compute. Safe to call from several threads."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by the names that `scripts.training.judge_model` gives them."""
        self._weights = {name: np.asarray(w, np.float32) for name, w in weights.items()}
        self._layers = 1 + max(int(n.split(".")[1]) for n in weights if n.startswith("layers."))

    def reading(self, states: Array, ids: NDArray[Any]) -> Side:
        """Take in the text that is judged, from its states, (tokens, 2 · hidden)."""
        return self._side(states, ids, "text_norm")

    def evidence(self, states: Array, ids: NDArray[Any]) -> Side:
        """Take in a text that it is judged by."""
        return self._side(states, ids, "evidence_norm")

    def _side(self, states: Array, ids: NDArray[Any], norm: str) -> Side:
        last = states[:, states.shape[1] // 2 :]
        length = np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-12)
        return Side(self._norm(self._linear(states, "project"), norm), last / length, ids)

    def __call__(self, task: Task, text: Side, evidence: Side) -> float:
        """Judge a text by the evidence: a log-odds."""
        alike = text.directions @ evidence.directions.T
        same = (text.ids[:, np.newaxis] == evidence.ids).astype(np.float32)
        met = np.stack([alike.max(axis=1), same.max(axis=1)], axis=1)
        x = text.tokens + self._linear(met, "met")
        for layer in range(self._layers):
            x = self._block(f"layers.{layer}.", x, evidence.tokens, alike, same)
        x = self._norm(x, "last_norm")
        share = _softmax(self._linear(x, "share")[:, 0])
        pooled = [
            x.mean(axis=0), share @ x, x.max(axis=0), met[:, 0].min(keepdims=True),
            met[:, 0].mean(keepdims=True),
        ]  # fmt: skip
        hidden = _gelu(self._linear(np.concatenate(pooled), f"{task}.0"))
        return float(self._linear(hidden, f"{task}.2")[0])

    def _block(self, name: str, x: Array, evidence: Array, alike: Array, same: Array) -> Array:
        normed = self._norm(x, f"{name}attention_norm")
        queries = _heads(self._linear(normed, f"{name}query"))
        found = []
        for where, source in (("own", normed), ("evidence", evidence)):
            keys, values = np.split(self._linear(source, f"{name}{where}"), 2, axis=1)
            scores = queries @ _heads(keys).transpose(0, 2, 1) / np.sqrt(queries.shape[2])
            if where == "evidence":
                bias = self._weights[f"{name}bias"]
                scores = scores + bias[:, :1, np.newaxis] * alike + bias[:, 1:, np.newaxis] * same
            mixed = _softmax(scores) @ _heads(values)
            found.append(mixed.transpose(1, 0, 2).reshape(x.shape))
        own, other = found
        x = x + self._linear(np.concatenate([own, other], axis=1), f"{name}mix")
        compared = [self._norm(x, f"{name}compare_norm"), other, normed - other, normed * other]
        inner = _gelu(self._linear(np.concatenate(compared, axis=1), f"{name}compare.0"))
        return x + self._linear(inner, f"{name}compare.2")

    def _linear(self, x: Array, name: str) -> Array:
        product: Array = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return product

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPS)
        normed: Array = scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed


def _heads(x: Array) -> Array:
    """Split a width among the heads. Shape: (heads, tokens, width / heads)."""
    return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _gelu(x: Array) -> Array:
    """The Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016, section 2)."""
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    activated: Array = 0.5 * x * (1 + np.tanh(inner))
    return activated
