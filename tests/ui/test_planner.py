"""The planner in a browser: worked out as one chooses, kept by a link, hostile inputs inert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.ui import texts_planner as texts
from index.calculations import calculate
from tests.ui.chromium import BROWSER
from tests.ui.playing import HOSTILE
from tests.ui.playing import Page as Served
from tests.ui.watching import PHONE, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = BROWSER


@pytest.fixture
def page(browser: Browser, site: Served) -> Iterator[Page]:
    with watched(browser, site.url) as opened:
        _planner(opened)
        yield opened


def _planner(page: Page) -> None:
    page.get_by_role("tab", name=texts.TAB).click()
    page.locator("#plan-result .plan-verdict").wait_for()


def test_a_change_is_worked_out_at_once_and_its_link_opens_it_again(page: Page) -> None:
    page.fill("#plan-model", "Llama 3.1 70B")
    page.fill("#plan-gpu", "H100")
    page.fill("#plan-gpus", "4")
    page.fill("#plan-tokens", "32k")
    page.fill("#plan-price", "2.5")
    page.locator(".plan-figures .unknown").first.wait_for(state="detached")
    page.locator("#plan-result .fits").wait_for()
    figures = page.locator(".plan-figures dd").all_inner_texts()
    link = page.locator("#plan-result .plan-link a").get_attribute("href")
    assert link is not None
    again = page.context.new_page()
    again.goto(page.url.partition("#")[0] + link)
    again.locator("#plan-result .fits").wait_for()
    assert again.locator("#plan-model").input_value() == "Llama 3.1 70B"
    assert again.locator(".plan-figures dd").all_inner_texts() == figures


def test_what_does_not_fit_is_marked_in_the_chart(page: Page) -> None:
    page.fill("#plan-tokens", "128k")
    page.locator("#plan-result .beyond").first.wait_for()
    beyond = page.locator(".at-length.beyond").count()
    assert 0 < beyond < page.locator(".at-length").count()
    page.locator(".plan-lengths summary").click()
    assert page.locator(".plan-lengths td", has_text=texts.BEYOND).count() == beyond


def test_any_calculation_can_be_chosen_and_filled_in(page: Page) -> None:
    page.select_option("#calculation", "perplexity")
    page.fill("#calculation-loss", "2")
    page.locator("#calculation-result", has_text="7.389").wait_for()


def test_what_is_impossible_is_told_and_hostile_text_stays_text(page: Page) -> None:
    page.fill("#plan-gpus", "-3")
    page.locator("#plan-result .plan-trouble", has_text="gpus").wait_for()
    page.fill("#plan-gpus", "1")
    page.fill("#plan-model", HOSTILE[:200])
    page.locator("#plan-result .plan-trouble", has_text="window.pwned").wait_for()
    assert page.locator("#plan-result img, #plan-result script").count() == 0


def test_an_answers_calculation_opens_with_its_inputs(browser: Browser, site: Served) -> None:
    link = "#plan=kv-cache&model=llama-3.1-8b&tokens=8192.0"
    with watched(browser, site.url) as page:
        page.evaluate("link => { location.hash = link }", link)
        page.locator("#calculation-result .plan-verdict").wait_for()
        value = calculate("kv-cache", {"model": "llama-3.1-8b", "tokens": 8192}).result.value
        assert f"{value / 2**30:g} GiB" in page.locator("#calculation-result").inner_text()


def test_a_calculation_of_an_answer_is_changed_where_it_stands(
    browser: Browser, site: Served
) -> None:
    with watched(browser, site.url) as page:
        page.fill("#box textarea", "calculate the memory")
        page.keyboard.press("Enter")
        card = page.locator("#live .calculated")
        card.wait_for()
        shares = card.locator(".share")
        before = shares.last.get_attribute("style")
        assert card.locator("[name=tokens]").input_value() == "8,192"
        card.locator("[name=tokens]").fill("128k")
        card.locator(".plan-verdict").wait_for()
        again = calculate(
            "inference-memory", {"model": "llama-3.1-8b", "gpu": "rtx-4090", "tokens": 131072}
        ).result
        assert again.verdict in card.locator(".plan-verdict").inner_text()
        assert shares.last.get_attribute("style") != before
        assert "tokens=128k" in (card.locator(".plan-link a").get_attribute("href") or "")
        card.locator("[name=gpus]").fill("-1")
        card.locator(".plan-trouble", has_text="gpus").wait_for()
        card.locator("[name=model]").fill(HOSTILE[:200])
        card.locator(".plan-trouble", has_text="window.pwned").wait_for()
        assert card.locator("img, script").count() == 0
        assert page.locator("#live .turn").count() == 1


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, site: Served) -> None:
    with watched(browser, site.url, **PHONE) as page:
        _planner(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
