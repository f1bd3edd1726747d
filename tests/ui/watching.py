"""An open page of which nothing may be requested elsewhere, thrown or run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}


@contextmanager
def watched(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open the page; it fails the test afterwards if it did anything of these."""
    context = browser.new_context(**(options or {"viewport": {"width": 1280, "height": 860}}))
    context.set_default_timeout(60_000)
    elsewhere: list[str] = []
    thrown: list[str] = []
    context.on(
        "request",
        lambda request: (
            elsewhere.append(request.url)
            if not request.url.startswith((url, "data:", "blob:"))
            else None
        ),
    )
    page = context.new_page()
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(url)
    page.wait_for_selector(".suggestion:visible")
    try:
        yield page
        assert page.evaluate("window.pwned") is None
        assert elsewhere == []
        assert thrown == []
    finally:
        context.close()


def ask(page: Page, question: str) -> None:
    page.fill("#box textarea", question)
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=true]", has_text=question).wait_for()
