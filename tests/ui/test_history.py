"""Conversations in a browser: kept, found again, searched, deleted, asked anew, judged."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli.database import feedback_line
from app.store import Store, open_store
from app.ui import texts
from app.ui.conversation import Turn
from app.ui.persistence import Keeper, SavedState
from tests.ui.chromium import BROWSER
from tests.ui.playing import HOSTILE, PlayingPipeline, served
from tests.ui.playing import Page as Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = BROWSER
_WIDE = {"viewport": {"width": 1280, "height": 860}}
_PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(str(tmp_path_factory.mktemp("talks") / "talks.db"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(store: Store) -> Iterator[Served]:
    with served(PlayingPipeline(), store) as running:
        yield running


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A reader; what the page requests from elsewhere, or throws, fails the test."""
    made = browser.new_context(**getattr(request, "param", _WIDE))
    made.set_default_timeout(60_000)
    elsewhere: list[str] = []
    thrown: list[str] = []
    ours = re.compile(r"http://127\.0\.0\.1:|data:|blob:")
    made.on("request", lambda r: None if ours.match(r.url) else elsewhere.append(r.url))
    made.on("weberror", lambda error: thrown.append(str(error.error)))
    yield made
    made.close()
    assert elsewhere == []
    assert thrown == []


@pytest.fixture
def page(context: BrowserContext, site: Served) -> Page:
    return opened(context, site.url)


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".suggestion:visible")
    return page


def ask(page: Page, question: str) -> None:
    page.fill("#box textarea", question)
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=true]", has_text=question).wait_for()


def kept(page: Page) -> str:
    """Wait until the conversation has its address; return it."""
    page.wait_for_function("location.hash.startsWith('#conversation=')")
    address: str = page.evaluate("location.hash")
    return address


def listed(page: Page) -> list[str]:
    page.get_by_role("tab", name=texts.TAB_HISTORY).click()
    page.wait_for_selector(".talks .title, #talks-list .faint")
    return page.locator(".talks .title").all_inner_texts()


def test_a_reload_finds_the_conversation_with_its_citations(page: Page) -> None:
    ask(page, "What did Chinchilla find?")
    ask(page, "And where do they disagree?")
    address = kept(page)
    answers = page.locator(".answer").all_inner_texts()
    page.reload()
    page.locator("#live .turn", has_text="And where do they disagree?").wait_for()
    assert page.locator("#past .turn", has_text="What did Chinchilla find?").count() == 1
    assert page.locator(".answer").all_inner_texts() == answers
    assert page.evaluate("location.hash") == address
    page.locator("#past .cite").first.hover()
    card = page.locator("#citation-card")
    card.wait_for()
    assert "Hoffmann et al. (2022)" in card.inner_text()
    assert "0.73" in page.locator("#live .conflict").inner_text()
    page.locator(".suggestion:visible").first.wait_for()


def test_a_question_asked_while_an_answer_is_being_kept_is_answered(
    page: Page, site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Keeper.keep

    async def slowly(
        self: Keeper, saved: SavedState, owner: str | None, turns: Sequence[Turn]
    ) -> str:
        await asyncio.sleep(1)
        return await keep(self, saved, owner, turns)

    monkeypatch.setattr(Keeper, "keep", slowly)
    for number in range(3):
        ask(page, f"What is number {number}?")
    history = site.pipeline.questions[-1].history
    assert [one.content for one in history if one.role == "user"] == [
        "What is number 0?",
        "What is number 1?",
    ]
    page.locator(".suggestion").first.click()
    page.locator("#past .turn", has_text="What is number 2?").wait_for()


def test_a_question_asked_while_another_is_answered_stays_in_the_box(
    page: Page, site: Served
) -> None:
    page.fill("#box textarea", "A slow question")
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=false] .cite").first.wait_for()
    page.fill("#box textarea", "Is this lost?")
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=true]").wait_for()
    assert page.locator("#box textarea").input_value() == "Is this lost?"
    page.locator("#box textarea").press("Enter")
    page.locator("#live .turn[data-over=true]", has_text="Is this lost?").wait_for()
    assert site.pipeline.questions[-1].history[0].content == "A slow question"


def test_a_reopened_conversation_goes_on(page: Page, site: Served) -> None:
    ask(page, "What did Chinchilla find?")
    address = kept(page)
    page.reload()
    page.locator("#live .turn").wait_for()
    ask(page, "Why does it matter?")
    assert site.pipeline.questions[-1].history[0].content == "What did Chinchilla find?"
    assert kept(page) == address
    page.reload()
    page.locator("#live .turn", has_text="Why does it matter?").wait_for()
    assert page.locator("#past .turn").count() == 1


