"""Websites: the pages of a sitemap, or those that are linked below an address; and works."""

from __future__ import annotations

import codecs
import hashlib
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from index.errors import KnowledgeBaseError
from index.sources.bounded_files import MAX_BYTES
from index.sources.html import tree_of
from index.sources.remote.addresses import Address
from index.sources.remote.client import Fetched, Fetcher, NotFetched, media_type_ending
from index.sources.remote.mirror import Mirror, MirrorFile

__all__ = ["fetch_site", "fetch_work"]

_PAGE_BYTES = 8 * 1024 * 1024
_SITE_BYTES = 1024**3
_MOST_SITEMAPS = 50
_PROBLEMS_IN_A_ROW = 10
# Files that pages link to and that are no text.
_NO_PAGE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|json|xml|zip|gz|tgz|bz2|xz|7z|tar|exe|dmg|iso|"
    r"mp[34]|webm|mov|avi|wav|ogg|woff2?|ttf|eot|whl|jar|apk|deb|rpm)$",
    re.IGNORECASE,
)


# What files that were fetched before are, by their endings.
_KINDS = {
    ".pdf": "application/pdf", ".md": "text/markdown", ".rst": "text/x-rst",
    ".epub": "application/epub+zip", ".txt": "text/plain", ".adoc": "text/plain",
}  # fmt: skip


@dataclass
class _Walk:
    """A site on its way into a folder."""

    address: Address
    folder: Path
    fetcher: Fetcher
    most: int
    old: Path
    before: Mirror | None
    files: dict[str, MirrorFile] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    size: int = 0

    def run(self) -> Mirror:
        start = self.address.url
        first = self.fetcher.get(start, _PAGE_BYTES)
        listed = _sitemap(first)
        scope = _scope(first.url)
        if listed is not None:
            scope = f"{urlsplit(start).scheme}://{urlsplit(start).netloc}/"
            waiting = deque(self._listed(*listed, scope))
        else:
            waiting = deque([first.url])
        queued, failed = set(waiting), 0
        known = {one.url: path for path, one in (self.before.files if self.before else {}).items()}
        while waiting and len(self.files) < self.most and failed < _PROBLEMS_IN_A_ROW:
            url = waiting.popleft()
            try:
                page = first if url == first.url and listed is None else self._page(url, known)
            except NotFetched as error:
                self.problems.append(str(error))
                failed += 1
                continue
            failed = 0
            links = self._kept(page, scope)
            if listed is None:
                for link in links:
                    if link.startswith(scope) and link not in queued:
                        queued.add(link)
                        waiting.append(link)
        if waiting:
            self.problems.append(
                f"{len(waiting)} more pages were not fetched, "
                + (f"for {failed} in a row failed" if failed >= _PROBLEMS_IN_A_ROW
                   else f"{self.most} being the most; raise it with --pages")
            )  # fmt: skip
        return Mirror(self.files, problems=tuple(self.problems))

    def _page(self, url: str, known: dict[str, str]) -> Fetched:
        path = known.get(url)
        if path is None or self.before is None:
            return self.fetcher.get(url, _PAGE_BYTES)
        was = self.before.files[path]
        page = self.fetcher.get(url, _PAGE_BYTES, etag=was.etag, modified=was.modified)
        if page.status != 304:
            return page
        body = (self.old / path).read_bytes()
        kind = _KINDS.get(Path(path).suffix, "text/html")
        return Fetched(page.url, 200, kind, body, was.etag, was.modified)

    def _kept(self, page: Fetched, scope: str) -> list[str]:
        """Write a page down; return what it links to."""
        if page.url in self.seen:
            return []
        self.seen.add(page.url)
        if not page.url.startswith(scope):
            self.problems.append(f"{page.url}: a redirect leads there, outside of {scope}")
            return []
        ending = media_type_ending(page.content_type, page.url)
        if not ending:
            self.problems.append(
                f"{page.url}: {page.content_type or 'no content type'} is not read"
            )
            return []
        tree = tree_of(_text(page)) if ending == ".html" else None
        wishes = _robots_of(tree)
        if "noindex" in wishes:
            self.problems.append(f"{page.url}: the page asks not to be indexed")
        else:
            self.size += len(page.body)
            if self.size > _SITE_BYTES:
                raise KnowledgeBaseError(
                    f"{self.address.url}: expected at most {_SITE_BYTES:,} bytes, found more; add "
                    "a part of it, or set --pages"
                )
            path = _path_of(page.url, ending, self.files)
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_readable(page, ending))
            self.files[path] = MirrorFile(page.url, etag=page.etag, modified=page.modified)
        return [] if "nofollow" in wishes else list(_links(tree, page.url))

    def _listed(self, pages: list[str], maps: list[str], scope: str) -> Iterator[str]:
        """The pages of a sitemap and of those that it names, of this site alone."""
        waiting, read, given = deque(maps), 0, set()
        while True:
            for url in pages:
                if url.startswith(scope) and url not in given:
                    given.add(url)
                    yield url
            if not waiting or read >= _MOST_SITEMAPS:
                return
            url, read, pages = waiting.popleft(), read + 1, []
            if not url.startswith(scope):
                continue
            try:
                found = _sitemap(self.fetcher.get(url, _PAGE_BYTES))
            except NotFetched as error:
                self.problems.append(str(error))
                continue
            if found is None:
                self.problems.append(f"{url}: expected a sitemap, found something else")
                continue
            pages = found[0]
            waiting.extend(found[1])


