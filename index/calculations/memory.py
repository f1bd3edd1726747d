"""What takes memory: weights, keys and values, activations, the state of training.

All results are bytes unless a docstring says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from index.calculations.shapes import CacheGroup

__all__ = [
    "OPTIMIZERS",
    "Optimizer",
    "TrainingState",
    "activation_bytes",
    "kv_bytes",
    "kv_bytes_per_token",
    "logit_bytes",
    "longest_context",
    "training_state",
    "weight_bytes",
]


def weight_bytes(parameters: float, bits: float) -> float:
    """Weights in memory: parameters · bits / 8.

    >>> weight_bytes(7e9, 16), weight_bytes(70e9, 4)
    (14000000000.0, 35000000000.0)
    """
    return parameters * bits / 8


def kv_bytes_per_token(groups: Sequence[CacheGroup], bytes_each: float) -> float:
    """What one more token adds to the cache while no layer's reach is full.

    Σ layers · numbers · bytes; with one kind of layer 2 · layers · kv_heads · head_size · bytes
    (Pope et al. 2022, section 3.3). Llama 2 7B in 16 bits, half a MiB:

    >>> kv_bytes_per_token([CacheGroup(32, 2 * 32 * 128)], 2)
    524288.0
    """
    return float(sum(group.layers * group.numbers for group in groups)) * bytes_each


def kv_bytes(
    groups: Sequence[CacheGroup], tokens: float, sequences: float, bytes_each: float
) -> float:
    """The cache of some sequences of some tokens: Σ layers · numbers · min(tokens, reach) · bytes.

    Llama 3.1 70B at 131,072 tokens in 16 bits takes 40 GiB; Gemma 3 27B, whose 52 of 62 layers
    see 1,024 tokens, 10.4 GiB at 131,072:

    >>> kv_bytes([CacheGroup(80, 2 * 8 * 128)], 131072, 1, 2) / 2**30
    40.0
    >>> groups = [CacheGroup(10, 2 * 16 * 128), CacheGroup(52, 2 * 16 * 128, 1024)]
    >>> round(kv_bytes(groups, 131072, 1, 2) / 2**30, 2)
    10.41
    """
    kept = sum(
        group.layers * group.numbers * (min(tokens, group.reach) if group.reach else tokens)
        for group in groups
    )
    return kept * sequences * bytes_each


def longest_context(
    groups: Sequence[CacheGroup], budget: float, sequences: float, bytes_each: float
) -> float:
    """The most whole tokens a sequence whose cache fits a budget; infinite if none grows.

    >>> longest_context([CacheGroup(80, 2048)], 40 * 2**30, 1, 2)
    131072.0
    """
    budget /= sequences * bytes_each
    # The cache grows piecewise linearly: walk the reaches from the shortest.
    for reach in [*sorted({g.reach for g in groups if g.reach}), math.inf]:
        growing = sum(g.layers * g.numbers for g in groups if not g.reach or g.reach >= reach)
        full = sum(g.layers * g.numbers * g.reach for g in groups if g.reach and g.reach < reach)
        tokens = (budget - full) / growing if growing else math.inf
        if tokens <= reach:
            return max(0.0, float(math.floor(tokens + 1e-9))) if math.isfinite(tokens) else tokens
    return math.inf


def activation_bytes(
    layers: int,
    width: int,
    heads: int,
    tokens: float,
    batch: float,
    *,
    checkpointing: bool = False,
    flash: bool = True,
) -> float:
    """Activations kept for the backward pass, in 16 bits (Korthikanti et al. 2022, eq. 1 to 6).

    s·b·h·(34 + 5·a·s/h) a layer; without the scores (FlashAttention, selective recomputation)
    34·s·b·h; with full checkpointing 2·s·b·h a layer, and one layer's own while it is
    recomputed. GPT-3 175B, sequence 2048, one sequence, without FlashAttention: 275 GB.

    >>> round(activation_bytes(96, 12288, 96, 2048, 1, flash=False) / 1e9)
    275
    """
    unit = tokens * batch * width
    layer = unit * (34 + (0 if flash else 5 * heads * tokens / width))
    return layers * 2 * unit + layer if checkpointing else layers * layer


def logit_bytes(tokens: float, batch: float, vocabulary: int) -> float:
    """The logits of a batch and their gradient, in 32 bits: 2 · 4 · s · b · V.

    >>> logit_bytes(4096, 1, 128256) / 1e9
    4.202692608
    """
    return 8 * tokens * batch * vocabulary


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Bytes a trained parameter that an optimizer keeps, in its usual precision."""

    name: str
    state: float
    note: str = ""


OPTIMIZERS: dict[str, Optimizer] = {
    each.name: each
    for each in (
        Optimizer("adamw", 8, "two moments in fp32"),
        Optimizer("adamw-bf16", 4, "two moments in bf16"),
        Optimizer("adamw-8bit", 2, "two moments in 8 bits (Dettmers et al. 2021)"),
        Optimizer("lion", 4, "one momentum in fp32"),
        Optimizer("muon", 4, "one momentum in fp32"),
        Optimizer("sgd-momentum", 4, "one momentum in fp32"),
        Optimizer("sgd", 0, "no state"),
        Optimizer("adafactor", 0.0, "row and column sums alone, under 1 % (Shazeer & Stern 2018)"),
    )
}


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Bytes of one GPU's share of weights, gradients and the optimizer's state."""

    weights: float
    gradients: float
    optimizer: float

    @property
    def total(self) -> float:
        """All three."""
        return self.weights + self.gradients + self.optimizer


def training_state(
    trained: float,
    frozen_bytes: float,
    optimizer: Optimizer,
    *,
    mixed: bool = True,
    bytes_each: float = 2.0,
    zero: int = 0,
    gpus: int = 1,
) -> TrainingState:
    """The state of training on each of some GPUs (Rajbhandari et al. 2020, section 3 and 5).

    Mixed precision with Adam takes 2 + 2 + 12 bytes a parameter: weights and gradients in 16
    bits, master weights and two moments in 32. ZeRO stage 1 shares the optimizer's part among
    the GPUs, stage 2 the gradients too, stage 3 (FSDP) the weights too. The paper's figure 1,
    7.5B parameters on 64 GPUs: 120, 31.4, 16.6 and 1.9 GB.

    >>> [round(training_state(7.5e9, 0, OPTIMIZERS["adamw"], zero=stage, gpus=64).total / 1e9, 1)
    ...  for stage in range(4)]
    [120.0, 31.4, 16.6, 1.9]

    Args:
        trained: parameters that are trained.
        frozen_bytes: weights that are not, as stored (LoRA's base).
        optimizer: what it keeps.
        mixed: whether a master copy in 32 bits is kept beside the weights.
        bytes_each: of a weight and of its gradient.
        zero: the ZeRO stage, 0 to 3.
        gpus: how many share.
    """
    share = [gpus if zero >= stage else 1 for stage in (1, 2, 3)]
    state = optimizer.state + (4.0 if mixed else 0.0)
    return TrainingState(
        weights=(trained * bytes_each + frozen_bytes) / share[2],
        gradients=trained * bytes_each / share[1],
        optimizer=trained * state / share[0],
    )
