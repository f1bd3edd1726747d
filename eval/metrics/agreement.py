"""Agreement of a verifier or judge with hand labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

__all__ = ["accuracy", "confusion", "kappa", "precision_counts", "recall_counts"]


def confusion(truth: Sequence[str], said: Sequence[str]) -> Mapping[tuple[str, str], int]:
    """Count the pairs (true label, said label). Shapes: (n,), (n,)."""
    return Counter(zip(truth, said, strict=True))


def accuracy(truth: Sequence[str], said: Sequence[str]) -> float | None:
    """Share of equal labels; None of nothing."""
    return sum(t == s for t, s in zip(truth, said, strict=True)) / len(truth) if truth else None


def kappa(truth: Sequence[str], said: Sequence[str]) -> float | None:
    """Agreement beyond chance (Cohen 1960).

    κ = (p_o - p_e) / (1 - p_e), p_o the share of equal labels, p_e = Σ_l p_truth(l) p_said(l).
    None of nothing, and where both sides use one and the same label throughout.
    """
    observed = accuracy(truth, said)
    if observed is None:
        return None
    ours, theirs = Counter(truth), Counter(said)
    expected = sum(ours[label] * theirs[label] for label in ours) / len(truth) ** 2
    return None if expected == 1.0 else (observed - expected) / (1 - expected)


def precision_counts(truth: Sequence[str], said: Sequence[str], label: str) -> tuple[int, int]:
    """Return how many of those said to be `label` are, and how many were said to be."""
    chosen = [t == label for t, s in zip(truth, said, strict=True) if s == label]
    return sum(chosen), len(chosen)


def recall_counts(truth: Sequence[str], said: Sequence[str], label: str) -> tuple[int, int]:
    """Return how many of those that are `label` were said to be, and how many there are."""
    return precision_counts(said, truth, label)