def fetch_site(
    address: Address, folder: Path, fetcher: Fetcher, most: int, before: tuple[Path, Mirror | None]
) -> Mirror:
    """Fetch the pages of a sitemap, or those linked from a page that lie below it.

    Args:
        address: of the sitemap or the page.
        folder: where the pages go.
        fetcher: what fetches them.
        most: how many at most.
        before: the folder of the last time and what it holds; pages that are the same are copied.

    Raises:
        KnowledgeBaseError: the first page can't be fetched, or the site is too large.
    """
    return _Walk(address, folder, fetcher, most, *before).run()


def fetch_work(address: Address, folder: Path, fetcher: Fetcher) -> Mirror:
    """Fetch a work: its PDF where its page names one, else the page.

    Raises:
        KnowledgeBaseError: neither can be fetched.
    """
    page = fetcher.get(address.url, MAX_BYTES)
    title, problems = "", []
    if media_type_ending(page.content_type, page.url) == ".html":
        tree = tree_of(_text(page))
        title = _meta(tree, "citation_title")
        pdf = _joined(page.url, _meta(tree, "citation_pdf_url"))
        if pdf and pdf != page.url:
            try:
                page = _pdf(fetcher, pdf)
            except NotFetched as error:
                problems.append(f"only the work's page is read: {error}")
    ending = media_type_ending(page.content_type, page.url)
    if not ending:
        raise KnowledgeBaseError(
            f"{page.url}: expected a page or a PDF, found {page.content_type or 'no content type'}"
        )
    path = f"{address.name.replace('/', '-')}{ending}"
    (folder / path).write_bytes(_readable(page, ending))
    return Mirror({path: MirrorFile(page.url, title)}, problems=tuple(problems))


def _pdf(fetcher: Fetcher, url: str) -> Fetched:
    page = fetcher.get(url, MAX_BYTES)
    if media_type_ending(page.content_type, page.url) != ".pdf":
        raise NotFetched(f"{url}: expected a PDF, found {page.content_type or 'no content type'}")
    return page


def _joined(base: str, address: str) -> str:
    """An address as seen from a page, without its place in it; empty where it is none."""
    try:
        return urldefrag(urljoin(base, address))[0]
    except ValueError:
        return ""


def _text(page: Fetched) -> str:
    return _decoded(page.body, f"{page.content_type}; charset={page.charset}")


