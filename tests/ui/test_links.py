"""Links to conversations and checked texts: made, opened by others, listed, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from app.store import Store, open_store
from app.ui import texts
from app.ui import texts_checking as checking
from tests.ui.chromium import BROWSER
from tests.ui.playing import HOSTILE, PlayingPipeline, served
from tests.ui.playing import Page as Served
from tests.ui.watching import PHONE, ask, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = BROWSER


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(str(tmp_path_factory.mktemp("links") / "links.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(store: Store) -> Iterator[Served]:
    with served(PlayingPipeline(), store) as running:
        yield running


def _shared(page: Page, what: str) -> str:
    page.locator("#export summary").click()
    page.click(f"[data-share={what}]")
    link = page.locator("#notice .made a")
    link.wait_for()
    return str(link.evaluate("link => link.href"))


def test_a_conversation_is_shared_as_it_is_and_revoked_by_its_maker(
    browser: Browser, site: Served
) -> None:
    with watched(browser, site.url) as page:
        ask(page, "Is this hostile?")
        ask(page, "What did Chinchilla find?")
        alone, whole = _shared(page, "answer"), ""
        page.reload()
        page.locator("#live .turn", has_text="What did Chinchilla find?").wait_for()
        whole = _shared(page, "talk")
        page.get_by_role("button", name=texts.LINK_COPY).click()
        page.get_by_role("button", name=texts.COPIED).wait_for()
        ask(page, "What came later?")
        with _another(browser, whole) as other:
            assert other.locator("h1").all_inner_texts() == [
                "Is this hostile?",
                "What did Chinchilla find?",
            ]
            assert "f" * 16 in other.locator("main").inner_text()
            assert HOSTILE[:20] in other.locator("main").inner_text()
            assert other.evaluate("window.pwned") is None
            assert other.locator("form").count() == 0
            other.goto(alone)
            assert other.locator("h1").all_inner_texts() == ["What did Chinchilla find?"]
        page.get_by_role("tab", name=texts.TAB_HISTORY).click()
        page.locator("#links-shared [data-revoke]").nth(1).wait_for()
        page.locator("#links-shared [data-revoke]").first.click()
        page.locator("#links-shared [data-revoke]").nth(1).wait_for(state="detached")
        with _another(browser, whole) as other:
            assert texts.LINK_GONE in other.locator("main").inner_text()
        page.goto(alone)
        page.get_by_role("button", name=texts.LINK_REVOKE).click()
        page.get_by_text(texts.LINK_REVOKED).wait_for()


@contextmanager
def _another(browser: Browser, link: str) -> Iterator[Page]:
    """Another reader's browser, at a link."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(link)
        yield page


@pytest.mark.parametrize("wide", [True, False], ids=["wide", "phone"])
def test_a_text_is_checked_copied_kept_and_found_again(
    browser: Browser, site: Served, *, wide: bool
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with watched(browser, site.url, **({} if wide else PHONE)) as page:
        page.get_by_role("tab", name=checking.TAB).click()
        page.fill("#check-box textarea", f"GPT-3 is contradicted. {HOSTILE}")
        page.click("#check-send")
        page.locator(".checked li.contradicted b.differs").first.wait_for()
        page.get_by_role("button", name=checking.COPY).click()
        page.get_by_role("button", name=texts.COPIED).wait_for()
        page.click("#check-keep")
        page.locator("#links-checks [data-revoke]").wait_for()
        assert "GPT-3" in page.locator("#links-checks .title").inner_text()
        found = Axe().run(page).response
        assert [one["id"] for one in found["violations"] if one["impact"] != "minor"] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tabs = page.locator("#views [role=tab]").all_inner_texts()
        assert len(tabs) == len(set(tabs))
        page.locator("#links-checks [data-revoke]").click()
        page.locator("#links-checks [data-revoke]").wait_for(state="detached")
