"""The page for everyone: axe finds nothing serious in its states, and the keyboard suffices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from app.store import open_store
from app.ui import texts, texts_checking, texts_planner
from tests.ui.chromium import BROWSER
from tests.ui.playing import Page as Served
from tests.ui.playing import PlayingPipeline, served
from tests.ui.test_history import ask, kept, listed, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = BROWSER


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = open_store(str(tmp_path_factory.mktemp("access") / "access.db"))
    with served(PlayingPipeline(), store) as running:
        yield running
    store.close()


def _empty(page: Page) -> None:
    page.get_by_role("button", name=texts.SETTINGS).click()


def _answered(page: Page) -> None:
    ask(page, "Where do they disagree?")
    ask(page, "And what follows?")
    page.locator("#live .how summary").click()
    page.locator("#live .cite").first.focus()
    page.keyboard.press("Escape")


def _abstained(page: Page) -> None:
    ask(page, "Please abstain")


def _broken(page: Page) -> None:
    ask(page, "Please break")


def _beside(page: Page) -> None:
    ask(page, "Who is right?")
    page.locator(".turn .menu summary").click()
    page.locator(".turn .menu .items button").first.click()
    page.locator(".voice").nth(1).locator(".after").wait_for()
    page.locator("[data-edit]").click()


def _judging(page: Page) -> None:
    ask(page, "Is it good?")
    page.locator("[data-rate=down]").click()
    page.locator("[data-reason]").first.click()


def _list(page: Page) -> None:
    ask(page, "What is kept?")
    kept(page)
    listed(page)


def _keys(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    page.locator("#shortcuts").wait_for()


def _card(page: Page) -> None:
    ask(page, "What does a card hold?")
    page.locator("#live .cite").first.focus()
    page.keyboard.press("Enter")
    page.locator("#citation-card").wait_for()


def _evidence(page: Page) -> None:
    """Pinned beside the answer; on a phone, a sheet."""
    ask(page, "Where does it stand?")
    page.locator("#live [data-evidence]").click()
    page.locator("#side .cited mark").first.wait_for()


def _browsing(page: Page) -> None:
    page.get_by_role("tab", name=texts.TAB_BROWSE).click()
    page.locator(".topic > summary").first.click()


def _checked(page: Page) -> None:
    page.get_by_role("tab", name=texts_checking.TAB).click()
    page.fill("#check-box textarea", "GPT-3 has 150 billion parameters.")
    page.click("#check-send")
    page.locator(".checked > li").first.wait_for()


def _planning(page: Page) -> None:
    page.get_by_role("tab", name=texts_planner.TAB).click()
    page.locator("#plan-result .plan-verdict").wait_for()
    page.locator("#calculation-inputs").wait_for()


STATES = (
    _empty, _keys, _answered, _card, _evidence, _abstained, _broken, _beside, _judging, _list,
    _browsing, _checked, _planning,
)  # fmt: skip
# Why axe can't tell a contrast, where it is told by what is beside: a sign alone, words over a
# chart, and what a dialog or a scrolled row covers.
UNTOLD = {"nonBmp", "bgOverlap", "elmPartiallyObscured", "elmPartiallyObscuring"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__.strip("_"))
def test_axe_finds_nothing_serious(
    browser: Browser, site: Served, state: Callable[[Page], None], scheme: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    size: Any = (
        {"width": 360, "height": 740} if scheme == "dark" else {"width": 1280, "height": 860}
    )
    with browser.new_context(
        color_scheme=scheme,
        viewport=size,
        reduced_motion="reduce",
    ) as context:
        page = opened(context, site.url)
        state(page)
        page.wait_for_timeout(300)
        checked = Axe().run(page).response
        assert len(checked["passes"]) > 20
        serious = [
            (one["id"], node["html"][:160], node["failureSummary"][:300])
            for one in checked["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert serious == []
        untold = [
            (node["any"][0]["data"]["messageKey"], node["html"][:160])
            for one in checked["incomplete"]
            if one["id"] == "color-contrast"
            for node in one["nodes"]
        ]
        assert [one for one in untold if one[0] not in UNTOLD] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_everything_is_reached_and_used_by_keyboard(browser: Browser, site: Served) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 860}) as context:
        page = opened(context, site.url)
        page.keyboard.type("Is this reachable?")
        page.keyboard.press("Enter")
        page.locator("#live .after").wait_for()
        page.locator("#send").wait_for()
        page.get_by_role("tab", name=texts.TAB_ASK).focus()
        for key, name in (("ArrowRight", texts.TAB_HISTORY), ("ArrowLeft", texts.TAB_ASK)):
            page.keyboard.press(key)
            selected = page.locator("#views [role=tab][aria-selected=true]", has_text=name)
            selected.first.wait_for()
            assert page.evaluate("document.activeElement.textContent.trim()") == name
        page.focus("#box textarea")
        _tab_to(page, "[data-rate=down]", back=True)
        page.keyboard.press("Enter")
        page.locator("#judge").wait_for()
        _tab_to(page, "[data-reason=incomplete]")
        page.keyboard.press("Space")
        _tab_to(page, "#judge [data-send]")
        page.keyboard.press("Enter")
        page.locator("[data-rate=down][aria-pressed=true]").wait_for()
        assert page.evaluate("document.activeElement.matches('[data-rate=down]')")
        _tab_to(page, "[data-edit]", back=True)
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.matches('.editing textarea')")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.matches('[data-edit]')")
        _tab_to(page, ".turn .menu summary", back=True)
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.locator(".voice").nth(1).locator(".after").wait_for()


def _tab_to(page: Page, wanted: str, *, back: bool = False) -> None:
    """Press Tab until an element has the focus, which must be seen on each one that gets it."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        here = page.evaluate(
            """wanted => {
              const at = document.activeElement;
              const style = getComputedStyle(at);
              const ring = style.outlineStyle !== "none" || style.boxShadow !== "none";
              const within = at.closest("#ask-row, label, .block") !== null;
              const seen = at === document.body || ring || within;
              return [at.matches(wanted), seen, at.outerHTML.slice(0, 160)];
            }""",
            wanted,
        )
        assert here[1], f"no visible focus: {here[2]}"
        if here[0]:
            return
    pytest.fail(f"{wanted} is not reached")