def _decoded(body: bytes, content_type: str | None) -> str:
    from w3lib.encoding import html_to_unicode

    return str(html_to_unicode(content_type, body)[1])


def _readable(page: Fetched, ending: str) -> bytes:
    """A page's bytes; a text that they alone would not tell comes in UTF-8, and says so."""
    wide = page.body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if ending == ".html":
        plain = not wide and _text(page) == _decoded(page.body, None)
    else:
        plain = not wide and page.charset.lower() in ("", "utf-8", "utf8")
    if plain or ending in (".pdf", ".epub"):
        return page.body
    return codecs.BOM_UTF8 + _text(page).encode("utf-8", "replace")


def _meta(tree: Any, name: str) -> str:  # noqa: ANN401
    if tree is None:
        return ""
    named = tree.xpath("//meta[@name and @content]")
    found = [one.get("content") for one in named if one.get("name").strip().lower() == name]
    return " ".join(str(found[0]).split()) if found else ""


def _robots_of(tree: Any) -> str:  # noqa: ANN401
    return _meta(tree, "robots").lower().replace("none", "noindex nofollow")


def _links(tree: Any, base: str) -> Iterator[str]:  # noqa: ANN401
    if tree is None:
        return
    for href in tree.xpath("//a[@href][not(contains(concat(' ', @rel, ' '), ' nofollow '))]/@href"):
        url = _joined(base, str(href).strip())
        parts = urlsplit(url)
        if (
            parts.scheme in ("http", "https")
            and not parts.query
            and not _NO_PAGE.search(parts.path)
        ):
            yield url


def _scope(url: str) -> str:
    """What an address must begin with to lie below a page."""
    parts = urlsplit(url)
    path = parts.path if parts.path.endswith("/") else parts.path.rpartition("/")[0] + "/"
    return f"{parts.scheme}://{parts.netloc}{path or '/'}"


def _sitemap(page: Fetched) -> tuple[list[str], list[str]] | None:
    """The pages and further sitemaps that a sitemap names; None where it is none."""
    from lxml import etree  # type: ignore[import-untyped]

    body = page.body
    if body[:2] == b"\x1f\x8b":
        try:
            body = zlib.decompressobj(31).decompress(body, 6 * _PAGE_BYTES)
        except zlib.error:
            return None
    if b"<urlset" not in body[:4096] and b"<sitemapindex" not in body[:4096]:
        return None
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.LxmlError, ValueError):
        return None
    if root is None:
        return None
    named = {}
    for kind in ("url", "sitemap"):
        found = root.xpath(f"//*[local-name()='{kind}']/*[local-name()='loc']/text()")
        named[kind] = [str(text).strip() for text in found]
    return named["url"], named["sitemap"]


def _path_of(url: str, ending: str, taken: dict[str, MirrorFile]) -> str:
    """A file's path for an address, as like it as can be."""
    parts = urlsplit(url)
    steps = [
        re.sub(r"[^\w.()+-]+", "-", unquote(step)).strip(".-") for step in parts.path.split("/")
    ]
    steps = [step[-60:] for step in steps if step]  # up to four bytes a character, of 255
    if not steps or parts.path.endswith("/"):
        steps.append("index")
    if not steps[-1].lower().endswith((ending, ".htm") if ending == ".html" else ending):
        steps[-1] += ending
    path = "/".join(steps[-12:])
    mixed = _is_folder_and_file(path, taken)
    if parts.query or path in taken or mixed:
        digest = hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:8]
        stem, dot, last = (steps[-1] if mixed else path).rpartition(".")
        path = f"{stem}-{digest}{dot}{last}"
    return path


def _is_folder_and_file(path: str, taken: dict[str, MirrorFile]) -> bool:
    """Whether a file would be needed where a folder is, or a folder where a file is."""
    above = {str(one) for one in Path(path).parents}
    return not above.isdisjoint(taken) or any(one.startswith(f"{path}/") for one in taken)
