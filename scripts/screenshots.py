"""Pictures of the page's main states, taken on the real server: `python -m scripts.screenshots`."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
CITED = "What does nucleus sampling do better than top-k?"
UNKNOWN = "Who won the football world cup in 2022?"
_WAIT_MS = 180_000


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="where they go")
    parser.add_argument("--index", type=Path, help="the index directory")
    parser.add_argument("--url", help="a server that runs already; by default one is started")
    options = parser.parse_args(arguments)
    if not Path(CHROMIUM).exists():
        print("no Chromium; install it with: apt-get install chromium", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with _server(options.index, options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name in _take(browser, url, options.out):
            print(options.out / name)
        browser.close()
    return 0


@contextmanager
def _server(index: Path | None, url: str | None) -> Iterator[str]:
    """Start the product on a free port, unless one runs already."""
    if url:
        yield url
        return
    command = [sys.executable, "-m", "app", "serve", "--port", "0"]
    command += ["--index", str(index)] if index else []
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
        found = re.search(r"http://[\w.:\[\]]+", line)
        if found:
            return found[0]
        lines.append(line)
    raise SystemExit("the server did not start:\n" + "".join(lines))


def _take(browser: Browser, url: str, out: Path) -> Iterator[str]:
    for scheme in ("light", "dark"):
        page = _open(browser, url, scheme, 1280, 860)
        page.screenshot(path=out / f"empty-{scheme}.png")
        yield f"empty-{scheme}.png"
        _ask(page, CITED)
        page.locator(".cite").first.hover()
        page.wait_for_selector("#citation-card:visible")
        page.screenshot(path=out / f"answer-{scheme}.png", animations="disabled")
        yield f"answer-{scheme}.png"
        page.mouse.move(2, 2)
        _ask(page, UNKNOWN)
        page.wait_for_timeout(700)
        page.screenshot(path=out / f"abstention-{scheme}.png", animations="disabled")
        yield f"abstention-{scheme}.png"
        page.context.close()
    page = _open(browser, url, "light", 360, 740)
    _ask(page, CITED)
    page.locator(".cite").first.tap()
    page.wait_for_selector("#citation-card:visible")
    page.screenshot(path=out / "phone.png", animations="disabled")
    yield "phone.png"
    page.context.close()
    yield from _shelf(browser, url, out)


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
