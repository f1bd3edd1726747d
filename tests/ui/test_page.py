"""The page in a browser, on a server with a real port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.ui import texts
from tests.ui.chromium import BROWSER
from tests.ui.playing import Page as Served
from tests.ui.playing import PlayingPipeline, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = BROWSER


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    options = getattr(request, "param", {"viewport": {"width": 1280, "height": 860}})
    made = browser.new_context(**options)
    made.set_default_timeout(60_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, site: Served) -> Iterator[Page]:
    """An open page; whatever it requests from elsewhere, or throws, fails the test."""
    elsewhere: list[str] = []
    thrown: list[str] = []
    opened = context.new_page()
    context.on(
        "request",
        lambda request: (
            elsewhere.append(request.url)
            if not request.url.startswith((site.url, "data:", "blob:"))
            else None
        ),
    )
    opened.on("pageerror", lambda error: thrown.append(str(error)))
    opened.goto(site.url)
    opened.wait_for_selector(".suggestion:visible")
    yield opened
    assert elsewhere == []
    assert thrown == []


def _ask(page: Page, question: str, *, wait: bool = True) -> None:
    page.fill("#box textarea", question)
    page.keyboard.press("Enter")
    if wait:
        page.locator("#live .turn[data-over=true]", has_text=question).wait_for()


def test_a_question_is_asked_within_the_sources_that_are_chosen(page: Page, site: Served) -> None:
    page.locator("[data-within=handbook]").click()
    _ask(page, "What is in the handbook?")
    assert site.pipeline.questions[-1].sources == ("handbook",)
    page.reload()
    page.locator("[data-within=handbook][aria-pressed=true]").click()
    _ask(page, "And elsewhere?")
    assert not site.pipeline.questions[-1].sources


def test_ask_read_and_check_a_citation(page: Page, site: Served) -> None:
    _ask(page, "What did Chinchilla find?")
    answer = page.locator("#live .answer")
    assert page.locator(".cite").count() == 3
    assert page.locator("#box textarea").input_value() == ""
    cite = page.locator(".cite").first
    cite.hover()
    card = page.locator("#citation-card")
    card.wait_for()
    quote = card.locator("mark").inner_text()
    assert quote in answer.inner_text()
    assert "Hoffmann et al. (2022)" in card.inner_text()
    assert page.locator("#panel .lit").count() == 1
    assert cite.get_attribute("rel") == "noopener noreferrer"
    assert cite.get_attribute("target") == "_blank"
    href = cite.get_attribute("href")
    assert href is not None
    assert href.startswith("https://")
    page.mouse.move(2, 2)
    card.wait_for(state="hidden")
    assert site.pipeline.questions[-1].persona == "citewise-expert"


def test_a_card_is_quick_and_opens_from_the_keyboard(page: Page) -> None:
    _ask(page, "What did Chinchilla find?")
    took = page.evaluate(
        """() => {
          const cite = document.querySelector(".cite");
          const started = performance.now();
          const over = {bubbles: true, pointerType: "mouse"};
          cite.dispatchEvent(new PointerEvent("pointerover", over));
          const open = !document.getElementById("citation-card").hidden;
          return open ? performance.now() - started : 1e9;
        }"""
    )
    assert took < 100
    page.keyboard.press("Escape")
    page.locator("#citation-card").wait_for(state="hidden")
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.classList.contains('cite')"):
            break
    page.locator("#citation-card mark").wait_for()


def test_what_is_partly_supported_says_so(page: Page) -> None:
    _ask(page, "What did Chinchilla find?")
    page.locator(".claim.partial").first.hover()
    page.locator(".tip", has_text=texts.PARTIAL_TIP).wait_for()


def test_an_answer_streams_and_can_be_stopped(page: Page, site: Served) -> None:
    closed = site.pipeline.cut
    _ask(page, "A slow question", wait=False)
    page.locator("#live .cite").first.wait_for()
    assert page.locator("#live .turn").get_attribute("data-over") == "false"
    page.click("#stop")
    page.get_by_text(texts.STOPPED).wait_for()
    assert page.locator("#live .cite").count() == 1
    assert site.pipeline.cut == closed + 1
    page.locator("#send").wait_for()


def test_an_abstention_offers_questions_that_can_be_answered(page: Page, site: Served) -> None:
    _ask(page, "Please abstain")
    page.get_by_text(texts.MODES["abstained"][0]).wait_for()
    page.get_by_text(texts.NEAREST).wait_for()
    question = site.pipeline.nearest[0]
    page.locator(".suggestion:visible", has_text=question).click()
    page.locator("#live .turn[data-over=true] .question", has_text=question).wait_for()
    assert page.locator("#past .turn").count() == 1
    assert question in page.locator("#past .turn .answer").inner_text()


def test_arabic_and_hebrew_run_from_the_right(page: Page) -> None:
    box = page.locator("#box textarea")
    box.fill("ما هو نموذج اللغة؟")
    assert box.evaluate("box => getComputedStyle(box).direction") == "rtl"
    box.press("Enter")
    page.locator("#live .turn[data-over=true]").wait_for()
    way = "block => getComputedStyle(block).direction"
    assert page.locator("#live .question").evaluate(way) == "rtl"
    assert page.locator("#live .answer p").first.evaluate(way) == "ltr"


def test_a_follow_up_brings_its_history(page: Page, site: Served) -> None:
    _ask(page, "What did Chinchilla find?")
    _ask(page, "And why does it matter?")
    history = site.pipeline.questions[-1].history
    assert [message.role for message in history] == ["user", "assistant"]
    assert history[0].content == "What did Chinchilla find?"
    page.click("#new")
    page.locator("#past .turn").wait_for(state="detached")
    page.locator("#live .turn").wait_for(state="detached")
    _ask(page, "Once more?")
    assert site.pipeline.questions[-1].history == ()


def test_persona_doctrine_and_sampling_reach_the_question(page: Page, site: Served) -> None:
    before = page.locator(".suggestion:visible").all_inner_texts()
    page.select_option("#persona", "citewise-engineer")
    page.wait_for_function(
        "before => document.querySelector('.suggestion')?.innerText !== before", arg=before[0]
    )
    page.get_by_role("button", name=texts.SETTINGS).click()
    page.get_by_label(texts.RESEARCH_LABEL).check()
    page.get_by_label(texts.OWN_LABEL).check()
    page.get_by_role("button", name=texts.DONE).click()
    _ask(page, "How should I fine-tune?")
    asked = site.pipeline.questions[-1]
    assert asked.persona == "citewise-engineer+research"
    assert asked.sampling.top_p == 0.9
    assert asked.passages == 6


def test_trouble_is_told_and_the_question_stays(page: Page) -> None:
    _ask(page, "Please break")
    page.get_by_text(texts.MODEL_AWAY).wait_for()
    page.wait_for_function("document.querySelector('#box textarea').value === 'Please break'")


def test_conflicting_sources_get_a_card(page: Page) -> None:
    _ask(page, "Where do they disagree?")
    card = page.locator(".conflict")
    card.wait_for()
    assert "0.73" in card.inner_text()
    assert "0.50" in card.inner_text()


def test_hostile_text_runs_nothing_and_loads_nothing(page: Page) -> None:
    from tests.ui.playing import HOSTILE

    _ask(page, f"hostile {HOSTILE}")
    page.locator(".cite").first.hover()
    page.locator("#citation-card").wait_for()
    page.locator("#panel summary").first.click()
    page.locator(".how summary").click()
    assert page.evaluate("window.pwned") is None
    assert page.locator("#ask-view img").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert "<script>window.pwned=1</script>" in page.locator("#live .answer").inner_text()


_PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("context", [_PHONE], indirect=True)
def test_a_phone_fits_the_page_and_taps_open_cards(page: Page, context: BrowserContext) -> None:
    _ask(page, "What did Chinchilla find?")
    page.locator(".cite").first.tap()
    card = page.locator("#citation-card")
    card.wait_for()
    box = card.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert len(context.pages) == 1  # the first tap shows, it doesn't leave


def test_the_first_paint_is_soon(context: BrowserContext, site: Served) -> None:
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_selector("#send")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    # Twice the aim of 2.5 s: test machines are shared.
    assert painted < 5000
    assert "default-src 'self'" in (page.request.get(site.url).headers)["content-security-policy"]


def test_a_page_that_nobody_reads_takes_next_to_no_time() -> None:
    with served(PlayingPipeline()):
        time.sleep(1)
        begun = time.process_time()
        time.sleep(3)
        assert time.process_time() - begun < 0.2
