"""A GGUF file of a model hub that speaks as Hugging Face's does.

The hub lists a repository's files with size and sha256; a file is fetched in one stream, which goes
on by a range request where it was cut off.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from index.errors import WeightsError

__all__ = ["HubFile", "folder_of", "found", "place"]

_SECONDS = 30.0
_CHUNK = 1 << 20
_TRIES = 5
_PAUSE = 1.0
# Of several files the first of these kinds is taken: all fit a laptop and lose little.
_KINDS = ("q4_k_m", "q4_0", "q8_0", "q4_1")
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository, as the hub lists it."""

    url: str
    origin: str
    file: str
    licence: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The model's name: the file's."""
        return Path(self.file).stem

    @property
    def whence(self) -> str:
        """Where it is fetched from, in words."""
        return self.url

    def fetch_into(self, part: Path, tell: Callable[[int], None]) -> None:
        """Add to a file what it lacks; a connection that breaks is taken up again."""
        tries = 0
        while (size := part.stat().st_size) < self.bytes:
            try:
                self._go_on(part, size, tell)
                why = "the connection ended early"
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                    raise WeightsError(f"{self.url} answers {error.code} {error.reason}") from error
                why = str(error)
            tries = 0 if part.stat().st_size > size else tries + 1
            if tries == _TRIES:
                raise WeightsError(
                    f"{self.url} could not be fetched ({why}); what came is kept: the same "
                    "command goes on there"
                )
            if part.stat().st_size < self.bytes:
                time.sleep(_PAUSE)

    def _go_on(self, part: Path, size: int, tell: Callable[[int], None]) -> None:
        wanted = urllib.request.Request(self.url, headers={"Range": f"bytes={size}-"})
        with (
            urllib.request.urlopen(wanted, timeout=_SECONDS) as reply,  # nosec B310
            part.open("r+b") as file,
        ):
            done = size if reply.status == http.client.PARTIAL_CONTENT else 0
            file.truncate(done)  # a hub that knows no ranges begins anew
            file.seek(done)
            while chunk := reply.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                tell(done)


def folder_of(folder: Path, repository: str) -> Path:
    """Return where a repository's files are kept."""
    return folder / repository.replace("/", "--")


def place(folder: Path, repository: str, file: str | None) -> Path | None:
    """Return a file that is kept, if it is: no hub is asked again."""
    own = folder_of(folder, repository)
    kept = {path.name: path for path in sorted(own.glob("*.gguf"))}
    chosen = Path(file).name if file else _fittest(list(kept))
    return kept.get(chosen) if chosen else None


def found(hub: str, repository: str, file: str | None) -> HubFile:
    """Ask a hub for a repository's GGUF file; of several, where none is named, the fittest.

    Raises:
        WeightsError: there is no such file, it comes in shards, or the hub can't be asked.
    """
    base = hub.rstrip("/")
    told = _json(f"{base}/api/models/{quote(repository)}", repository)
    listed = _json(f"{base}/api/models/{quote(repository)}/tree/main?recursive=true", repository)
    files = {
        str(one["path"]): one
        for one in listed
        if one.get("type") == "file" and str(one["path"]).lower().endswith(".gguf")
    }
    whole = [name for name in files if not _SHARD.search(name)]
    chosen = file if file in whole else None if file else _fittest(whole)
    if chosen is None or "lfs" not in files[chosen]:
        there = ", ".join(sorted(whole)[:8]) or "none"
        raise WeightsError(
            f"{base}/{repository} has no GGUF file {file or 'in one piece'} with a sha256; there "
            f"are: {there}"
        )
    entry = files[chosen]["lfs"]
    licence = (told.get("cardData") or {}).get("license") or "not told"
    return HubFile(
        f"{base}/{quote(repository)}/resolve/main/{quote(chosen)}",
        f"{base}/{repository}",
        Path(chosen).name,
        str(licence),
        int(entry["size"]),
        str(entry["oid"]),
    )


def _fittest(names: Sequence[str]) -> str | None:
    return next((name for kind in _KINDS for name in names if kind in name.lower()), None)


def _json(url: str, repository: str) -> Any:  # noqa: ANN401 - JSON
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as reply:  # nosec B310
            return json.loads(reply.read())
    except urllib.error.HTTPError as error:
        raise WeightsError(
            f"{url} answers {error.code}: expected a public repository named {repository}; a file "
            "of this machine would be named by a path that exists"
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{url} can't be asked for {repository} ({error}); name another hub with the setting "
            "hub, or a GGUF file of this machine with --model"
        ) from error
