"""Where a result comes from: the commit, whether the checkout is clean, and the product's code."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["ROOT", "code_sha256", "git_state", "versions"]

ROOT: Path = Path(__file__).resolve().parent.parent
_PRODUCT = ("app", "index", "prompts")
_SUFFIXES = {".py", ".md", ".json"}
_PARTS = ("numpy", "faiss-cpu", "openvino", "openvino-genai", "tokenizers")


def git_state() -> dict[str, str | bool]:
    """Return `git_commit` and `git_dirty`; both say so where this is no git checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {"git_commit": "unknown", "git_dirty": True}
    return {"git_commit": commit, "git_dirty": bool(_git("status", "--porcelain"))}


@cache
def code_sha256() -> str:
    """Hash the product's code, prompts and weights of its gate: what decides its answers."""
    digest = hashlib.sha256()
    for folder in _PRODUCT:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the parts that decide numbers."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