def test_the_list_is_searched_as_one_types_and_opens(page: Page) -> None:
    for question in ("How do zebras count?", "Why do lions vary?"):
        ask(page, question)
        kept(page)
        page.click("#new")
        page.locator("#live .turn").wait_for(state="detached")
    assert listed(page)[:2] == ["Why do lions vary?", "How do zebras count?"]
    moment = page.locator(".talks time").first
    assert moment.inner_text().startswith(texts.SCRIPT["today"])
    page.locator("#talks-search input, #talks-search textarea").press_sequentially("ZEBR")
    page.wait_for_function("document.querySelectorAll('.talks li').length === 1")
    page.fill("#talks-search input, #talks-search textarea", "no such words")
    page.get_by_text(texts.HISTORY_NONE).wait_for()
    page.fill("#talks-search input, #talks-search textarea", "zebras chinchilla")
    page.locator(".talks a", has_text="zebras").click()
    page.locator("#live .turn", has_text="How do zebras count?").wait_for()
    assert page.locator("#box").is_visible()


def test_a_conversation_is_renamed_in_its_place(page: Page) -> None:
    ask(page, "What is renamed?")
    kept(page)
    listed(page)
    page.locator("[data-rename]").first.click()
    page.keyboard.press("Escape")
    assert page.locator("#talks-list input").count() == 0
    page.locator("[data-rename]").first.click()
    page.keyboard.type("<b>My</b> notes")
    page.keyboard.press("Enter")
    page.locator(".talks .title", has_text="<b>My</b> notes").wait_for()
    page.fill("#talks-search textarea, #talks-search input", "my notes")
    page.wait_for_function("document.querySelectorAll('.talks .title').length === 1")


def test_deleting_asks_first_and_empties_the_page(page: Page) -> None:
    ask(page, "Shall this go?")
    address = kept(page)
    listed(page)
    page.get_by_role("button", name=texts.DELETE_NAMED.format(title="Shall this go?")).click()
    page.locator("#confirm").get_by_role("button", name=texts.KEEP_IT).click()
    assert page.locator(".talks li").count() == 1
    page.get_by_role("button", name=texts.DELETE_NAMED.format(title="Shall this go?")).click()
    assert "Shall this go?" in page.locator("#confirm h2").inner_text()
    page.locator("#confirm [data-confirm]").click()
    page.get_by_text(texts.HISTORY_EMPTY).wait_for()
    page.get_by_role("tab", name=texts.TAB_ASK).click()
    assert page.locator(".turn").count() == 0
    assert page.evaluate("location.hash") == ""
    page.evaluate("address => { location.hash = address; }", address)
    page.get_by_text(texts.TALK_GONE).wait_for()


def test_all_are_deleted_at_once(page: Page) -> None:
    for question in ("First of all?", "Second of all?"):
        ask(page, question)
        kept(page)
        page.click("#new")
        page.locator("#live .turn").wait_for(state="detached")
    assert len(listed(page)) == 2
    page.get_by_role("button", name=texts.DELETE_ALL).click()
    page.locator("#confirm [data-confirm]").click()
    page.get_by_text(texts.HISTORY_EMPTY).wait_for()


def test_another_reader_sees_nothing_of_it(page: Page, browser: Browser, site: Served) -> None:
    ask(page, "Is this mine alone?")
    address = kept(page)
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    with browser.new_context() as other:
        stranger = other.new_page()
        stranger.goto(f"{site.url}/{address}")
        stranger.get_by_text(texts.TALK_GONE).wait_for()
        assert stranger.locator(".turn").count() == 0
        stranger.get_by_role("tab", name=texts.TAB_HISTORY).click()
        stranger.get_by_text(texts.HISTORY_EMPTY).wait_for()


def test_hostile_text_runs_nothing_when_it_is_reopened(page: Page) -> None:
    ask(page, f"hostile {HOSTILE}")
    kept(page)
    page.locator("[data-rate=down]").click()
    page.fill("#judge-comment", HOSTILE)
    page.locator("#judge-of").select_option(index=1)
    page.locator("#judge [data-send]").click()
    page.locator(".said", has_text=texts.JUDGED).wait_for()
    page.reload()
    page.locator("#live .turn").wait_for()
    page.locator(".said", has_text=texts.JUDGED).wait_for()
    page.locator(".cite").first.hover()
    page.locator("#citation-card").wait_for()
    page.keyboard.press("Escape")
    page.locator("[data-edit]").click()
    assert page.locator(".editing textarea").input_value() == f"hostile {HOSTILE}"
    assert listed(page)[0].startswith("hostile <img src=x")
    page.locator("[data-delete]").first.click()
    assert "<script>" in page.locator("#confirm h2").inner_text()
    assert page.evaluate("window.pwned") is None
    inert = "#ask-view img, #talks-view img, dialog img, a[href^='javascript'], .turn script"
    assert page.locator(inert).count() == 0


