"""Fetching pages: politely, from public addresses only, within limits.

A host's name is looked up once, its addresses are checked, and the connection goes to the one that
was checked: a name that means another address the next moment leads nowhere. Each redirect is a
new address and checked as one. robots.txt is kept, and a host is asked slowly.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from index.errors import KnowledgeBaseError

if TYPE_CHECKING:
    from protego import Protego

__all__ = ["Fetched", "Fetcher", "NotFetched", "public_addresses"]

AGENT = "Citewise"
_SECONDS_OF_SILENCE = 20.0
_SECONDS = 120.0
_REDIRECTS = 5
_ROBOTS_BYTES = 512 * 1024
_LONGEST_DELAY = 60.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotFetched(KnowledgeBaseError):
    """Something at an address could not be fetched, or may not be."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave. `url` is where it was found in the end; 304 has no body.

    `etag` and `modified` are what to ask with next time, as the server gave them; `charset` is
    the encoding that it named for a text.
    """

    url: str
    status: int
    content_type: str
    body: bytes
    etag: str = ""
    modified: str = ""
    charset: str = ""


def public_addresses(host: str, port: int, *, allow_private: bool = False) -> list[str]:
    """Look up a host.

    Returns:
        Its IP addresses.

    Raises:
        NotFetched: it has none, or one that only this machine or its network can reach.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFetched(f"{host}: expected a host that can be looked up, found: {error}") from None
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not allow_private:
        for address in addresses:
            if not _is_public(address):
                raise NotFetched(
                    f"{host}: expected a public address, found {address}; what lies in your own "
                    "network can be saved and added as a folder"
                )
    return addresses


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast


