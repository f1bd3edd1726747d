"""Whatever a server sends: nothing crashes or is lost unsaid, and nobody goes where he may not."""

from __future__ import annotations

import gzip
import ipaddress
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import KnowledgeBaseError
from index.recipe import SourceSpec, fetch_source, read_sources
from index.sources import read
from index.sources.remote import Address, Fetcher, Kind, Mirror, fetch
from index.sources.remote.client import NotFetched, public_addresses
from index.sources.remote.mirror import folder_of, opened
from tests.index.site import Answer, Site, git, git_serving, serving

WORD = re.compile(r"\w+")
FEW = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as held:
        yield held


def _begin(site: Site, pages: dict[str, Answer]) -> None:
    site.pages = {"/robots.txt": (404, {}, b""), **pages}
    site.asked.clear()


def _fetched(spec: SourceSpec, home: Path) -> Mirror | None:
    """What was fetched; None where the source was refused with a reason."""
    try:
        fetch_source(spec, home, Fetcher(allow_private=True, delay=0))
    except KnowledgeBaseError:
        return None
    assert spec.address is not None
    return opened(folder_of(home / "fetched", spec.name, spec.address))


def _shown(spec: SourceSpec, home: Path) -> tuple[list[str], str]:
    """The words that are read, in their order, and what is said of the rest."""
    try:
        base, states = read_sources([spec], None, home)
    except KnowledgeBaseError as error:
        return [], str(error)
    shown = [
        f"{topic.title} {' '.join(section.place.section)} {section.text}"
        for topic in base.topics
        for section in topic.sections
    ]
    return WORD.findall(" ".join(shown)), "\n".join(states[0].not_read)


words = st.text("abcdefghijklmnopqrstuvwxyzäßé", min_size=2, max_size=9)
prose = st.lists(words, min_size=5, max_size=40).map(" ".join)
html_blocks = st.one_of(
    prose.map(lambda text: f"<p>{text}.</p>"),
    prose.map(lambda text: f"<p>{text.replace(' ', ' <b>now</b> ', 1)}<br>{text}</p>"),
    prose.map(lambda text: f"<div>{text}<div>{text}</div>{text}</div>"),
    prose.map(lambda text: f"<ul><li>{'<li>'.join(text.split())}</ul>"),
    prose.map(lambda text: f"<pre>{text}</pre>"),
    prose.map(lambda text: f"<blockquote>{text}</blockquote><details><summary>{text}</summary>x"),
    prose.map(lambda text: f"<dl><dt>{text}<dd>{text}</dl>"),
    prose.map(lambda text: f"<table><tr><th>a<th>b<tr><td>{text}<td>{text}</table>"),
)
encodings = st.sampled_from(["utf-8", "latin-1", "utf-16", "windows-1252"])


@FEW
@given(st.lists(html_blocks, min_size=1, max_size=6), encodings, st.booleans())
def test_the_words_of_a_page_are_those_of_its_passages(
    site: Site, blocks: list[str], encoding: str, is_whole: bool
) -> None:
    body = "".join(blocks)
    text = f"<html><head><title>Page</title></head><body><main>{body}</main></body></html>"
    text = text if is_whole else f'<meta charset="koi8-r">{body}'  # the server knows better
    kind = f"text/html; charset={encoding}"
    _begin(site, {"/docs/": (200, {"content-type": kind}, text.encode(encoding))})
    spec = SourceSpec("manual", f"{site.url}/docs/")
    with tempfile.TemporaryDirectory() as folder:
        assert _fetched(spec, Path(folder)) is not None
        found, _ = _shown(spec, Path(folder))
    rest = iter(found)
    wanted = WORD.findall(re.sub(r"<[^>]+>", " ", body))
    assert [word for word in wanted if word not in set(found)] == []
    if "<table>" not in body:  # long tables repeat their heads
        assert all(word in rest for word in wanted)