def test_an_answer_is_asked_for_again(page: Page, site: Served) -> None:
    ask(page, "Please vary it")
    before = page.locator("#live .answer").inner_text()
    page.get_by_role("button", name=texts.AGAIN).click()
    page.locator(".earlier").wait_for()
    assert page.locator("#live .answer").first.inner_text() != before
    page.locator(".earlier > summary").click()
    assert page.locator(".earlier .answer").inner_text() == before
    assert site.pipeline.questions[-1].persona == site.pipeline.questions[-2].persona
    assert site.pipeline.questions[-1].history == ()
    page.get_by_role("button", name=texts.AGAIN).wait_for()
    kept(page)
    page.reload()
    page.locator(".earlier").wait_for()
    ask(page, "And then?")
    assert len(site.pipeline.questions[-1].history) == 2


@pytest.mark.parametrize("context", [_WIDE, _PHONE], indirect=True)
def test_another_persona_answers_beside(page: Page, site: Served) -> None:
    ask(page, "Who is right?")
    page.locator(".turn .menu summary").click()
    page.locator(".menu").get_by_role(
        "button", name=re.compile("researcher", re.IGNORECASE)
    ).click()
    page.locator(".voice").nth(1).locator(".after").wait_for()
    assert site.pipeline.questions[-1].persona == "citewise-architect"
    left, right = (page.locator(".voice").nth(n).bounding_box() for n in (0, 1))
    assert left is not None
    assert right is not None
    if page.viewport_size == _PHONE["viewport"]:
        assert right["y"] >= left["y"] + left["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    else:
        assert right["x"] >= left["x"] + left["width"] - 1
        assert abs(right["y"] - left["y"]) < 2
    kept(page)
    page.reload()
    page.locator(".voice").nth(1).locator(".after").wait_for()
    assert page.locator(".turn").count() == 1


def test_an_edited_question_sets_the_later_turns_aside(page: Page, site: Served) -> None:
    ask(page, "What did Chinchila find?")
    ask(page, "And after that?")
    old = kept(page)
    page.locator("#past [data-edit]").click()
    page.locator(".editing textarea").fill("What did Chinchilla find?")
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=true]", has_text="What did Chinchilla find?").wait_for()
    assert page.locator(".turn").count() == 1
    assert site.pipeline.questions[-1].history == ()
    page.wait_for_function("old => location.hash && location.hash !== old", arg=old)
    page.get_by_role("link", name=texts.AS_IT_WAS).click()
    page.locator("#live .turn", has_text="And after that?").wait_for()
    assert page.locator("#past .turn", has_text="Chinchila").count() == 1


def test_copying_brings_the_sources_along(context: BrowserContext, site: Served) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened(context, site.url)
    ask(page, "What did Chinchilla find?")
    page.locator("[data-copy]").click()
    page.get_by_text("Copied").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"\n\nSources\n\[1\] Hoffmann et al\. \(2022\).*\n    https://", text)


def test_feedback_on_the_answer_can_be_changed(page: Page, store: Store) -> None:
    ask(page, "Was that good?")
    page.locator("[data-rate=up]").click()
    page.locator("[data-rate=up][aria-pressed=true]").wait_for()
    assert texts.JUDGED_GOOD in page.locator(".said").inner_text()
    page.locator("[data-rate=down]").click()
    page.get_by_role("button", name=texts.REASONS["wrong"], exact=True).click()
    page.get_by_role("button", name=texts.REASONS["incomplete"]).click()
    page.fill("#judge-comment", "It was 2023.")
    page.locator("#judge [data-send]").click()
    page.locator("[data-rate=down][aria-pressed=true]").wait_for()
    assert page.locator("#judge").is_hidden()
    assert "wrong, incomplete" in page.locator(".said").inner_text()
    first, second = [
        one for one in store.feedback.export() if one.exchange.question == "Was that good?"
    ]
    assert first.judgement.rating == "up"
    assert second.judgement.reasons == ("wrong", "incomplete")
    assert second.judgement.comment == "It was 2023."
    kept(page)
    page.reload()
    page.locator("[data-rate=down][aria-pressed=true]").wait_for()


