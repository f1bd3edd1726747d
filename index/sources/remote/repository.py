"""A Git repository: one commit of one branch, a folder of it or all, by the program `git`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from index.errors import KnowledgeBaseError
from index.sources.remote.addresses import Address
from index.sources.remote.client import Fetcher, public_addresses
from index.sources.remote.mirror import Mirror

__all__ = ["clone", "commit_of"]

_SECONDS = 900
_NAME = re.compile(r"(?!-)[\w./+@#-]{1,200}")


def commit_of(address: Address, fetcher: Fetcher) -> str:
    """The commit that the branch is at.

    Raises:
        KnowledgeBaseError: there is no such repository or branch, or it can't be asked.
    """
    wanted = f"refs/heads/{address.branch}" if address.branch else "HEAD"
    _check(address)
    said = _git(["ls-remote", "--", address.url, wanted, f"refs/tags/{address.branch}"],
                address, fetcher)  # fmt: skip
    if not said.strip():
        raise KnowledgeBaseError(
            f"{address.url}: expected the branch {address.branch or 'HEAD'!r}, found none of that "
            "name"
        )
    return said.split()[0]


def clone(address: Address, folder: Path, fetcher: Fetcher) -> Mirror:
    """Bring one commit into an empty folder; links of the file system in it become text.

    Raises:
        KnowledgeBaseError: as `commit_of`, or the repository has no such folder.
    """
    _check(address)
    words = ["clone", "--quiet", "--depth=1", "--single-branch", "--no-tags", "--no-checkout"]
    words += [f"--branch={address.branch}"] if address.branch else []
    words += ["--filter=blob:none"] if address.folder else []
    _git([*words, "--", address.url, str(folder)], address, fetcher)
    inside = ["-C", str(folder)]
    if address.folder:
        _git([*inside, "sparse-checkout", "set", "--no-cone", f"/{address.folder}"], address,
             fetcher)  # fmt: skip
    _git([*inside, "checkout", "--quiet"], address, fetcher)
    commit = _git([*inside, "rev-parse", "HEAD"], address, fetcher).strip()
    shutil.rmtree(folder / ".git")
    if address.folder and not (folder / address.folder).exists():
        raise KnowledgeBaseError(f"{address.url}: expected {address.folder!r} in it, found no such")
    return Mirror(commit=commit, base_url=address.files.replace("{commit}", commit))


def _check(address: Address) -> None:
    for what, given in (("branch", address.branch), ("folder", address.folder)):
        if given and (not _NAME.fullmatch(given) or ".." in given.split("/")):
            raise KnowledgeBaseError(f"got the {what} {given[:80]!r}, expected a {what}'s name")


def _git(words: list[str], address: Address, fetcher: Fetcher) -> str:
    """Run git so that it asks nobody, runs nothing of the repository's, and goes nowhere else."""
    if shutil.which("git") is None:
        raise KnowledgeBaseError("a repository needs the program git: install it, then try again")
    parts = urlsplit(address.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    checked = public_addresses(host, port, allow_private=fetcher.allow_private)
    pinned = ",".join(f"[{one}]" if ":" in one else one for one in checked)
    settings = {
        "core.hooksPath": "/dev/null",
        "core.symlinks": "false",
        "core.autocrlf": "false",
        "protocol.allow": "never",
        f"protocol.{parts.scheme}.allow": "always",
        "http.followRedirects": "false",
        "http.curloptResolve": f"{host}:{port}:{pinned}",
        "http.proxy": "",
        "credential.helper": "",
        "filter.lfs.smudge": "cat",
        "filter.lfs.process": "",
    }
    flags = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
        "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ASKPASS": "true",
    }  # fmt: skip
    try:
        done = subprocess.run(
            ["git", *flags, *words], env=environment, capture_output=True, timeout=_SECONDS,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise KnowledgeBaseError(f"{address.url}: git took longer than {_SECONDS} s") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-300:]
        raise KnowledgeBaseError(f"{address.url}: git could not fetch it: {said}")
    return done.stdout.decode("utf-8", "replace")