fragments = st.sampled_from(
    ["<html>", "<main>", "<p>words here", "</p>", '<a href="', "/docs/a", "/docs/a/b",
     "/docs/a.html/c", "http://[", "http://x:99999/", '">link</a>', '<base href="//[">',
     '<meta name="robots" content="', "noindex", '<meta charset="utf-7">', "<!--", "<![CDATA[",
     "<urlset>", "<url><loc>", "</loc></url>",
     "<sitemapindex><sitemap><loc>", "/docs/map.xml",
     "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
     "&e;", "\0", "\ufffe", "𐐀" * 70, "%PDF-1.7", "{{", "# Title\n", "| a |\n|--|\n"]
)  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=120),
    st.lists(st.one_of(fragments, st.text(max_size=5)), max_size=14).map(
        lambda parts: "".join(parts).encode("utf-8", "replace")
    ),
)
kinds = st.sampled_from(
    ["text/html", "text/html; charset=nonsense", "text/html; charset=utf-16", "application/xml", "",
     "text/plain; charset=latin-1", "text/markdown", "application/pdf", "application/epub+zip",
     "image/png", "text/x-rst", ";;", "é"]
)  # fmt: skip
locations = st.sampled_from(
    ["", "/docs/a", "http://[", "http://x:99999/", "//", "file:///etc/passwd", "/elsewhere",
     "http://10.0.0.1:1/", "\x80", "/docs/" + "y" * 300]
)  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """What a server that is broken or means harm may send."""
    body = draw(bodies)
    packed = draw(st.sampled_from(["", "", "gzip", "cut", "br"]))
    headers = {"content-type": draw(kinds)}
    if packed == "cut":
        body = gzip.compress(body)[: draw(st.integers(0, 30))]
    if packed:
        headers["content-encoding"] = "gzip" if packed == "cut" else packed
    status = draw(st.sampled_from([200, 200, 200, 200, 301, 304, 404, 500]))
    if status == 301 and (location := draw(locations)):
        headers["location"] = location
    return status, headers, body


PATHS = ("/docs/", "/docs/a", "/docs/a/b", "/docs/a.html/c", "/docs/map.xml", "/docs/%F0%90%90%80")


@settings(max_examples=60, deadline=None)
@given(st.lists(answers(), min_size=len(PATHS), max_size=len(PATHS)), st.booleans(), st.booleans())
def test_nothing_that_a_site_sends_crashes_and_what_is_not_read_is_told(
    site: Site, sent: list[Answer], begins_well: bool, by_sitemap: bool
) -> None:
    pages = dict(zip(PATHS, sent, strict=True))
    links = "".join(f'<a href="{path}">x</a>' for path in PATHS)
    named = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in PATHS)
    if begins_well:
        pages["/docs/"] = (200, {"content-type": "text/html"}, f"<p>Begin.</p>{links}".encode())
    if by_sitemap:
        pages["/map.xml"] = (200, {}, f"<urlset>{named}</urlset>".encode())
    _begin(site, pages)
    spec = SourceSpec("manual", f"{site.url}{'/map.xml' if by_sitemap else '/docs/'}")
    with tempfile.TemporaryDirectory() as folder:
        mirror = _fetched(spec, Path(folder))
        if mirror is None:
            return
        found, told = _shown(spec, Path(folder))
        again = _fetched(spec, Path(folder))
        assert again is None or again.files.keys() <= mirror.files.keys()
    kept = {unquote(one.url) for one in mirror.files.values()}
    told = unquote("\n".join((told, *mirror.problems)))
    for path, _ in site.asked:
        status, headers, _ = pages.get(path, (404, {}, b""))
        is_moved = status == 301 and "location" in headers
        if path not in ("/robots.txt", "/map.xml") and not is_moved:
            asked = unquote(f"{site.url}{path}")
            assert asked in kept or f"{asked}: " in told, path
    assert found or told


@FEW
@given(st.lists(st.sampled_from(["/docs/a", "/docs/a/", "/docs/*b", "/docs/%", "/docs/map"])),
       st.binary(max_size=60))  # fmt: skip
