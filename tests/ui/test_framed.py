"""The page in another page's frame: only where a setting names the origin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from app.config.settings import load_settings
from app.record.errors import SettingsError
from tests.ui.chromium import BROWSER
from tests.ui.playing import PlayingPipeline, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def _host() -> Iterator[tuple[str, dict[str, str]]]:
    """Another site, with one page; its frame leads where the dictionary's `src` says."""
    framed: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (
                "<!doctype html><title>Handbook</title><h1>Handbook</h1>"
                f'<iframe src="{framed["src"]}" title="Citewise" width="400" height="640"></iframe>'
            ).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", framed
    finally:
        server.shutdown()
        server.server_close()


@BROWSER[0]
@BROWSER[1]
@BROWSER[2]
@pytest.mark.parametrize("allowed", [True, False])
def test_only_a_named_origin_frames_the_page(browser: Browser, allowed: bool) -> None:
    with (
        _host() as (host, framed),
        served(PlayingPipeline(), embed_origins=[host] if allowed else []) as site,
        browser.new_context() as context,
    ):
        framed["src"] = site.url
        page = context.new_page()
        page.set_default_timeout(60_000)
        frame = page.frame_locator("iframe")
        if not allowed:
            with page.expect_event("requestfailed") as failed:
                page.goto(host)
            assert failed.value.url.startswith(site.url)
            assert failed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
            assert frame.locator("#box").count() == 0
            return
        page.goto(host)
        frame.locator(".suggestion:visible").first.wait_for()
        frame.locator("#box textarea").fill("What did Chinchilla find?")
        frame.locator("#box textarea").press("Enter")
        frame.locator("#live .turn[data-over=true]").wait_for()
        assert frame.locator(".cite").count() == 3
        assert frame.locator("#settings").is_hidden()
        frame.locator(".cite").first.hover()
        frame.locator("#citation-card mark").wait_for()
        frame.locator("#live [data-evidence]").click()
        frame.locator("#side .cited mark").first.wait_for()


@pytest.mark.parametrize(
    "origin", ["docs.example.org", "https://x/y", "*", "https://a; script-src *", "'self'", ""]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(SettingsError, match="is no origin"):
        load_settings(embed_origins=[origin])


def test_origins_are_taken() -> None:
    good = ["https://docs.example.org", "http://127.0.0.1:8000", "https://*.example.org"]
    assert load_settings(embed_origins=good).embed_origins == good
