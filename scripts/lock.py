"""Resolve pyproject.toml into requirements.lock (serving) and requirements-dev.lock (all).

What vLLM's environments need, scripts/vllm/*.in, goes into lock files beside it. torch's own
CUDA packages stay out of all but vLLM's for GPUs: which of them a machine needs depends on the
torch build that its pip chooses, and torch pins them itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

_FOLLOW_TORCH = (
    "cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc "
    "nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand "
    "nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink "
    "nvidia-nvshmem-cu13 nvidia-nvtx triton"
).split()
# Registries have them for CUDA only, and torch for the CPU can't load them.
_CUDA_ONLY = ["torchaudio", "torchcodec", "torchvision"]
_VLLM = "scripts/vllm"


def _without(names: Iterable[str]) -> list[str]:
    return [word for name in names for word in ("--no-emit-package", name)]


LOCKS = {
    "requirements.lock": ["pyproject.toml", "--universal"],
    "requirements-dev.lock": [
        "pyproject.toml", "--universal", "--all-extras", *_without(_FOLLOW_TORCH),
    ],
    f"{_VLLM}/gpu.lock": [f"{_VLLM}/gpu.in", "--python-platform", "x86_64-manylinux_2_28"],
    f"{_VLLM}/cpu.lock": [
        f"{_VLLM}/cpu.in", "--python-platform", "x86_64-manylinux_2_28",
        "--override", f"{_VLLM}/cpu.override", *_without([*_FOLLOW_TORCH, *_CUDA_ONLY]),
    ],
}  # fmt: skip


def main() -> int:
    """Write the lock files; return uv's exit status."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--upgrade"]
    uv += ["--python-version", "3.11", "--no-annotate", "--no-header"]
    for output, words in LOCKS.items():
        status = subprocess.call([*uv, *words, "--output-file", output])
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
