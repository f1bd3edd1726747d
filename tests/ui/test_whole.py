"""The whole product in a browser: the endpoint and the page on one server, over the real index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from app.chat_models.scripted import ScriptedChatModel
from app.cli.serve import build_server
from app.config.settings import load_settings
from app.ui import texts
from tests.conftest import MakePipeline
from tests.scripted import running
from tests.ui.chromium import BROWSER

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = BROWSER


@pytest.fixture
def site(make_pipeline: MakePipeline) -> Iterator[str]:
    pipeline = make_pipeline(ScriptedChatModel((), small=True), answer_mode="compose")
    with running(build_server(pipeline, load_settings())) as url:
        yield url


def test_a_cited_answer_and_an_abstention(site: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda r: None if r.url.startswith(site) else elsewhere.append(r.url))
        page.goto(site)
        page.locator(".suggestion:visible").first.wait_for()
        page.fill("#box textarea", "What does nucleus sampling do better than top-k?")
        page.keyboard.press("Enter")
        page.locator("#live .turn[data-over=true]").wait_for()
        page.locator(".cite").first.hover()
        card = page.locator("#citation-card")
        card.wait_for()
        assert "Holtzman" in card.inner_text()
        marked = card.locator("mark").first.inner_text().casefold()
        assert "nucleus" in marked or "top-k" in marked
        page.mouse.move(2, 2)
        page.fill("#box textarea", "How do I install DeepSpeed on Windows 11?")
        page.keyboard.press("Enter")
        page.get_by_text(texts.MODES["abstained"][0]).wait_for()
        page.get_by_text(texts.NEAREST).wait_for()
        assert page.request.get(f"{site}/v1/models").status in (200, 401)
        assert elsewhere == []
