"""From fine-tuned weights to a small adapter: what changed, cut to a low rank."""

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

Tensors = Mapping[str, NDArray[np.float32]]


def low_rank_changes(
    before: Tensors, after: Tensors, tower: str, rank: int
) -> tuple[dict[str, NDArray[np.float16]], float]:
    """Cut the change of each tensor to a rank, by singular values (Eckart and Young 1936).

    Returns:
        The tensors as `index.encoders.adapter` names them, and the share of the change's
        energy (its squared Frobenius norm) that they keep.
    """
    changes: dict[str, NDArray[np.float16]] = {}
    kept = total = 0.0
    for name, old in before.items():
        change = after[name].astype(np.float64) - old.astype(np.float64)
        energy = float((change**2).sum())
        if energy == 0.0:
            continue
        total += energy
        if change.ndim == 1:
            changes[f"{tower}/{name}.add"] = change.astype(np.float16)
            kept += energy
            continue
        left, values, right = np.linalg.svd(change, full_matrices=False)
        root = np.sqrt(values[:rank])
        changes[f"{tower}/{name}.up"] = (left[:, :rank] * root).astype(np.float16)
        changes[f"{tower}/{name}.down"] = (root[:, None] * right[:rank]).astype(np.float16)
        kept += float((values[:rank] ** 2).sum())
    return changes, kept / total if total else 1.0


def save_adapter(
    folder: Path,
    tensors: Mapping[str, NDArray[np.float16]],
    config: Mapping[str, Any],
) -> None:
    """Write an adapter folder: the tensors, and `config` with the format and their sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save(dict(sorted((key, np.ascontiguousarray(t)) for key, t in tensors.items())))
    (folder / ADAPTER_FILE).write_bytes(data)
    full = {
        "format_version": FORMAT_VERSION,
        "adapter_sha256": hashlib.sha256(data).hexdigest(),
        **config,
    }
    (folder / CONFIG_FILE).write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
