"""Which model and settings fit a machine: the table in models.toml, and how a row is chosen."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.errors import CitewiseError

__all__ = ["Gpu", "KnownModel", "LaunchPlan", "Table", "VllmError", "detect_gpus", "pretended_gpus"]

_TABLE = Path(__file__).with_name("models.toml")
_AS_SOLD = 0.9  # of a card's gigabytes as sold, what it reports at the least, in GiB
_NEWEST = 9.0


class VllmError(CitewiseError):
    """vLLM can't be set up or started on this machine."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: its position, memory in GiB and CUDA compute capability."""

    index: int
    gib: float
    compute: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model with what it needs and gets; models.toml says what each field means."""

    model: str
    gpus: int
    gb: int
    compute: float
    context: int
    weights_gb: float
    kv_kb: int
    kv_heads: int
    thinks: bool = False

    def fits(self, gpu: Gpu) -> bool:
        """Whether a GPU is large and new enough for the row's share of the model."""
        return gpu.gib >= self.gb * _AS_SOLD and gpu.compute >= self.compute


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What to start: the model, vLLM's arguments, its environment, and a remark on the choice."""

    model: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, best first, and what every server is started with."""

    rows: tuple[KnownModel, ...]
    serve: dict[str, Any]
    cpu: dict[str, Any]

    @classmethod
    def shipped(cls) -> Table:
        """Read models.toml."""
        found = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
        return cls(tuple(KnownModel(**row) for row in found["gpu"]), found["serve"], found["cpu"])

    def for_gpus(
        self,
        gpus: Sequence[Gpu],
        *,
        model: str | None = None,
        context: int | None = None,
        speculate: bool = True,
    ) -> LaunchPlan:
        """Choose for these GPUs.

        Args:
            gpus: what the machine has.
            model: this one, whatever the table says; its row's settings where it has one.
            context: tokens of context, instead of the row's.
            speculate: propose tokens by n-grams of the prompt.

        Raises:
            VllmError: no row fits, or there is no GPU.
        """
        if not gpus:
            raise VllmError("no GPU was found: nvidia-smi lists none; try it with --cpu")
        row, used = self._named(model, gpus) if model else self._largest(gpus)
        named = row.model if row else str(model)
        arguments = [*self._common(speculate), *self.serve["gpu_arguments"], *_sharding(len(used))]
        arguments += ["--gpu-memory-utilization", str(self.serve["utilization"])]
        if length := context or (row.context if row else None):
            arguments += ["--max-model-len", str(length)]
        if row and row.thinks:
            arguments += ["--default-chat-template-kwargs", json.dumps({"enable_thinking": False})]
        return LaunchPlan(
            named,
            tuple(arguments),
            {"CUDA_VISIBLE_DEVICES": ",".join(str(gpu.index) for gpu in used)},
            f"{named} on {len(used)} of {len(gpus)} GPUs",
        )

    def for_cpu(
        self, folder: Path, *, context: int | None = None, speculate: bool = False
    ) -> LaunchPlan:
        """Choose for a machine without a GPU: the small model from a local folder."""
        arguments = [*self._common(speculate), *self.cpu["arguments"]]
        arguments += ["--served-model-name", str(self.cpu["model"])]
        arguments += ["--max-model-len", str(context or self.cpu["context"])]
        remark = f"{self.cpu['model']} without a GPU: slow and unable, to try the way only"
        return LaunchPlan(str(folder), tuple(arguments), dict(self.cpu["environment"]), remark)

    def _common(self, speculate: bool) -> list[str]:
        guess = ["--speculative-config", json.dumps(self.serve["speculation"])]
        return [*self.serve["arguments"], *(guess if speculate else [])]

    def _largest(self, gpus: Sequence[Gpu]) -> tuple[KnownModel | None, list[Gpu]]:
        for row in self.rows:
            able = [gpu for gpu in gpus if row.fits(gpu)]
            if len(able) >= row.gpus:
                return row, able[: row.gpus]
        least = self.rows[-1]
        had = ", ".join(f"{gpu.gib:.0f} GiB (compute {gpu.compute})" for gpu in gpus)
        raise VllmError(
            f"no model of the table fits these GPUs: {had}; expected at least {least.gb} GB with "
            f"compute capability {least.compute}; name a smaller model with --model"
        )

    def _named(self, model: str, gpus: Sequence[Gpu]) -> tuple[KnownModel | None, list[Gpu]]:
        known = [row for row in self.rows if row.model == model]
        for row in known:
            able = [gpu for gpu in gpus if row.fits(gpu)]
            if len(able) >= row.gpus:
                return row, able[: row.gpus]
        # Layers are split evenly: over as many GPUs as a power of two has.
        count = 2 ** (len(gpus).bit_length() - 1)
        return (known[0] if known else None), list(gpus)[:count]


def _sharding(gpus: int) -> list[str]:
    return ["--tensor-parallel-size", str(gpus)] if gpus > 1 else []


def detect_gpus() -> tuple[Gpu, ...]:
    """List this machine's NVIDIA GPUs; none where nvidia-smi is missing or finds none.

    Raises:
        VllmError: nvidia-smi says something that can't be read.
    """
    query = ["nvidia-smi", "--query-gpu=index,memory.total,compute_cap,name"]
    try:
        said = subprocess.run(
            [*query, "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=30, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(_gpu(line) for line in said.splitlines() if line.strip())


def _gpu(line: str) -> Gpu:
    try:
        index, mib, compute, name = (part.strip() for part in line.split(",", 3))
        return Gpu(int(index), float(mib) / 1024, float(compute), name)
    except ValueError as error:
        raise VllmError(
            f"nvidia-smi said {line!r}, expected index, memory in MiB, compute capability, name"
        ) from error


def pretended_gpus(text: str) -> tuple[Gpu, ...]:
    """Read GPUs as they are written: `24` or `2x24`, in GB, with `@8.6` for an older one.

    Raises:
        VllmError: it is written otherwise.
    """
    try:
        size, _, compute = text.partition("@")
        count, _, gb = size.rpartition("x")
        each = float(gb), float(compute or _NEWEST)
        return tuple(Gpu(index, *each) for index in range(int(count or 1)))
    except ValueError as error:
        raise VllmError(f"got GPUs {text!r}, expected such as 24, 2x24 or 24@8.6") from error
