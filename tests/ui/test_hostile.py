"""A handful of attacks on the page in a real browser, over the real pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.ui import mount
from index.live import LiveIndex
from tests.hostile.suite import ASKED, attacks
from tests.hostile.test_attacks import TRUE
from tests.scripted import listening
from tests.ui.chromium import BROWSER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog

pytestmark = BROWSER
CHOSEN = ("html-img", "html-svg", "image", "javascript-entity", "unicode-null", "split-tag-lines")


@pytest.fixture(scope="module")
def site(live_index: LiveIndex) -> Iterator[str]:
    texts = [attack.obeyed(TRUE) for attack in attacks() if attack.id in CHOSEN]
    said = "\n\n".join(texts).replace("evil()", "window.pwned=1")
    settings = PipelineSettings(answer_mode="draft", unsupported="keep")
    pipeline = Pipeline(live_index, ScriptedChatModel(list(said)), settings)
    app = mount(FastAPI(), pipeline)
    with listening(app) as url:
        yield url


def test_nothing_runs_or_calls_out_though_every_sentence_is_kept(
    browser: Browser, site: str
) -> None:
    page = browser.new_page()
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: (
            elsewhere.append(request.url)
            if not request.url.startswith((site, "data:", "blob:"))
            else None
        ),
    )
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(site)
    page.wait_for_selector(".suggestion:visible")
    box = page.locator("textarea").first
    box.fill(f"{ASKED} <img src=x onerror=window.pwned=1>")
    box.press("Enter")
    page.wait_for_selector('article.turn[data-over="true"] .after', timeout=60_000)
    turn = page.locator("article.turn")
    assert page.evaluate("window.pwned") is None
    assert turn.locator("img, svg, iframe, script, form, input, style, object").count() == 0
    links = turn.locator("a").evaluate_all("all => all.map(one => one.href)")
    assert links
    assert all(link.startswith("https://") and "evil" not in link for link in links)
    assert elsewhere == []
    assert dialogs == []
    page.close()
