"""Low-rank changes of a transformer's matrices, trained in place of the matrices (LoRA)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn.utils import parametrize

from index.encoders.adapter import ADAPTER_FILE, CONFIG_FILE, FORMAT_VERSION

__all__ = ["add_low_rank", "low_rank_changes", "save_adapter"]


class LowRank(nn.Module):
    """weight -> weight + up @ down, with `up` zero at first (Hu et al. 2022)."""

    def __init__(self, out_features: int, in_features: int, rank: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.zeros(out_features, rank))
        self.down = nn.Parameter(torch.randn(rank, in_features) / in_features**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed weight."""
        return weight + self.up @ self.down


def add_low_rank(model: SentenceTransformer, rank: int) -> None:
    """Freeze a model, and give each matrix of its transformer blocks a change to train."""
    for parameter in model.parameters():
        parameter.requires_grad = False
    for layer in _matrices(model).values():
        change = LowRank(layer.out_features, layer.in_features, rank)
        parametrize.register_parametrization(layer, "weight", change)


def low_rank_changes(model: SentenceTransformer) -> dict[str, NDArray[np.float32]]:
    """Return the trained changes, named as `index.encoders.adapter` reads them."""
    changes: dict[str, NDArray[np.float32]] = {}
    for name, layer in _matrices(model).items():
        change = layer.parametrizations["weight"][0]
        changes[f"{name}.weight.up"] = change.up.detach().numpy().copy()
        changes[f"{name}.weight.down"] = change.down.detach().numpy().copy()
    return changes


def _matrices(model: SentenceTransformer) -> dict[str, Any]:
    named = model[0].auto_model.named_modules()
    return {
        name: module
        for name, module in named
        if name.startswith("encoder.layer.") and isinstance(module, nn.Linear)
    }


def save_adapter(
    folder: Path,
    towers: Mapping[str, Mapping[str, NDArray[np.float32]]],
    config: Mapping[str, Any],
) -> None:
    """Write an adapter folder: each tower's changes in 16 bits, and `config` with their sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{tower}/{name}": np.ascontiguousarray(change, dtype=np.float16)
        for tower, changes in sorted(towers.items())
        for name, change in sorted(changes.items())
    }
    data = save(tensors)
    (folder / ADAPTER_FILE).write_bytes(data)
    full = {
        "format_version": FORMAT_VERSION,
        "adapter_sha256": hashlib.sha256(data).hexdigest(),
        **config,
    }
    (folder / CONFIG_FILE).write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
