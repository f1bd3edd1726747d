"""Low-rank changes of a transformer's matrices, trained in their place (Hu et al. 2022)."""

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

from index.encoders.adapter import ADAPTER_FILE, CONFIG_FILE, FORMAT_VERSION

__all__ = ["add_low_rank", "low_rank_changes", "save_adapter"]


class LowRankLinear(nn.Module):
    """A frozen linear layer plus a trained up · down · x, with `up` zero at first."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        self.down = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer and its change."""
        base: Tensor = self.layer(x)
        return base + nn.functional.linear(nn.functional.linear(x, self.down), self.up)


def add_low_rank(model: SentenceTransformer, rank: int) -> None:
    """Freeze a model, and give each matrix of its transformer blocks a change to train."""
    for parameter in model.parameters():
        parameter.requires_grad = False
    transformer = model[0].auto_model
    for name, layer in list(transformer.named_modules()):
        if name.startswith("encoder.layer.") and isinstance(layer, nn.Linear):
            parent, _, attribute = name.rpartition(".")
            setattr(transformer.get_submodule(parent), attribute, LowRankLinear(layer, rank))


def low_rank_changes(model: SentenceTransformer) -> dict[str, NDArray[np.float32]]:
    """Return the trained changes, named as `index.encoders.adapter` reads them."""
    changes: dict[str, NDArray[np.float32]] = {}
    for name, layer in model[0].auto_model.named_modules():
        if isinstance(layer, LowRankLinear):
            changes[f"{name}.weight.up"] = layer.up.detach().numpy().copy()
            changes[f"{name}.weight.down"] = layer.down.detach().numpy().copy()
    return changes


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
