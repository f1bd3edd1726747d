"""Each judge and client in an environment of its own under var/judges, at pinned versions."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["CLIENTS", "HOME", "ROOT", "Missing", "node_env", "python_env", "versions_of"]

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / "var" / "judges"
CLIENTS = Path(__file__).resolve().parent / "clients"
_STAMP = ".installed"
_NODE_MAJOR = 20


class Missing(Exception):
    """A tool that a judge needs is not there; says how to get it."""


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-600:]
        raise Missing(f"{' '.join(str(part) for part in command[:4])} … failed: {said}")


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise Missing("uv is not installed; get it with: make setup-dev")
    return found


def python_env(name: str) -> Path:
    """The Python of the environment of `requirements/NAME.txt`, made if it is not there.

    Raises:
        Missing: it can't be made.
    """
    wanted = CLIENTS / "requirements" / f"{name}.txt"
    folder = HOME / name
    python = folder / "bin" / "python"
    if _stands(folder, wanted):
        return python
    uv = _uv()
    print(f"• environment {name}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    _run(uv, "pip", "install", "--quiet", "--python", python, "-r", wanted)
    _mark(folder, wanted)
    return python


def node_env() -> Path:
    """The folder with the JavaScript clients and their packages.

    Raises:
        Missing: node or npm is not there, too old, or the packages can't be installed.
    """
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed; get it with: sudo apt-get install nodejs npm")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.strip().lstrip("v").partition(".")[0]) < _NODE_MAJOR:
        raise Missing(f"node is {said.strip()}, expected {_NODE_MAJOR} or newer: see nodejs.org")
    folder, wanted = HOME / "node", CLIENTS / "package-lock.json"
    if not _stands(folder, wanted):
        print("• environment node", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(CLIENTS / file, folder / file)
        _run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
        _mark(folder, wanted)
    for script in CLIENTS.glob("*.mjs"):
        shutil.copy(script, folder / script.name)
    return folder


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _stands(folder: Path, wanted: Path) -> bool:
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest(wanted)


def _mark(folder: Path, wanted: Path) -> None:
    (folder / _STAMP).write_text(_digest(wanted), encoding="utf-8")


def versions_of(name: str) -> str:
    """What is pinned for a judge or client, for the report."""
    if name == "node":
        pinned = json.loads((CLIENTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
        return ", ".join(f"{package} {version}" for package, version in pinned.items())
    lines = (CLIENTS / "requirements" / f"{name}.txt").read_text(encoding="utf-8").split()
    return ", ".join(line.replace("==", " ") for line in lines)
