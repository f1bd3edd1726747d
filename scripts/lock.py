"""Resolve pyproject.toml into requirements.lock (serving) and requirements-dev.lock (all).

torch's own CUDA packages stay out of the lock: which of them a machine needs depends on the
torch build that its pip chooses, and torch pins them itself.
"""

from __future__ import annotations

import subprocess
import sys

_FOLLOW_TORCH = (
    "cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc "
    "nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand "
    "nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink "
    "nvidia-nvshmem-cu13 nvidia-nvtx triton"
).split()


def main() -> int:
    """Write both lock files; return uv's exit status."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--universal"]
    uv += ["--python-version", "3.11", "--no-annotate", "--no-header", "--upgrade"]
    left_out = [word for name in _FOLLOW_TORCH for word in ("--no-emit-package", name)]
    for output, extra in (
        ("requirements.lock", []),
        ("requirements-dev.lock", ["--all-extras", *left_out]),
    ):
        status = subprocess.call([*uv, *extra, "--output-file", output])
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
