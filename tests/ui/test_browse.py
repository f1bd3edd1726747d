"""The knowledge base in a browser: views, search, map, and from there to a question."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING

import pytest

from app.answer.pipeline import Pipeline
from app.chat_models.scripted import ScriptedChatModel
from app.ui import mount, texts
from index.live import LiveIndex
from tests.scripted import listening
from tests.ui.chromium import BROWSER
from tests.ui.playing import PlayingPipeline, served
from tests.ui.watching import PHONE, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = BROWSER


# The first dot of the map that no other lies upon.
UNCOVERED = """[...document.querySelectorAll('#shelf-map .dot')].findIndex(dot => {
  const box = dot.getBoundingClientRect();
  return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === dot;
})"""


@pytest.fixture(scope="module")
def site(live_index: LiveIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page over the whole shipped knowledge base."""
    from fastapi import FastAPI

    pipeline = Pipeline(live_index, ScriptedChatModel((), small=True))
    app = mount(FastAPI(), pipeline, cache=tmp_path_factory.mktemp("cache"))
    with listening(app) as url:
        yield url


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    with watched(browser, site) as opened:
        _browse(opened)
        yield opened


def _browse(page: Page) -> None:
    page.get_by_role("tab", name=texts.TAB_BROWSE).click()
    page.locator("#browse-search").wait_for()


def _view(page: Page, name: str) -> None:
    page.locator(f'[data-view="{name}"]').click()
    page.locator(f"#shelf-{name}").wait_for()


def test_search_narrows_every_view_as_one_types(page: Page) -> None:
    page.fill("#browse-search", "nucleus sampling")
    assert 1 <= page.locator(".topic:visible").count() < 10
    assert page.locator("#shelf-topics .entry:visible").count() >= 1
    _view(page, "figures")
    shown = page.locator("#shelf-figures tr[data-entry]:visible")
    assert 1 <= shown.count() < 20
    assert int(page.locator('[data-view="figures"] .count').inner_text()) == shown.count()
    page.fill("#browse-search", "zebra crossing")
    page.get_by_text(texts.BROWSE_NONE).wait_for()
    page.fill("#browse-search", "")
    assert page.locator("#shelf-figures tr[data-entry]:visible").count() > 200
    page.fill("#browse-search", "HOLTZMAN 0.95")
    assert page.locator("#shelf-figures tr[data-entry]:visible").count() >= 1


def test_a_keystroke_costs_no_more_than_laying_the_tab_out_a_few_times(page: Page) -> None:
    page.wait_for_selector("#shelf-map .dot", state="attached")
    # Both are timed beside each other, so that a busy machine slows both.
    times = page.evaluate(
        """() => {
          const view = document.getElementById("browse-view");
          const box = document.getElementById("browse-search");
          const laid = () => view.getBoundingClientRect();
          const timed = (work) => {
            const started = performance.now();
            work();
            laid();
            return performance.now() - started;
          };
          const anew = () => {
            view.style.display = "none";
            laid();
            view.style.display = "";
          };
          return ["a", "at", "att", "atte", "attention", "kv cache", "0.9", ""].map((words) => {
            const type = () => {
              box.value = words;
              box.dispatchEvent(new Event("input", { bubbles: true }));
            };
            const pairs = [0, 1, 2].map(() => [timed(type), timed(anew)]);
            return [0, 1].map((which) => Math.min(...pairs.map((pair) => pair[which])));
          });
        }"""
    )
    assert median(typed / laid for typed, laid in times) < 10


def test_ask_about_this_puts_the_question_into_the_box(page: Page) -> None:
    page.fill("#browse-search", "kv cache")
    page.locator(".topic:visible > summary").first.click()
    page.locator(".topic[open] .entry summary:visible").first.click()
    button = page.locator(".entry[open] [data-ask]:visible").first
    question = button.get_attribute("data-ask")
    button.click()
    page.locator("#send").wait_for()
    assert page.locator("#box textarea").input_value() == question


def test_the_views_are_tabs_for_the_keyboard(page: Page) -> None:
    page.locator('[data-view="topics"]').focus()
    for name in ("figures", "map", "corrections", "topics"):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.view") == name
        assert page.locator(f"#shelf-{name}").is_visible()
    assert page.locator("#shelf-figures").is_hidden()


def test_the_map_is_read_with_mouse_and_keys(page: Page) -> None:
    _view(page, "map")
    dots = page.locator("#shelf-map .dot")
    dots.first.wait_for()
    assert dots.count() > 400
    free = dots.nth(page.evaluate(UNCOVERED))
    free.hover(force=True)
    tip = page.locator("#citation-card")
    tip.wait_for()
    assert tip.inner_text() == free.get_attribute("aria-label")
    page.mouse.move(2, 2)
    page.locator("#shelf-map .dot[tabindex='0']").focus()
    named = set()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        named.add(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(named) >= 3
    page.keyboard.press("Enter")
    detail = page.locator("#map-detail")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.split(" — ")[-1] in detail.inner_text()
    detail.locator("[data-ask]").first.click()
    assert page.locator("#box textarea").input_value() != ""


def test_a_category_can_be_seen_alone_on_the_map(page: Page) -> None:
    _view(page, "map")
    key = page.locator(".legend .key").first
    key.click()
    assert key.get_attribute("aria-pressed") == "true"
    page.wait_for_function(
        "Number(getComputedStyle(document.querySelector('.dot:not(.k0)')).opacity) < 0.5"
    )
    assert page.evaluate("getComputedStyle(document.querySelector('.dot.k0')).opacity") == "1"
    key.click()
    assert key.get_attribute("aria-pressed") == "false"


def test_corrections_are_reached_from_their_topic(page: Page) -> None:
    page.fill("#browse-search", "kv cache")
    page.locator('.topic[data-topic="kv-cache"]:visible').evaluate("e => { e.open = true }")
    page.locator('#shelf-topics [data-topic="kv-cache"] [data-show]').click()
    shown = page.locator('#shelf-corrections [data-topic="kv-cache"]')
    shown.wait_for()
    assert shown.get_attribute("open") is not None
    assert shown.locator("ins").count() >= 1


def test_a_phone_fits_every_view(browser: Browser, site: str) -> None:
    with watched(browser, site, **PHONE) as page:
        _browse(page)
        for name in ("topics", "figures", "map", "corrections"):
            _view(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(browser: Browser, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    seen = {"color_scheme": scheme, "reduced_motion": "reduce"}
    with served(PlayingPipeline()) as site, watched(browser, site.url, **seen) as page:
        _browse(page)
        page.wait_for_selector("#shelf-map .dot", state="attached")
        page.locator(".topic summary").first.click()
        for name in ("topics", "figures", "map", "corrections"):
            _view(page, name)
            found = [
                (violation["id"], violation["nodes"][0]["html"][:200])
                for violation in Axe().run(page).response["violations"]
                if violation["impact"] in ("serious", "critical")
            ]
            assert found == [], name
