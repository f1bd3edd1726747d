"""From fine-tuned weights to a small adapter: what changed, cut to a low rank, in 8 bits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from index.encoders.adapter import ADAPTER_FILE, CONFIG_FILE, FORMAT_VERSION

__all__ = ["low_rank_changes", "save_adapter"]

Tensors = Mapping[str, NDArray[Any]]


def low_rank_changes(
    before: Tensors, after: Tensors, rank: int
) -> tuple[dict[str, NDArray[Any]], float]:
    """Cut the change of each matrix to a rank, by its singular values (Eckart and Young 1936).

    Returns:
        The tensors as `index.encoders.adapter` names them, and the share of the changes'
        energy (their squared Frobenius norm) that is kept.
    """
    changes: dict[str, NDArray[Any]] = {}
    kept = total = 0.0
    for name, old in before.items():
        change = after[name].astype(np.float64) - old
        if change.ndim == 1:
            changes[f"{name}.add"] = change.astype(np.float16)
            continue
        left, values, right = np.linalg.svd(change, full_matrices=False)
        up, up_scale = _in_8_bits(left[:, :rank].T)
        down, down_scale = _in_8_bits(right[:rank])
        scale = values[:rank] * up_scale * down_scale
        changes[f"{name}.up"] = up.T
        changes[f"{name}.down"] = down
        changes[f"{name}.scale"] = scale.astype(np.float32)
        kept += float((values[:rank] ** 2).sum())
        total += float((values**2).sum())
    return changes, kept / total if total else 1.0


def _in_8_bits(rows: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Round each row to whole multiples of a scale of its own."""
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-30) / 127
    return np.round(rows / scale[:, np.newaxis]).astype(np.int8), scale


def save_adapter(folder: Path, towers: Mapping[str, Tensors], config: Mapping[str, Any]) -> None:
    """Write an adapter folder: each tower's changes, and `config` with the file's sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{tower}/{name}": np.ascontiguousarray(change)
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
