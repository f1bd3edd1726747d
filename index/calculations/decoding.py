"""Small mathematics of language models: sampling, perplexity, rotary positions."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "bits_per_byte",
    "perplexity",
    "rope_wavelength",
    "sampled",
    "sliding_reach",
    "softmax",
    "yarn_attention_factor",
    "yarn_bounds",
]


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Probabilities exp(z_i / T) / Σ exp(z_j / T); temperature 0 is greedy.

    >>> [round(p, 3) for p in softmax([2.0, 1.0, 0.0])]
    [0.665, 0.245, 0.09]
    """
    highest = max(logits)
    if temperature == 0:
        best = [float(value == highest) for value in logits]
        return [value / sum(best) for value in best]
    powers = [math.exp((value - highest) / temperature) for value in logits]
    total = sum(powers)
    return [power / total for power in powers]


def sampled(
    probabilities: Sequence[float],
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
) -> list[float]:
    """What is sampled from after each filter, renormalized; 0 where a token is left out.

    Temperature first (p^(1/T)), then the k likeliest (Fan et al. 2018), the smallest set whose
    sum reaches p (Holtzman et al. 2020), and those at least min_p times the likeliest (Nguyen
    et al. 2024), each on the renormalized rest.

    >>> [round(p, 4) for p in sampled([0.5, 0.3, 0.15, 0.05], top_p=0.9)]
    [0.5263, 0.3158, 0.1579, 0.0]
    >>> [round(p, 4) for p in sampled([0.6, 0.3, 0.1], temperature=0.5)]
    [0.7826, 0.1957, 0.0217]
    >>> [round(p, 3) for p in sampled([0.5, 0.3, 0.15, 0.05], min_p=0.2)]
    [0.526, 0.316, 0.158, 0.0]
    """
    logs = [math.log(p) if p > 0 else -math.inf for p in probabilities]
    kept = softmax(logs, temperature)
    order = sorted(range(len(kept)), key=lambda i: -kept[i])
    if top_k:
        kept = _only(kept, order[:top_k])
    if top_p < 1:
        total, chosen = 0.0, []
        for i in order:
            chosen.append(i)
            total += kept[i]
            if total >= top_p - 1e-12:
                break
        kept = _only(kept, chosen)
    if min_p > 0:
        least = min_p * max(kept)
        kept = _only(kept, [i for i in order if kept[i] >= least - 1e-12 and kept[i] > 0])
    return kept


def _only(probabilities: Sequence[float], chosen: Sequence[int]) -> list[float]:
    total = sum(probabilities[i] for i in chosen)
    wanted = set(chosen)
    return [p / total if i in wanted else 0.0 for i, p in enumerate(probabilities)]


def perplexity(loss: float) -> float:
    """exp(loss), the loss in nats a token.

    >>> round(perplexity(2.0), 3)
    7.389
    """
    return math.exp(loss) if loss < 700 else math.inf


def bits_per_byte(loss: float, tokens_per_byte: float) -> float:
    """Cross-entropy in bits a byte, loss / ln 2 · tokens / bytes (Gao et al. 2020, section 3.1).

    >>> round(bits_per_byte(2.0, 0.29335), 4)
    0.8464
    """
    return loss / math.log(2) * tokens_per_byte


def rope_wavelength(pair: int, head_size: int, base: float = 10000.0) -> float:
    """Tokens in which a pair of dimensions turns once, 2π · base^(2i/d) (Su et al. 2021).

    >>> round(rope_wavelength(0, 128), 3), round(rope_wavelength(63, 128))
    (6.283, 54410)
    """
    return 2 * math.pi * math.pow(base, 2 * pair / head_size)


def yarn_attention_factor(scale: float) -> float:
    """What YaRN multiplies queries and keys with, √(1/t) = 0.1 ln s + 1 (Peng et al. 2023, 3.4).

    >>> round(yarn_attention_factor(4), 4)
    1.1386
    """
    return 0.1 * math.log(scale) + 1 if scale > 1 else 1.0


def yarn_bounds(
    head_size: int, base: float, original: float, alpha: float = 1.0, beta: float = 32.0
) -> tuple[float, float]:
    """The pairs between which YaRN blends: below the first nothing changes, above all is scaled.

    Pair i turns L / λ_i times in the original context; i(r) = d · ln(L / 2πr) / (2 ln base) with
    r = β and r = α (Peng et al. 2023, section 3.2).

    >>> [round(i, 1) for i in yarn_bounds(128, 10000, 4096)]
    [20.9, 45.0]
    """

    def pair(turns: float) -> float:
        return head_size * math.log(original / (2 * math.pi * turns)) / (2 * math.log(base))

    return pair(beta), pair(alpha)


def sliding_reach(window: float, layers: float) -> float:
    """How far back information can travel through windows, at most: window · layers.

    Mistral 7B: 4,096 · 32 = 131,072 tokens (Jiang et al. 2023, section 2).

    >>> sliding_reach(4096, 32)
    131072
    """
    return window * layers
