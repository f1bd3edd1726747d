"""The evidence beside the conversation, and the composer's own states, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.ui import texts
from tests.ui.chromium import BROWSER
from tests.ui.playing import Page as Served
from tests.ui.watching import PHONE, ask, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = BROWSER


def _leave(page: Page) -> None:
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur()")


def test_the_evidence_follows_what_is_read(browser: Browser, site: Served) -> None:
    with watched(browser, site.url) as page:
        ask(page, "What did Chinchilla find?")
        ask(page, "And why does it vary?")
        of = page.locator("#panel .of")
        page.wait_for_function(
            "document.querySelector('#panel .of').textContent === 'And why does it vary?'"
        )
        older = page.locator("#past .cite").nth(1)
        older.hover()
        assert of.inner_text() == "What did Chinchilla find?"
        source = older.get_attribute("data-source")
        lit = page.locator("#panel .lit")
        assert lit.count() == 1
        assert lit.get_attribute("data-sources") == source
        assert lit.locator("mark.here").count() == 1
        _leave(page)
        page.wait_for_function("!document.querySelector('#panel .lit')")
        older.click()
        _leave(page)
        page.wait_for_timeout(500)
        assert of.inner_text() == "What did Chinchilla find?"  # pinned
        assert len(page.context.pages) == 1
        page.locator("[data-unpin]").click()
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_function(
            "document.querySelector('#panel .of').textContent === 'And why does it vary?'"
        )


def test_at_the_end_the_evidence_says_what_became_of_it(browser: Browser, site: Served) -> None:
    with watched(browser, site.url) as page:
        ask(page, "Please abstain")
        page.locator("#panel").get_by_text(texts.NONE_CITED).wait_for()
        ask(page, "Please break")
        page.wait_for_function(
            "document.querySelector('#panel .shown').innerHTML"
            " === document.getElementById('t1-evidence').innerHTML"
        )


def test_sentences_are_stepped_through_by_key(browser: Browser, site: Served) -> None:
    with watched(browser, site.url) as page:
        ask(page, "What did Chinchilla find?")
        _leave(page)
        seen = []
        for key in ("j", "j", "k"):
            page.keyboard.press(key)
            seen.append(page.locator(".claim.at").first.get_attribute("data-claim"))
            assert page.locator("#panel mark.here").count() >= 1
        assert seen == ["0", "1", "0"]
        page.keyboard.press("Escape")
        assert page.locator(".claim.at").count() == 0
        page.keyboard.press("?")
        page.locator("#shortcuts").wait_for()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.matches('#box textarea')")
        page.keyboard.press("ArrowUp")
        assert page.locator("#box textarea").input_value() == "What did Chinchilla find?"
        page.keyboard.press("ArrowDown")
        assert page.locator("#box textarea").input_value() == ""


# Low in the window, so that the card has to be above several lines.
_TO_THE_END = "at => scrollBy(0, at.getBoundingClientRect().bottom - innerHeight + 180)"
# Whether the open card lies over a line of the sentence that it explains.
_COVERS = """name => {
  const card = document.getElementById("citation-card").getBoundingClientRect();
  const claim = /-k(\\d+)-/.exec(name)[1];
  return [...document.querySelectorAll(`.answer [data-claim="${claim}"]`)]
    .flatMap((part) => [...part.getClientRects()])
    .some((line) => line.bottom > card.top + 1 && line.top < card.bottom - 1
      && line.right > card.left && line.left < card.right);
}"""


def test_a_card_leaves_its_sentence_in_sight_and_is_reached_by_key(
    browser: Browser, site: Served
) -> None:
    with watched(browser, site.url) as page:
        ask(page, "What did Chinchilla find?")
        for size in ({"width": 1280, "height": 860}, {"width": 640, "height": 560}):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            for at in range(page.locator(".cite").count()):
                cite = page.locator(".cite").nth(at)
                page.mouse.move(2, 2)
                # Low in the window, so that the card has to be above several lines.
                cite.evaluate(
                    "at => scrollBy(0, at.getBoundingClientRect().bottom - innerHeight + 180)"
                )
                cite.hover()
                page.locator("#citation-card").wait_for()
                assert not page.evaluate(_COVERS, cite.get_attribute("data-card"))
        page.mouse.move(2, 2)
        page.locator(".cite").first.focus()
        page.keyboard.press("Enter")
        inside = "document.getElementById('citation-card').contains(document.activeElement)"
        assert page.evaluate(inside)
        assert len(page.context.pages) == 1
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.matches('.cite')")


def test_the_box_has_states_of_its_own(browser: Browser, site: Served) -> None:
    with watched(browser, site.url) as page:
        hint = page.locator("#hint")
        page.click("#send")
        assert hint.inner_text() == texts.SCRIPT["empty"]
        page.fill("#box textarea", "long " * 2000)
        assert hint.inner_text() == ""
        page.keyboard.press("Enter")
        assert "9999" in hint.inner_text()
        page.fill("#box textarea", "A slow question")
        page.keyboard.press("Enter")
        page.locator("#live .turn[data-over=false]").wait_for()
        page.fill("#box textarea", "And this?")
        page.keyboard.press("Enter")
        assert hint.inner_text() == texts.SCRIPT["busy"]
        page.click("#stop")
        page.locator("#live .turn[data-over=true]").wait_for()
        page.wait_for_function("!document.getElementById('hint').textContent")
        assert page.locator("#box textarea").input_value() == "And this?"


def test_colours_can_be_chosen_and_are_kept(browser: Browser, site: Served) -> None:
    with watched(browser, site.url) as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_role("button", name=texts.SETTINGS).click()
        page.select_option("#theme", "dark")
        assert page.evaluate(ground) != light
        dark = page.evaluate(ground)
        page.reload()
        page.wait_for_selector(".suggestion:visible")
        assert page.evaluate(ground) == dark


def test_on_a_phone_the_evidence_is_a_sheet(browser: Browser, site: Served) -> None:
    with watched(browser, site.url, **PHONE) as page:
        ask(page, "What did Chinchilla find?")
        assert page.locator("#side").is_hidden()
        page.locator("#live [data-evidence]").tap()
        page.locator("#side .cited li").first.wait_for()
        page.locator("[data-fold]").tap()
        page.locator("#side").wait_for(state="hidden")


def test_without_scripts_the_page_says_what_it_is(browser: Browser, site: Served) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site.url)
        assert page.get_by_role("heading", name=texts.TITLE).is_visible()
        assert page.locator("noscript pre").is_visible()
        document = page.content()
        said = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', document))
        assert said["title"] == texts.TITLE
        assert said["image"].startswith(site.url)
        assert "Gradio" not in "".join(re.findall(r"<meta[^>]*>", document))
        assert page.request.get(said["image"]).ok
