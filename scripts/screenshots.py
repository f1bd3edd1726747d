"""Pictures of the page's main states, taken on the real server: `python -m scripts.screenshots`."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
CITED = "What does nucleus sampling do better than top-k?"
SIZED = "How large does the KV cache get?"
UNKNOWN = "Who won the football world cup in 2022?"
CHECKED = "GPT-3 has 150 billion parameters. It was trained on 300 billion tokens."
SIZES = ((360, 740), (768, 1024), (1280, 800), (1920, 1080))
_SHEET, _BESIDE = 500, 900  # below these widths: touch, and the evidence as a sheet
_WAIT_MS = 180_000


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"), help="where they go")
    parser.add_argument("--index", type=Path, help="the index directory")
    parser.add_argument("--url", help="a server that runs already; by default one is started")
    options = parser.parse_args(arguments)
    if not Path(CHROMIUM).exists():
        print("no Chromium; install it with: apt-get install chromium", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with served_at(options.index, options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name in _take(browser, url, options.out):
            print(options.out / name)
        browser.close()
    return 0


@contextmanager
def served_at(index: Path | None, url: str | None, *flags: str) -> Iterator[str]:
    """Start the product on a free port with a database of its own, unless one runs already."""
    if url:
        yield url
        return
    with TemporaryDirectory(prefix="citewise-") as folder:
        command = [sys.executable, "-m", "app", "serve", "--port", "0", "--engine", "openvino"]
        command += flags
        command += ["--database", str(Path(folder) / "citewise.db")]
        command += ["--index", str(index)] if index else []
        with _started(command) as address:
            yield address


@contextmanager
def _started(command: list[str]) -> Iterator[str]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(60)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        found = re.search(r"Citewise is at (http://[\w.:\[\]]+)", line)
        if found:
            # A pipe that nobody reads fills with the log and stops the server.
            threading.Thread(target=deque, args=(process.stderr, 0), daemon=True).start()
            return found[1]
        lines.append(line)
    raise SystemExit("the server did not start:\n" + "".join(lines))


def _take(browser: Browser, url: str, out: Path) -> Iterator[str]:
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            yield from _sized(browser, url, out, scheme, width, height)
    yield from _preview(browser, url, out)
    yield from _talks(browser, url, out)
    yield from _shelf(browser, url, out)


def _sized(
    browser: Browser, url: str, out: Path, scheme: str, width: int, height: int
) -> Iterator[str]:
    """The states at one size: empty, pinned evidence or its sheet, card, dialogs, tabs."""

    def shot(state: str) -> str:
        name = f"{state}-{width}-{scheme}.png"
        page.screenshot(path=out / name, animations="disabled")
        return name

    page = _open(browser, url, scheme, width, height)
    yield shot("empty")
    _ask(page, SIZED)
    _ask(page, CITED)
    cite = page.locator("#live .cite").first
    if width < _SHEET:
        cite.tap()
    else:
        cite.hover()
    page.wait_for_selector("#citation-card:visible")
    yield shot("card")
    page.keyboard.press("Escape")
    page.mouse.move(2, 2)
    if width < _BESIDE:
        page.locator("#live [data-evidence]").click()
    else:
        _pin(page, 2)
    page.wait_for_timeout(400)
    yield shot("evidence")
    page.keyboard.press("Escape")
    page.locator('[data-opens="settings"]').click()
    yield shot("settings")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    yield shot("shortcuts")
    page.keyboard.press("Escape")
    _ask(page, UNKNOWN)
    yield shot("refusal")
    for state in ("check", "planner"):
        _opened(page, state)
        yield shot(state)
    page.context.close()


def _opened(page: Page, tab: str) -> None:
    """Open the tab Check and check a text, or the planner."""
    page.get_by_role("tab", name=tab.capitalize()).click()
    if tab == "check":
        page.fill("#check-box textarea", CHECKED)
        page.click("#check-send")
    shown = ".checked > li" if tab == "check" else ".plan-figures"
    page.locator(shown).first.wait_for(timeout=_WAIT_MS)


def _preview(browser: Browser, url: str, out: Path) -> Iterator[str]:
    """The picture that a link's preview shows; the page serves a copy in app/ui."""
    name = "preview.png"
    page = _open(browser, url, "light", 1200, 630)
    _ask(page, CITED)
    _pin(page, 1)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(400)
    page.screenshot(path=out / name, animations="disabled")
    with Image.open(out / name) as picture:
        picture.convert("RGB").quantize(64).save(out / name, optimize=True)
    yield name
    page.context.close()


def _pin(page: Page, sentence: int) -> None:
    """Pin the evidence of a sentence of the answer in view, counted from 1."""
    page.evaluate("document.activeElement.blur()")
    for _ in range(sentence):
        page.keyboard.press("j")


def _talks(browser: Browser, url: str, out: Path) -> Iterator[str]:
    """Two personas beside each other, what is said of an answer, and the list of conversations."""
    for name, scheme, width, height in (
        ("", "light", 1280, 860),
        ("-dark", "dark", 1280, 860),
        ("-phone", "light", 360, 740),
    ):
        page = _open(browser, url, scheme, width, height)
        _ask(page, SIZED)
        page.locator("#new").click()
        page.locator("#live .turn").wait_for(state="detached")
        _ask(page, CITED)
        page.locator(".turn .menu summary").click()
        page.locator(".turn .menu .items button").last.click()
        page.locator(".voice").nth(1).locator(".after").wait_for(timeout=_WAIT_MS)
        page.wait_for_timeout(700)
        page.screenshot(path=out / f"beside{name}.png", animations="disabled")
        yield f"beside{name}.png"
        page.locator("[data-rate=down]").last.click()
        page.locator("[data-reason]").nth(2).click()
        page.fill("#judge-comment", "It leaves out how p is chosen.")
        page.screenshot(path=out / f"feedback{name}.png", animations="disabled")
        yield f"feedback{name}.png"
        page.locator("#judge [data-close]").click()
        page.get_by_role("tab", name="Conversations").click()
        page.wait_for_selector(".talks li", timeout=_WAIT_MS)
        page.screenshot(path=out / f"conversations{name}.png", animations="disabled")
        yield f"conversations{name}.png"
        page.context.close()


def _shelf(browser: Browser, url: str, out: Path) -> Iterator[str]:
    for name, scheme, width, height in (
        ("browse", "light", 1280, 860),
        ("browse-dark", "dark", 1280, 860),
        ("browse-phone", "light", 360, 740),
    ):
        page = _open(browser, url, scheme, width, height)
        page.get_by_role("tab", name="Browse").click()
        page.wait_for_selector("#shelf-map .dot", state="attached", timeout=_WAIT_MS)
        for view in ("topics", "figures", "map", "corrections"):
            page.locator(f'[data-view="{view}"]').click()
            page.wait_for_timeout(300)
            page.screenshot(path=out / f"{name}-{view}.png", animations="disabled")
            yield f"{name}-{view}.png"
        page.context.close()


def _open(browser: Browser, url: str, scheme: str, width: int, height: int) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=width < 500,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".suggestion:visible", timeout=_WAIT_MS)
    return page


def _ask(page: Page, question: str) -> None:
    page.fill("#box textarea", question)
    page.keyboard.press("Enter")
    page.locator("#live .turn[data-over=true]", has_text=question).wait_for(timeout=_WAIT_MS)
    page.wait_for_timeout(300)


if __name__ == "__main__":
    sys.exit(main())
