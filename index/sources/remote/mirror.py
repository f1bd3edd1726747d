"""A folder of what was fetched, with a record of where each file came from."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from index.errors import KnowledgeBaseError
from index.sources.bounded_files import About
from index.sources.remote.addresses import Address, Kind
from index.sources.remote.client import Fetcher

__all__ = ["Mirror", "MirrorFile", "fetch", "opened"]

RECORD = ".fetched.json"


@dataclass(frozen=True, slots=True)
class MirrorFile:
    """Where a file was fetched from; `title` is what the work is called, where that is known."""

    url: str
    title: str = ""
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Mirror:
    """What was fetched from an address.

    `files` are told by their path in the folder; `commit` is a repository's, and `base_url` where
    its files can be read at that commit; `problems` are lines for people.
    """

    files: Mapping[str, MirrorFile] = field(default_factory=dict)
    commit: str = ""
    base_url: str = ""
    problems: tuple[str, ...] = ()

    @property
    def about(self) -> dict[str, About]:
        """What is known of each file beside its content."""
        return {path: About(one.title, one.url) for path, one in self.files.items()}


def folder_of(home: Path, name: str, address: Address) -> Path:
    """Where the mirror of an address lies, below a folder."""
    said = f"{name}\0{address.url}\0{address.branch}\0{address.folder}"
    return home / hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def opened(folder: Path) -> Mirror | None:
    """What was fetched before; None where nothing was, or its record can't be read."""
    try:
        return TypeAdapter(Mirror).validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def fetch(address: Address, folder: Path, fetcher: Fetcher, most_pages: int) -> Mirror:
    """Fetch what an address names into a folder, which is replaced when all is there.

    Args:
        address: what to fetch.
        folder: where it goes; what was fetched before is asked for only where it changed.
        fetcher: what fetches pages.
        most_pages: how many pages of a site at most.

    Raises:
        KnowledgeBaseError: nothing could be fetched; what was there stands.
    """
    from index.sources.remote.repository import clone, commit_of
    from index.sources.remote.site import fetch_site, fetch_work

    before = opened(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.parent / f".new-{secrets.token_hex(4)}"
    fresh.mkdir()
    try:
        if address.kind is Kind.REPOSITORY:
            commit = commit_of(address, fetcher)
            if before is not None and before.commit == commit:
                return before
            made = clone(address, fresh, fetcher)
        elif address.kind is Kind.WORK:
            made = fetch_work(address, fresh, fetcher)
        else:
            made = fetch_site(address, fresh, fetcher, most_pages, (folder, before))
        if not made.files and not made.commit:
            raise KnowledgeBaseError(
                f"{address.url}: expected a page that can be read, found none; "
                + "; ".join(made.problems[:3])
            )
        (fresh / RECORD).write_bytes(orjson.dumps(asdict(made)))
        _replace(folder, fresh)
        return made
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(folder: Path, fresh: Path) -> None:
    old = folder.parent / f".old-{secrets.token_hex(4)}"
    if folder.exists():
        os.replace(folder, old)
    os.replace(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)
