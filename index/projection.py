"""Vectors of many dimensions get places on a plane, those that are alike near each other.

t-SNE (van der Maaten & Hinton 2008), exact and from a fixed beginning (the two principal
components, as Kobak & Berens 2019 advise), so that the same vectors always give the same places.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.encoders import Vectors

__all__ = ["plane"]

_STEPS = 500
_EXAGGERATED = 120  # of the steps: clusters form while likeness counts for more
_EXAGGERATION = 12.0
_TINY = 1e-12


def plane(vectors: Vectors, *, neighbours: float = 15.0) -> Vectors:
    """Place vectors on a plane. Time and memory grow with the square of their number.

    Args:
        vectors: shape (n, d).
        neighbours: the perplexity: how many others each one should lie near, about.

    Returns:
        Shape (n, 2), each coordinate from 0 to 1.
    """
    count = len(vectors)
    if count < 4:
        return np.stack([np.linspace(0, 1, count), np.full(count, 0.5)], axis=1, dtype=np.float32)
    data = vectors.astype(np.float64)
    alike = _likeness(data, min(neighbours, (count - 1) / 3))
    places = _principal(data)
    rate = max(count / _EXAGGERATION, 50.0)
    moved, gains = np.zeros_like(places), np.ones_like(places)
    for step in range(_STEPS):
        early = step < _EXAGGERATED
        gradient = _gradient(alike * (_EXAGGERATION if early else 1.0), places)
        against = (gradient > 0) != (moved > 0)
        gains = np.maximum(np.where(against, gains + 0.2, gains * 0.8), 0.01)
        moved = (0.5 if early else 0.8) * moved - rate * gains * gradient
        places = places + moved
    low, high = places.min(axis=0), places.max(axis=0)
    scaled: Vectors = ((places - low) / np.maximum(high - low, _TINY)).astype(np.float32)
    return scaled


def _principal(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two principal components, small, as t-SNE begins. Shape: (n, 2)."""
    centred = data - data.mean(axis=0)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    placed = np.zeros((len(data), 2))
    kept = min(2, len(sizes))
    signs = np.sign(right[:kept, np.abs(right[:kept]).argmax(axis=1)].diagonal())
    placed[:, :kept] = left[:, :kept] * sizes[:kept] * signs
    # Vectors that are the same must not stay on one point: the gradient there is zero.
    placed += np.random.default_rng(0).normal(0, 1e-4, placed.shape)
    spread = placed[:, 0].std()
    small: NDArray[np.float64] = placed / max(float(spread), _TINY) * 1e-4
    return small


def _distances(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances between all pairs. Shape: (n, n)."""
    norms = (data**2).sum(axis=1)
    apart: NDArray[np.float64] = np.maximum(norms[:, None] + norms - 2 * data @ data.T, 0)
    return apart


def _likeness(data: NDArray[np.float64], perplexity: float) -> NDArray[np.float64]:
    """Symmetric likenesses p_ij, 1 in all; each row's width is found by bisection."""
    distances = _distances(data)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1, keepdims=True)
    low = np.zeros((len(data), 1))
    high = np.full((len(data), 1), np.inf)
    sharp = np.ones((len(data), 1))
    rows = np.empty_like(distances)
    for _ in range(60):
        rows = np.exp(-(distances - nearest) * sharp)
        rows /= rows.sum(axis=1, keepdims=True)
        entropy = -(rows * np.log(np.maximum(rows, _TINY))).sum(axis=1, keepdims=True)
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, sharp, low), np.where(wide, high, sharp)
        middle = (low + np.where(np.isinf(high), 0, high)) / 2
        sharp = np.where(np.isinf(high), sharp * 2, middle)
    both = rows + rows.T
    likeness: NDArray[np.float64] = np.maximum(both / both.sum(), _TINY)
    return likeness


def _gradient(alike: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """4 Σ_j (p_ij - q_ij)(y_i - y_j) / (1 + |y_i - y_j|²). Shape: (n, 2)."""
    near = 1 / (1 + _distances(places))
    np.fill_diagonal(near, 0)
    pull = (alike - near / max(float(near.sum()), _TINY)) * near
    force: NDArray[np.float64] = 4 * (pull.sum(axis=1)[:, None] * places - pull @ places)
    return force