def test_what_robots_txt_forbids_is_not_asked_for(
    site: Site, forbidden: list[str], rubbish: bytes
) -> None:
    links = "".join(f'<a href="{path}">x</a>' for path in PATHS)
    page = (200, {"content-type": "text/html"}, f"<p>Words.</p>{links}".encode())
    _begin(site, dict.fromkeys(PATHS, page))
    rules = "".join(f"Disallow: {path}\n" for path in forbidden)
    robots = f"User-agent: *\n{rules}\n".encode() + b"# " + rubbish.replace(b"\n", b"")
    site.pages["/robots.txt"] = (200, {}, robots)
    with tempfile.TemporaryDirectory() as folder:
        _fetched(SourceSpec("manual", f"{site.url}/docs/"), Path(folder))
    rules_read = [re.compile(re.escape(path).replace(r"\*", ".*")) for path in forbidden]
    assert [path for path in site.paths() if any(rule.match(path) for rule in rules_read)] == []
    assert site.paths()


private = st.sampled_from(
    ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
     "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"]
)  # fmt: skip


@FEW
@given(private.flatmap(lambda net: st.ip_addresses(network=net)))
def test_no_private_address_is_asked(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    spelled = [str(address)]
    if isinstance(address, ipaddress.IPv4Address):
        spelled += [f"::ffff:{address}", f"64:ff9b::{address}", str(int(address))]
    for host in spelled:
        with pytest.raises(NotFetched):
            public_addresses(host, 80)


@settings(max_examples=30, deadline=None)
@given(answers(), answers(), st.sampled_from(["/1.pdf", "//[", "/abs", "http://10.0.0.1:1/"]))
def test_nothing_that_a_work_sends_crashes(
    site: Site, page: Answer, paper: Answer, named: str
) -> None:
    status, headers, body = page
    head = (
        f'<meta name="citation_title" content="T"><meta name="citation_pdf_url" content="{named}">'
    )
    _begin(site, {"/abs": (status, headers, head.encode() + body), "/1.pdf": paper})
    address = Address(Kind.WORK, f"{site.url}/abs", "a/b")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "work"
        try:
            mirror = fetch(address, place, Fetcher(allow_private=True, delay=0), 1)
        except KnowledgeBaseError:
            return  # refused, with a reason
        assert len(mirror.files) == 1
        try:
            result = read(place, name="w", about=mirror.about)
        except KnowledgeBaseError:
            return  # refused, with a reason
        assert result.knowledge_base.topics or result.problems


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20
)


@settings(max_examples=6, deadline=None)
@given(st.dictionaries(names, bodies, max_size=4), prose)
def test_nothing_in_a_repository_crashes_or_hides_what_is_beside_it(
    files: dict[str, bytes], said: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home, docs = Path(folder), Path(folder) / "work" / "docs"
        docs.mkdir(parents=True)
        for number, (name, body) in enumerate(files.items()):
            ending = (".md", ".html", ".rst", ".txt")[number % 4]
            (docs / f"{name}{ending}").write_bytes(body)
        (docs / "said.md").write_text(f"# Said\n\n{said}\n", encoding="utf-8")
        (docs / "leak.md").symlink_to("/etc/passwd")
        git("init", "-q", "-b", "main", at=home / "work")
        git("add", "-A", at=home / "work")
        git("commit", "-q", "-m", "one", at=home / "work")
        (home / "served").mkdir()
        git("clone", "-q", "--bare", "work", "served/book.git", at=home)
        with git_serving(home / "served") as url:
            spec = SourceSpec("book", f"{url}/book.git")
            assert _fetched(spec, home / "index") is not None
        found, _ = _shown(spec, home / "index")
        assert set(WORD.findall(said)) <= set(found)
        assert "root" not in found
        place = folder_of(home / "index" / "fetched", spec.name, spec.address)  # type: ignore[arg-type]
        assert len([path for path in place.rglob("*") if path.is_file()]) == len(files) + 3
