"""What a browser gets first: a page that is seen at once and stays where it is, and is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from app.ui import texts
from tests.ui.chromium import BROWSER
from tests.ui.playing import Page as Served
from tests.ui.watching import watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = BROWSER

WIDTHS = (360, 768, 1280)
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def test_style_and_script_are_compressed_and_kept_under_names_of_their_own(
    browser: Browser, site: Served
) -> None:
    with browser.new_context(base_url=site.url) as context:
        document = context.request.get("/").text()
        named = re.findall(r'(?:href|src)="(citewise-[0-9a-f]{16}\.(?:css|js))"', document)
        assert sorted(name.rpartition(".")[2] for name in named) == ["css", "js"]
        theirs = re.findall(r'(?:href|src)="\./(assets/[^"]+)"', document)
        assert theirs
        for name in (*named, *theirs):
            packed = context.request.get(f"/{name}", headers={"accept-encoding": "gzip"})
            assert packed.headers["content-encoding"] == "gzip"
            assert "immutable" in packed.headers["cache-control"]
            plain = context.request.get(f"/{name}", headers={"accept-encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert packed.body() == plain.body()


def test_nothing_of_the_framework_introduces_the_page(browser: Browser, site: Served) -> None:
    with browser.new_context() as context:
        document = context.request.get(site.url).text()
    assert 'rel="manifest"' not in document
    assert texts.HERO in document.partition("<gradio-app")[0].partition("<body")[2]


# At three widths, since the masthead and the hero stand elsewhere on each.
@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_seen_first_is_where_it_stays(browser: Browser, site: Served, width: int) -> None:
    size = {"width": width, "height": 800}
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.route("**/assets/*.js", lambda route: route.abort())
        page.goto(site.url)
        first = {name: page.locator(f"#first {name}").first.bounding_box() for name in ("h1", "h2")}
    with watched(browser, site.url, viewport=size) as page:
        page.locator("#first").wait_for(state="hidden")
        for name, place in (("h1", "#masthead"), ("h2", "#hero")):
            now = page.locator(f"{place} {name}").bounding_box()
            seen = first[name]
            assert now is not None
            assert seen is not None
            assert abs(now["x"] - seen["x"]) <= 2
            assert abs(now["y"] - seen["y"]) <= 4


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_moves_while_the_page_is_put_together(
    browser: Browser, site: Served, width: int
) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        page.add_init_script(SHIFTS)
        page.goto(site.url)
        page.locator(".suggestion:visible").first.wait_for()
        assert page.evaluate("window.shifted") < 0.05
