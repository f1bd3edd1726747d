"""Sources that are fetched: from a server of this machine, which only tests are let ask."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.errors import KnowledgeBaseError
from index.recipe import SourceSpec, fetch_source, forget_fetched, read_sources
from index.sources.remote import Fetcher, Kind, address_of
from index.sources.remote.client import NotFetched, public_addresses
from index.sources.remote.mirror import folder_of, opened
from tests.index.made_files import pdf
from tests.index.site import HTML, Answer, Site, git, git_serving, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as held:
        yield held


def _fetcher() -> Fetcher:
    return Fetcher(allow_private=True, delay=0)


def _read(spec: SourceSpec, home: Path) -> tuple[dict[str, tuple[str, str]], tuple[str, ...]]:
    """Each passage's text with its source's address and anchor; and what was not read."""
    base, states = read_sources([spec], None, home)
    found = {
        section.text: (topic.sources[0].url, section.place.anchor)
        for topic in base.topics for section in topic.sections
    }  # fmt: skip
    return found, states[0].not_read


def _html(title: str, body: str) -> str:
    return f"<html><head><title>{title}</title></head><body><main>{body}</main></body></html>"


def test_a_site_is_read_below_its_address_and_cited_by_page_and_anchor(
    site: Site, tmp_path: Path
) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /docs/secret", "text/plain")
    site.page("/docs/", _html("Start", '<h1>Start</h1><p>The start says hello to you.</p>'
        '<nav><a href="keys.html#x">k</a><a href="/blog/">b</a><a href="secret">s</a>'
        '<a href="gone">g</a><a href="hidden.html">h</a><a href="a.png">l</a></nav>'))  # fmt: skip
    site.page("/docs/keys.html", _html("Keys", '<link rel="canonical" href="https://evil.org/">'
        '<h1>Keys</h1><h2 id="rotating">Rotating</h2><p>Keys are rotated every 37 days.</p>'),
        etag='"one"')  # fmt: skip
    site.page("/docs/hidden.html", '<meta name="Robots" content="noindex"><p>Not for you.</p>')
    site.page("/docs/secret", _html("No", "<p>Secret.</p>"))
    site.page("/blog/", _html("Blog", "<p>Elsewhere.</p>"))
    spec = SourceSpec("manual", f"{site.url}/docs/")
    fetch_source(spec, tmp_path, _fetcher())
    found, not_read = _read(spec, tmp_path)
    assert found == {
        "The start says hello to you.": (f"{site.url}/docs/", "start"),
        "Keys are rotated every 37 days.": (f"{site.url}/docs/keys.html", "rotating"),
    }
    assert "/blog/" not in site.paths()
    assert "/docs/secret" not in site.paths()
    assert "/docs/a.png" not in site.paths()
    told = "\n".join(not_read)
    assert "robots.txt" in told
    assert "404" in told
    assert "not to be indexed" in told

    # Asked again, what is the same is not sent; a change is seen, and what is gone goes.
    def same(sent: dict[str, str]) -> Answer:
        assert sent["if-none-match"] == '"one"'
        return 304, {}, b""

    site.pages["/docs/keys.html"] = same
    site.page(
        "/docs/",
        _html(
            "Start", '<p>Another beginning stands here now.</p><nav><a href="keys.html">k</a></nav>'
        ),
    )
    fetch_source(spec, tmp_path, _fetcher())
    assert set(_read(spec, tmp_path)[0]) == {
        "Another beginning stands here now.", "Keys are rotated every 37 days.",
    }  # fmt: skip
    del site.pages["/docs/"]
    with pytest.raises(KnowledgeBaseError, match="404"):
        fetch_source(spec, tmp_path, _fetcher())
    assert len(_read(spec, tmp_path)[0]) == 2  # a failure leaves what was there
    forget_fetched([], tmp_path)
    assert list((tmp_path / "fetched").iterdir()) == []
    with pytest.raises(KnowledgeBaseError, match="index sync"):
        _read(spec, tmp_path)


def test_a_sitemap_names_the_pages_and_a_number_bounds_them(site: Site, tmp_path: Path) -> None:
    def urls(*paths: str) -> str:
        return "<urlset>" + "".join(f"<url><loc>{path}</loc></url>" for path in paths) + "</urlset>"

    site.page("/map.xml", "<?xml version='1.0'?><sitemapindex><sitemap><loc>"
              f"{site.url}/a.xml.gz</loc></sitemap></sitemapindex>", "application/xml")  # fmt: skip
    listed = urls(*(f"{site.url}/p{n}" for n in range(4)), "http://192.0.2.1/x")
    site.pages["/a.xml.gz"] = (200, {}, gzip.compress(listed.encode()))
    for n in range(4):
        site.page(f"/p{n}", _html(f"P{n}", f"<p>This is what page number {n} says.</p>"))
    spec = SourceSpec("map", f"{site.url}/map.xml", pages=3)
    fetch_source(spec, tmp_path, _fetcher())
    found, not_read = _read(spec, tmp_path)
    assert set(found) == {f"This is what page number {n} says." for n in range(3)}
    assert "--pages" in "".join(not_read)


def test_a_work_is_its_pdf_under_its_title(site: Site, tmp_path: Path) -> None:
    site.page("/abs/1", '<meta name="citation_title" content="On Pumps">'
              '<meta name="citation_pdf_url" content="/1.pdf"><p>Abstract.</p>')  # fmt: skip
    paper = pdf([[(50, 700, "Pumps move water up a hill.")]])
    site.pages["/1.pdf"] = (200, {"content-type": "application/pdf"}, paper)
    from index.sources.remote.addresses import Address
    from index.sources.remote.mirror import fetch

    address = Address(Kind.WORK, f"{site.url}/abs/1", "pumps")
    mirror = fetch(address, tmp_path / "work", _fetcher(), 1)
    assert {path: (one.title, one.url) for path, one in mirror.files.items()} == {
        "pumps.pdf": ("On Pumps", f"{site.url}/1.pdf")
    }
    from index.sources import read

    topic = read(tmp_path / "work", name="w", about=mirror.about).knowledge_base.topics[0]
    assert (topic.title, topic.sources[0].url) == ("On Pumps", f"{site.url}/1.pdf")
    assert topic.sections[0].place.anchor == "page=1"


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/big", (200, {"content-type": HTML}, b"x" * 2000), "at most"),
        ("/bomb", (200, {"content-encoding": "gzip"}, gzip.compress(b"x" * 10**6)), "at most"),
        ("/odd", (200, {"content-encoding": "br"}, b"x"), "gzip"),
        ("/loop", (302, {"location": "/loop"}, b""), "redirects"),
        ("/file", (302, {"location": "file:///etc/passwd"}, b""), "http"),
        ("/error", (500, {}, b""), "500"),
    ],
)
def test_hostile_answers_are_refused(site: Site, path: str, answer: Answer, said: str) -> None:
    site.pages[path] = answer
    with pytest.raises(NotFetched, match=said):
        _fetcher().get(f"{site.url}{path}", 1000)


def test_nobody_is_sent_into_the_own_network(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFetched, match="public"):
        Fetcher().get(f"{site.url}/", 1000)
    assert site.asked == []

    real = socket.getaddrinfo
    meant = ["93.184.216.34"]

    def rebinding(host: str, port: int, **more: Any) -> Any:
        return real(meant[0] if host == "rebind.example" else host, port, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    reached: list[str] = []

    def connect(address: tuple[str, int], *_: Any) -> socket.socket:
        reached.append(address[0])
        meant[0] = "127.0.0.1"  # what the name means by the next moment
        raise OSError("not reached in a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotFetched, match="not reached"):
        Fetcher().get("http://rebind.example/", 1000)
    assert reached == ["93.184.216.34"]
    with pytest.raises(NotFetched, match="public"):
        Fetcher().get("http://rebind.example/", 1000)
    assert reached == ["93.184.216.34"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1",
     "::ffff:127.0.0.1", "fe80::1", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1"],
)  # fmt: skip
def test_private_addresses(host: str) -> None:
    with pytest.raises(NotFetched, match="public"):
        public_addresses(host, 80)


@pytest.mark.parametrize(
    ("text", "kind", "url", "name", "branch", "folder"),
    [
        ("https://docs.x.org/a/b#c", Kind.SITE, "https://docs.x.org/a/b", "docs.x.org-a-b", "", ""),
        ("arXiv:2205.14135", Kind.WORK, "https://arxiv.org/abs/2205.14135", "arxiv-2205.14135",
         "", ""),
        ("https://arxiv.org/pdf/1706.03762v7.pdf", Kind.WORK,
         "https://arxiv.org/abs/1706.03762v7", "arxiv-1706.03762v7", "", ""),
        ("10.1145/3600006.3613165", Kind.WORK, "https://doi.org/10.1145/3600006.3613165",
         "10.1145-3600006.3613165", "", ""),
        ("https://github.com/o/r", Kind.REPOSITORY, "https://github.com/o/r.git", "r", "", ""),
        ("https://github.com/o/r/tree/dev/docs/en", Kind.REPOSITORY, "https://github.com/o/r.git",
         "r", "dev", "docs/en"),
        ("https://gitlab.com/g/s/r/-/tree/main/docs", Kind.REPOSITORY,
         "https://gitlab.com/g/s/r.git", "r", "main", "docs"),
        ("https://git.x.org/team/book.git", Kind.REPOSITORY, "https://git.x.org/team/book.git",
         "book", "", ""),
    ],
)  # fmt: skip
def test_what_an_address_names(
    text: str, kind: Kind, url: str, name: str, branch: str, folder: str
) -> None:
    found = address_of(text)
    assert found is not None
    assert (found.kind, found.url, found.name) == (kind, url, name)
    assert (found.branch, found.folder) == (branch, folder)


@pytest.mark.parametrize(
    "text",
    ["ssh://x.org/r", "git@github.com:o/r.git", "https://u:p@x.org/", "http:///x", "http://x:y/"],
)
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(KnowledgeBaseError):
        address_of(text)


def test_paths_are_no_addresses() -> None:
    assert [address_of(text) for text in ("docs/a.md", "/srv/x", "notes")] == [None] * 3


def test_a_folder_of_a_branch_is_read_at_its_commit(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "docs").mkdir(parents=True)
    (work / "docs" / "keys.md").write_text("# Keys\n\n## Rotating\n\nKeys turn monthly.\n")
    (work / "docs" / "leak.md").symlink_to("/etc/passwd")
    (work / "other.md").write_text("# Other\n\nOther words.\n")
    git("init", "-q", "-b", "dev", at=work)
    git("add", ".", at=work)
    git("commit", "-q", "-m", "one", at=work)
    git("clone", "-q", "--bare", str(work), str(tmp_path / "served" / "book.git"), at=tmp_path)
    bare = tmp_path / "served" / "book.git"
    git("config", "uploadpack.allowFilter", "true", at=bare)
    home = tmp_path / "index"
    with git_serving(tmp_path / "served") as url:
        base_url = "https://x.org/blob/{path}"
        spec = SourceSpec("book", f"{url}/book.git", base_url, branch="dev", folder="docs")
        with pytest.raises(KnowledgeBaseError, match="public"):
            fetch_source(spec, home, Fetcher())
        fetch_source(spec, home, _fetcher())
        found, _ = _read(spec, home)
        assert found["Keys turn monthly."] == ("https://x.org/blob/docs/keys.md", "rotating")
        assert not [text for text in found if "root:" in text or "Other" in text]
        assert spec.address is not None
        place = folder_of(home / "fetched", "book", spec.address)
        mirror = opened(place)
        assert mirror is not None
        assert len(mirror.commit) == 40
        assert not (place / ".git").exists()

        before = place.stat().st_ino
        fetch_source(spec, home, _fetcher())
        assert place.stat().st_ino == before  # the same commit is not fetched again
        (work / "docs" / "keys.md").write_text("# Keys\n\nKeys turn weekly.\n")
        git("commit", "-qam", "two", at=work)
        git("push", "-q", str(bare), "dev", at=work)
        fetch_source(spec, home, _fetcher())
        assert "Keys turn weekly." in _read(spec, home)[0]

        for branch, folder in (
            ("none", ""), ("dev", "none"), ("--upload-pack=x", ""), ("dev", "../.."),
        ):  # fmt: skip
            bad = SourceSpec("bad", f"{url}/book.git", branch=branch, folder=folder)
            with pytest.raises(KnowledgeBaseError):
                fetch_source(bad, home, _fetcher())
        assert [path.name for path in (home / "fetched").iterdir()] == [place.name]
