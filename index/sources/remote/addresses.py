"""What an address names: a repository, a work by its id, or a website."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from index.errors import KnowledgeBaseError

__all__ = ["Address", "Kind", "address_of"]

_ARXIV = re.compile(
    r"(?:arxiv:\s*|https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/)?"
    r"(\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7}(?:v\d+)?)(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
# Hosts of repositories: what stands before a branch, and before a commit, in a file's address.
_HOSTS = {
    "github.com": (("tree", "blob"), "blob/{commit}"),
    "gitlab.com": (("-/tree", "-/blob"), "-/blob/{commit}"),
    "codeberg.org": (("src/branch",), "src/commit/{commit}"),
    "bitbucket.org": (("src",), "src/{commit}"),
}


class Kind(Enum):
    """What is fetched, and how."""

    SITE = auto()
    REPOSITORY = auto()
    WORK = auto()


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is fetched from.

    `branch` and `folder` are a repository's, empty for its default branch and all of it. `files`
    is the address of its files at a commit, with `{commit}` and `{path}` in it; empty where the
    host's form is not known. `name` is what to call it.
    """

    kind: Kind
    url: str
    name: str
    branch: str = ""
    folder: str = ""
    files: str = ""


def address_of(text: str, branch: str = "", folder: str = "") -> Address | None:
    """Read an address; None where the text is none, but may be a path.

    Raises:
        KnowledgeBaseError: it is one that can't be fetched.
    """
    text = text.strip()
    if found := _ARXIV.fullmatch(text):
        return Address(Kind.WORK, f"https://arxiv.org/abs/{found[1]}", f"arxiv-{found[1]}")
    if found := _DOI.fullmatch(text):
        name = re.sub(r"[^\w.-]+", "-", unquote(found[1]))
        return Address(Kind.WORK, f"https://doi.org/{quote(unquote(found[1]), safe='/():;')}", name)
    if re.match(r"(?:ssh|git|ftp|file)://|[\w.-]+@[\w.-]+:", text):
        raise KnowledgeBaseError(
            f"expected an http(s) address, found {text[:80]!r}; of a repository, give the address "
            "that https clones it from, or clone it and add its folder"
        )
    if not text.startswith(("http://", "https://")):
        return None
    parts = _checked(text)
    host = parts.hostname or ""
    path = parts.path.rstrip("/")
    if host in _HOSTS and (found := re.fullmatch(r"/([\w.-]+(?:/[\w.-]+)+?)(?:/(.*))?", path)):
        return _hosted(host, path, branch, folder)
    if path.endswith(".git") or branch or folder:
        name = path.rsplit("/", 1)[-1].removesuffix(".git") or host
        return Address(Kind.REPOSITORY, text, name, branch, folder.strip("/"))
    tail = re.sub(r"[^\w.-]+", "-", path.strip("/")).strip("-")
    name = "-".join(filter(None, (host.removeprefix("www."), tail)))
    return Address(Kind.SITE, urlunsplit(parts._replace(fragment="")), name[:64])


def _checked(text: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SplitResult
    try:
        parts = urlsplit(text)
        port_is_read = parts.port is None or parts.port > 0
    except ValueError as error:
        raise KnowledgeBaseError(f"got the address {text[:80]!r}: {error}") from error
    if not parts.hostname or not port_is_read or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise KnowledgeBaseError(f"got the address {text[:80]!r}, expected one with a host")
    if parts.username is not None or parts.password is not None:
        raise KnowledgeBaseError(
            "got an address with a user or password in it, which the recipe and every citation "
            "would show; fetch it yourself and add the folder"
        )
    return parts


def _hosted(host: str, path: str, branch: str, folder: str) -> Address:
    """A repository, or a folder or file of a branch of it, as its host's pages are addressed."""
    marks, at_commit = _HOSTS[host]
    owner = path.strip("/").removesuffix(".git")
    for mark in marks:
        before, found, rest = f"{path.strip('/')}/".partition(f"/{mark}/")
        if found:
            owner = before
            named, _, inside = rest.strip("/").partition("/")
            branch, folder = branch or named, folder or inside
            break
    else:
        owner = "/".join(owner.split("/")[:2]) if host != "gitlab.com" else owner
    url = f"https://{host}/{owner}"
    return Address(
        Kind.REPOSITORY, f"{url}.git", owner.rsplit("/", 1)[-1], unquote(branch),
        unquote(folder).strip("/"), f"{url}/{at_commit}/{{path}}",
    )  # fmt: skip
