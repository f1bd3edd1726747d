"""What a reader takes along: files from the page, opened as they were saved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bibtexparser.entrypoint import parse_string

from app.ui import texts
from tests.ui.chromium import BROWSER
from tests.ui.playing import HOSTILE
from tests.ui.playing import Page as Served
from tests.ui.watching import ask, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = BROWSER


def _saved(page: Page, kind: str, folder: Path) -> Path:
    with page.expect_download() as saving:
        page.locator("#export summary").click()
        page.click(f"#save-{kind}")
    path = folder / saving.value.suggested_filename
    saving.value.save_as(path)
    return path


def test_a_conversation_is_saved_in_every_form(
    browser: Browser, site: Served, tmp_path: Path
) -> None:
    with watched(browser, site.url) as page:
        ask(page, "What did Chinchilla find?")
        files = {kind: _saved(page, kind, tmp_path) for kind in texts.SAVES}
    assert {path.name for path in files.values()} == {
        f"citewise-what-did-chinchilla-find.{ending}" for ending in ("md", "html", "json", "bib")
    }
    text = files["markdown"].read_text(encoding="utf-8")
    assert "## What did Chinchilla find?" in text
    assert re.search(r"^1\. Hoffmann", text, re.MULTILINE)
    record = json.loads(files["json"].read_text(encoding="utf-8"))
    assert record["turns"][0]["outcome"] == "answered"
    library = parse_string(files["bibtex"].read_text(encoding="utf-8"))
    assert len(library.entries) == len(record["bibliography"])


def test_a_saved_page_of_hostile_texts_runs_and_loads_nothing(
    browser: Browser, site: Served, tmp_path: Path
) -> None:
    with watched(browser, site.url) as page:
        ask(page, f"hostile {HOSTILE}")
        path = _saved(page, "html", tmp_path)
    context = browser.new_context(viewport={"width": 360, "height": 740})
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    opened = context.new_page()
    opened.goto(path.as_uri())
    assert opened.evaluate("window.pwned") is None
    assert opened.locator("img, script, iframe").count() == 0
    assert requested == [path.as_uri()]
    assert "<script>window.pwned=1</script>" in opened.locator(".answer").inner_text()
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    opened.locator(".cite").last.click()
    assert opened.evaluate("location.hash").startswith("#source-")
    context.close()
