"""How fast and how dear generation can be: bounds by compute, by bandwidth, by memory."""

from __future__ import annotations

import math

__all__ = [
    "attention_flop",
    "break_even_tokens",
    "cost_per_million",
    "decode_intensity",
    "decode_tokens_per_second",
    "prefill_seconds",
    "sequences_that_fit",
    "speculative_speedup",
    "speculative_tokens",
]


def attention_flop(layers: int, heads: int, head_size: int, tokens: float) -> float:
    """What the scores add in a forward pass over a prompt under the causal mask.

    4 · L · H · Q · T² / 2.

    >>> attention_flop(32, 32, 128, 8192) / 1e12
    17.592186044416
    """
    return 2 * layers * heads * head_size * tokens**2


def prefill_seconds(flop: float, gpus: float, peak: float, utilization: float) -> float:
    """Time to read a prompt: its FLOP / (gpus · peak · utilization).

    >>> round(prefill_seconds(2 * 8e9 * 8192, 1, 989e12, 0.5), 3)
    0.265
    """
    return flop / (gpus * peak * utilization)


def decode_intensity(active: float, batch: float, weight_bytes: float, cache_bytes: float) -> float:
    """FLOP a byte of a decoding step: 2 · N · B / (weights + B · cache).

    A machine is bound by bandwidth below its peak / bandwidth (Williams et al. 2009).

    >>> decode_intensity(7e9, 1, 14e9, 0)
    1.0
    """
    return 2 * active * batch / (weight_bytes + batch * cache_bytes)


def decode_tokens_per_second(
    read_bytes: float, cache_bytes: float, batch: float, bandwidth: float, efficiency: float = 1.0
) -> float:
    """The most tokens a second by bandwidth, all sequences together.

    B · bandwidth / (weights read + B · cache): each step reads every active weight and each
    sequence's cache once (Pope et al. 2022, section 3). 14 GB on an RTX 4090 (1,008 GB/s): 72.

    >>> round(decode_tokens_per_second(14e9, 0, 1, 1008e9), 1)
    72.0
    """
    return batch * bandwidth * efficiency / (read_bytes + batch * cache_bytes)


def sequences_that_fit(memory: float, weights: float, cache: float) -> int:
    """How many sequences' caches fit beside the weights.

    >>> sequences_that_fit(72e9, 16e9, 1.07e9)
    52
    """
    return max(0, math.floor((memory - weights) / cache + 1e-9))


def cost_per_million(price_per_hour: float, tokens_per_second: float) -> float:
    """Price of a million tokens: price an hour / (tokens/s · 3,600) · 10⁶.

    >>> round(cost_per_million(2.0, 1000), 3)
    0.556
    """
    return price_per_hour / (tokens_per_second * 3600) * 1e6


def break_even_tokens(price_per_hour: float, api_price: float, hours: float) -> float:
    """Tokens over some hours at which own machines cost what an API would.

    hours · price an hour / API's price a million tokens · 10⁶.

    >>> round(break_even_tokens(2.0, 0.6, 24) / 1e6)
    80
    """
    return hours * price_per_hour / api_price * 1e6


def speculative_tokens(acceptance: float, drafted: int) -> float:
    """Tokens expected a step, (1 - α^(γ+1)) / (1 - α) (Leviathan et al. 2023, eq. 1).

    >>> round(speculative_tokens(0.8, 4), 3)
    3.362
    """
    if acceptance == 1:
        return drafted + 1.0
    return float((1 - acceptance ** (drafted + 1)) / (1 - acceptance))


def speculative_speedup(acceptance: float, drafted: int, cost: float) -> float:
    """Speed-up, tokens a step / (γ · c + 1) (Leviathan et al. 2023, theorem 3.8).

    Args:
        acceptance: α, the share of drafted tokens that are accepted.
        drafted: γ, tokens drafted a step.
        cost: c, a draft step's time as a share of the target's.

    >>> round(speculative_speedup(0.8, 5, 0.05), 2)
    2.95
    """
    return speculative_tokens(acceptance, drafted) / (drafted * cost + 1)