def test_feedback_on_one_sentence_from_its_card(page: Page, store: Store) -> None:
    ask(page, "What came first?")
    ask(page, "Is each sentence right?")
    page.locator("#live .cite").nth(1).hover()
    page.locator("#citation-card .judge-claim").click()
    assert page.locator("#judge-of").input_value() == "1"
    page.get_by_role("button", name=texts.REASONS["not_supported"]).click()
    page.locator("#judge [data-send]").click()
    page.locator("#live .said", has_text="1 sentence").wait_for()
    (given,) = [
        one for one in store.feedback.export() if one.exchange.question.startswith("Is each")
    ]
    line = json.loads(json.dumps(feedback_line(given)))
    assert line["claim"] == 1
    assert line["reasons"] == ["not_supported"]
    assert line["subject"] == line["answer"]["id"]
    assert [message["role"] for message in line["history"]] == ["user", "assistant"]
    assert line["history"][0]["content"] == "What came first?"
    assert line["hits"]


def test_without_keeping_there_is_no_list_but_feedback(browser: Browser, store: Store) -> None:
    with served(PlayingPipeline(), store, keep=False) as off, browser.new_context() as reader:
        page = opened(reader, off.url)
        ask(page, "Is this forgotten?")
        assert page.get_by_role("tab", name=texts.TAB_HISTORY).count() == 0
        page.locator("[data-rate=up]").click()
        page.locator("[data-rate=up][aria-pressed=true]").wait_for()
        assert page.evaluate("location.hash") == ""
    found = [one for one in store.feedback.export() if one.exchange.question.startswith("Is this")]
    assert len(found) == 1


def test_a_database_that_fails_costs_no_answer(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "failing.db"
    with (
        closing(open_store(str(file))) as failing,
        served(PlayingPipeline(), failing) as site,
        browser.new_context() as reader,
    ):
        page = opened(reader, site.url)
        with closing(sqlite3.connect(file)) as other:
            other.execute("ALTER TABLE turns RENAME TO aside")
            other.execute("ALTER TABLE feedback RENAME TO aside_too")
        ask(page, "Is this lost?")
        page.get_by_text(texts.KEEP_FAILED).wait_for()
        assert page.locator("#live .cite").count() == 3
        page.locator("[data-rate=down]").click()
        page.fill("#judge-comment", "My words")
        page.locator("#judge [data-send]").click()
        page.get_by_text(texts.JUDGED_FAILED).wait_for()
        assert page.locator("#judge-comment").input_value() == "My words"
        page.keyboard.press("Escape")
        with closing(sqlite3.connect(file)) as other:
            other.execute("ALTER TABLE aside RENAME TO turns")
        ask(page, "And this?")
        kept(page)
        page.reload()
        page.locator("#live .turn", has_text="And this?").wait_for()
        assert page.locator("#past .turn", has_text="Is this lost?").count() == 1


def test_what_was_left_in_the_middle_is_found_with_its_question(page: Page) -> None:
    ask(page, "What came before?")
    kept(page)
    page.fill("#box textarea", "A slow question")
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=false] .cite").first.wait_for()
    page.reload()
    page.locator(".turn", has_text="What came before?").wait_for()
    assert page.locator("#box textarea").input_value() == "A slow question"
    for _ in range(20):
        if page.locator("#live .stopped").count():
            break
        page.wait_for_timeout(500)
        page.reload()
        page.locator("#live .turn").wait_for()
    assert page.locator("#live .stopped").count() == 1
    assert 1 <= page.locator("#live .cite").count() < 3


def test_a_server_that_went_away_is_told_and_comes_back(browser: Browser, store: Store) -> None:
    with browser.new_context() as reader:
        reader.set_default_timeout(60_000)
        with served(PlayingPipeline(), store) as site:
            port = int(site.url.rpartition(":")[2])
            page = opened(reader, site.url)
            ask(page, "Is it there?")
            kept(page)
            page.fill("#box textarea", "A slow question")
            page.keyboard.press("Enter")
            page.locator("#live .turn[data-over=false] .cite").first.wait_for()
        page.get_by_text(texts.SCRIPT["gone"]).wait_for()
        assert page.locator("#past .turn", has_text="Is it there?").count() == 1
        with served(PlayingPipeline(), store, port=port):
            page.locator("#gone").wait_for(state="detached")
            page.locator(".turn", has_text="Is it there?").wait_for()
            assert page.locator("#box textarea").input_value() == "A slow question"
            ask(page, "Does it go on?")


def test_a_server_never_reached_again_after_the_page_is_told_too(
    browser: Browser, store: Store
) -> None:
    with browser.new_context() as reader, served(PlayingPipeline(), store) as site:
        reader.route("**/app_id", lambda route: route.abort())
        page = opened(reader, site.url)
        page.get_by_text(texts.SCRIPT["gone"]).wait_for()
        page.evaluate("window.loaded_once = true")
        reader.unroute("**/app_id")
        page.get_by_text(texts.SCRIPT["back"]).wait_for()
        assert page.evaluate("window.loaded_once")
