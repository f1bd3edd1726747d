"""Low-rank adapters: a trained encoder as a small difference from the pinned weights.

An adapter folder holds `encoder.json` and `adapter.safetensors`. Each tower is a set of changes
to the base model's tensors. A matrix changes by a product of thin ones, as in LoRA (Hu et al.
2022): `<tensor>.up` (out, rank) · diag(`<tensor>.scale`) · `<tensor>.down` (rank, in), the thin
ones in 8 bits. A vector changes by `<tensor>.add`. They are merged into the base weights when
an encoder is loaded, so encoding costs nothing more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from index.errors import WeightsError

__all__ = ["ADAPTER_FILE", "CONFIG_FILE", "FORMAT_VERSION", "Adapter", "Tower"]

CONFIG_FILE = "encoder.json"
ADAPTER_FILE = "adapter.safetensors"
FORMAT_VERSION = 1

Tower = Literal["query", "passage"]
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Adapter:
    """The changes that make one tower, or two, of a base model.

    `towers` maps a side to the name of its changes in `tensors`: both sides have the same one
    where the towers share their weights, and a side with None keeps the base's. `sha256` is
    that of the adapter's file.
    """

    name: str
    base: str
    base_sha256: str
    sha256: str
    max_tokens: int
    towers: Mapping[str, str | None]
    tensors: Weights

    @classmethod
    def load(cls, folder: Path) -> Adapter:
        """Read an adapter folder.

        Raises:
            WeightsError: a file is missing, damaged or of another format.
        """
        place = folder / CONFIG_FILE
        try:
            config: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
            data = (folder / ADAPTER_FILE).read_bytes()
        except OSError as error:
            raise WeightsError(
                f"{error.filename} can't be read ({error.strerror}); train the encoder with: "
                "python -m scripts.train_encoder"
            ) from error
        except ValueError as error:
            raise WeightsError(f"{place} is no JSON: {error}") from error
        found = hashlib.sha256(data).hexdigest()
        try:
            version, expected = config["format_version"], config["adapter_sha256"]
            if version != FORMAT_VERSION:
                raise WeightsError(f"{place}: format {version}, expected {FORMAT_VERSION}")
            if found != expected:
                raise WeightsError(
                    f"{folder / ADAPTER_FILE} has sha256 {found}, expected {expected}: it is "
                    "damaged; restore it from version control or train the encoder again"
                )
            return cls(
                name=config["name"],
                base=config["base"],
                base_sha256=config["base_sha256"],
                sha256=found,
                max_tokens=int(config["max_tokens"]),
                towers={side: config["towers"][side] for side in ("query", "passage")},
                tensors=load(data),
            )
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            raise WeightsError(
                f"{place} describes no adapter ({type(error).__name__}: {error})"
            ) from error

    @property
    def shared(self) -> bool:
        """Whether queries and passages are encoded by the same weights."""
        return self.towers["query"] == self.towers["passage"]

    def combined_sha256(self, base_sha256: str) -> str:
        """Hash the base and the adapter together: the identity of the merged weights.

        Raises:
            WeightsError: the adapter was trained from another base.
        """
        if base_sha256 != self.base_sha256:
            raise WeightsError(
                f"adapter {self.name} changes the weights with sha256 {self.base_sha256} "
                f"({self.base}), got a base with sha256 {base_sha256}"
            )
        return hashlib.sha256(f"{base_sha256}+{self.sha256}".encode()).hexdigest()

    def merge(self, weights: dict[str, NDArray[Any]], tower: Tower) -> None:
        """Put a sum in the place of each matrix and vector that one tower changes.

        The base's own arrays, views of its file, stay as they are: to write to mapped pages
        takes four times as long.

        Raises:
            WeightsError: a change names a tensor that the base lacks, or has another shape.
        """
        if (changes := self.towers[tower]) is None:
            return
        for key in self.tensors:
            name, _, kind = key.removeprefix(f"{changes}/").rpartition(".")
            if not key.startswith(f"{changes}/") or kind not in ("up", "add"):
                continue
            try:
                change = self._change(f"{changes}/{name}", kind)
                base = weights[name]
            except (KeyError, ValueError) as error:
                raise WeightsError(f"adapter {self.name} can't change {name!r}: {error}") from error
            if base.shape != change.shape:
                raise WeightsError(
                    f"adapter {self.name} changes {name!r} by a tensor of shape {change.shape}, "
                    f"the base's is {base.shape}"
                )
            change += base
            weights[name] = change

    def _change(self, key: str, kind: str) -> NDArray[np.float32]:
        if kind == "add":
            return self.tensors[f"{key}.add"].astype(np.float32)
        up = self.tensors[f"{key}.up"] * self.tensors[f"{key}.scale"]
        return np.asarray(up @ self.tensors[f"{key}.down"].astype(np.float32), np.float32)
