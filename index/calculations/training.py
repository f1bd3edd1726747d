"""The compute of training: FLOP, tokens, time, energy, utilization, parallelism."""

from __future__ import annotations

import math

__all__ = [
    "accumulation_steps",
    "attention_flop",
    "besiroglu_loss",
    "compute_optimal",
    "mfu",
    "pipeline_bubble",
    "training_flop",
    "training_seconds",
]


def training_flop(parameters: float, tokens: float) -> float:
    """Compute of training, 6 · N · D: 2 forward and 4 backward (Kaplan et al. 2020, section 2.1).

    GPT-3: 6 · 175e9 · 300e9 = 3.15e23.

    >>> f"{training_flop(175e9, 300e9):.3g}"
    '3.15e+23'
    """
    return 6 * parameters * tokens


def attention_flop(layers: int, heads: int, head_size: int, context: float, tokens: float) -> float:
    """What the scores add in training, 12 · L · H · Q · T a token (Chowdhery et al. 2022, B).

    No share is taken off for the causal mask, as there.

    >>> attention_flop(80, 64, 128, 8192, 1) / 1e9
    64.42450944
    """
    return 12 * layers * heads * head_size * context * tokens


def compute_optimal(flop: float, ratio: float = 20.0) -> tuple[float, float]:
    """Parameters and tokens that spend a budget best at a ratio of tokens to parameters.

    C = 6 · N · D with D = r · N, so N = √(C / 6r). Hoffmann et al. 2022: Chinchilla's budget of
    5.76e23 gives about 70B parameters and 1.4T tokens.

    >>> n, d = compute_optimal(5.76e23); round(n / 1e9), round(d / 1e12, 2)
    (69, 1.39)
    """
    parameters = math.sqrt(flop / (6 * ratio))
    return parameters, ratio * parameters


def besiroglu_loss(parameters: float, tokens: float) -> float:
    """The loss by the refit of Chinchilla's third approach (Besiroglu et al. 2024), in nats.

    1.8172 + 482.01 / N^0.3478 + 2085.43 / D^0.3658.

    >>> round(besiroglu_loss(70e9, 1.4e12), 3)
    1.974
    """
    return float(1.8172 + 482.01 / parameters**0.3478 + 2085.43 / tokens**0.3658)


def training_seconds(flop: float, gpus: float, peak: float, utilization: float) -> float:
    """Wall-clock time: C / (gpus · peak · MFU).

    >>> round(training_seconds(3.15e23, 1024, 312e12, 0.45) / 86400, 1)
    25.4
    """
    return flop / (gpus * peak * utilization)


def mfu(parameters: float, tokens_per_second: float, gpus: float, peak: float) -> float:
    """Model FLOP utilization: 6 · N · tokens/s / (gpus · peak) (Chowdhery et al. 2022, B).

    >>> round(mfu(7e9, 3500, 1, 312e12), 3)
    0.471
    """
    return 6 * parameters * tokens_per_second / (gpus * peak)


def pipeline_bubble(stages: int, microbatches: int, interleaved: int = 1) -> float:
    """Idle share of a pipeline's time, (p - 1) / (v · m + p - 1) (Narayanan et al. 2021, 2.2).

    Relative to the ideal time it is (p - 1) / (v · m).

    >>> round(pipeline_bubble(8, 32), 4)
    0.1795
    """
    return (stages - 1) / (interleaved * microbatches + stages - 1)


def accumulation_steps(batch: float, micro_batch: float, replicas: float) -> float:
    """Gradient accumulation: global batch / (micro batch · data-parallel replicas).

    >>> accumulation_steps(512, 4, 8)
    16.0
    """
    return batch / (micro_batch * replicas)