@dataclass
class Fetcher:
    """Fetches pages one after another.

    Args:
        allow_private: whether addresses of this machine and its network may be asked.
        delay: seconds between two requests to one host; robots.txt may ask for more.
    """

    allow_private: bool = False
    delay: float = 0.5
    _robots: dict[str, Protego] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)

    def get(self, url: str, most: int, *, etag: str = "", modified: str = "") -> Fetched:
        """Fetch a page that robots.txt allows.

        Args:
            url: its address.
            most: how many bytes it may have.
            etag: what the server gave with it last time.
            modified: when it was changed, as the server said.

        Raises:
            NotFetched: it is not there, not allowed, too large, or comes too slowly.
        """
        for _ in range(_REDIRECTS + 1):
            if not self._allowed(url):
                raise NotFetched(f"{url}: the site's robots.txt does not allow it")
            status, headers, body = self._once(url, most, etag, modified)
            if status in (301, 302, 303, 307, 308) and headers.get("location"):
                url, etag, modified = _redirected(url, headers["location"]), "", ""
                continue
            if status not in (200, 304):
                raise NotFetched(f"{url}: expected a page, found status {status}")
            kind, _, parameters = headers.get("content-type", "").partition(";")
            named = re.search(r"charset\s*=\s*[\"']?([\w.:+-]+)", parameters, re.IGNORECASE)
            return Fetched(
                url,
                status,
                kind.strip().lower(),
                body,
                headers.get("etag", ""),
                headers.get("last-modified", ""),
                named[1] if named else "",
            )
        raise NotFetched(f"{url}: expected a page, found more than {_REDIRECTS} redirects")

    def _allowed(self, url: str) -> bool:
        from protego import Protego

        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._robots:
            self._robots[origin] = Protego.parse(self._robots_text(f"{origin}/robots.txt"))
        return bool(self._robots[origin].can_fetch(url, AGENT))

    def _robots_text(self, url: str) -> str:
        """A site's robots.txt; where it has none, one that allows all (RFC 9309, 2.3.1)."""
        for _ in range(_REDIRECTS + 1):
            status, headers, body = self._once(url, _ROBOTS_BYTES, "", "")
            if status in (301, 302, 303, 307, 308) and headers.get("location"):
                url = _redirected(url, headers["location"])
            elif status == 200:
                return body.decode("utf-8", "replace")
            elif 400 <= status < 500:
                return ""
            else:
                return "User-agent: *\nDisallow: /"
        return ""

    def _wait(self, host: str, origin: str) -> None:
        """Leave the host its pause."""
        robots = self._robots.get(origin)
        asked = float(robots.crawl_delay(AGENT) or 0) if robots else 0.0
        pause = min(max(self.delay, asked), _LONGEST_DELAY)
        left = self._asked.get(host, -pause) + pause - time.monotonic()
        if left > 0:
            time.sleep(left)
        self._asked[host] = time.monotonic()

    def _once(
        self, url: str, most: int, etag: str, modified: str
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.username is not None:
            raise NotFetched(f"{url[:200]}: expected an http(s) address")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise NotFetched(f"{url[:200]}: expected an http(s) address: {error}") from None
        addresses = public_addresses(host, port, allow_private=self.allow_private)
        self._wait(host, f"{parts.scheme}://{parts.netloc}")
        connection = _connection(parts.scheme, host, port, addresses)
        headers = {
            "User-Agent": AGENT, "Accept": "text/html, application/xhtml+xml, application/pdf, */*",
            "Accept-Encoding": "gzip",
        }  # fmt: skip
        headers |= {"If-None-Match": etag} if etag else {}
        headers |= {"If-Modified-Since": modified} if modified else {}
        target = urlunsplit(("", "", quote(parts.path or "/", safe="/%:=&~+!$,;'@()*"),
                             quote(parts.query, safe="/%:=&~+!$,;'@()*?"), ""))  # fmt: skip
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, got, _body(url, answer, got, most)
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            said = str(error) or type(error).__name__
            raise NotFetched(f"{url}: expected an answer, found: {said}") from None
        finally:
            connection.close()


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        NotFetched: it names no address.
    """
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise NotFetched(f"{url}: expected a redirect to an address, found: {error}") from None


class _Checked(http.client.HTTPConnection):
    """A connection to addresses that were checked, whatever the host's name means by now."""

    def __init__(
        self, host: str, port: int, addresses: Sequence[str], tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port, timeout=_SECONDS_OF_SILENCE)
        self._addresses, self._tls = addresses, tls
        self.default_port = 443 if tls else 80

    def connect(self) -> None:
        failed: OSError | None = None
        for address in self._addresses:
            try:
                reached = socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                failed = error
                continue
            named = self.host
            self.sock = (
                self._tls.wrap_socket(reached, server_hostname=named) if self._tls else reached
            )
            return
        raise failed or OSError("no address")


def _connection(scheme: str, host: str, port: int, addresses: Sequence[str]) -> _Checked:
    return _Checked(
        host, port, addresses, ssl.create_default_context() if scheme == "https" else None
    )


def _body(url: str, answer: Any, headers: dict[str, str], most: int) -> bytes:  # noqa: ANN401
    """Read a body, unpacked, up to `most` bytes and `_SECONDS`."""
    until = time.monotonic() + _SECONDS
    packed = headers.get("content-encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise NotFetched(f"{url}: expected a plain or gzip body, found {packed[:40]!r}")
    unpack = zlib.decompressobj(31) if "gzip" in packed else None
    parts, size = [], 0
    while piece := answer.read(65_536):
        if unpack is not None:
            piece = unpack.decompress(piece, most + 1 - size)
        size += len(piece)
        if size > most or (unpack is not None and unpack.unconsumed_tail):
            raise NotFetched(f"{url}: expected at most {most:,} bytes, found more")
        if time.monotonic() > until:
            raise NotFetched(f"{url}: expected all of it within {_SECONDS:.0f} s")
        parts.append(piece)
    return b"".join(parts)


def media_type_ending(content_type: str, url: str) -> str:
    """The ending of a file of a media type; empty where such files are not read."""
    known = {
        "text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf",
        "text/markdown": ".md", "text/x-rst": ".rst", "application/epub+zip": ".epub",
    }  # fmt: skip
    if content_type == "text/plain":
        found = re.search(r"\.(?:md|rst|adoc|txt)$", urlsplit(url).path)
        return found[0] if found else ".txt"
    return known.get(content_type, "")
