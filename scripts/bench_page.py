"""Many readers on the page at once, in a real browser: `python -m scripts.bench_page`.

Each asks at the same moment, of a server whose embedded model writes one answer at a time. What
is told: how the page loads for one reader before that, who was answered, who was told of the queue,
what went wrong and how soon a citation's card opens. The readers' browsers share the server's
cores: they draw four frames a second, or drawing would take most of the time. Status 1: somebody
was not answered.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.screenshots import ARGUMENTS, CHROMIUM, served_at

QUESTIONS = (
    "What does nucleus sampling do better than top-k?",
    "How large does the KV cache get?",
    "Why are attention scores divided by the square root of d_k?",
    "When should I use LoRA?",
    "What did the Chinchilla paper find?",
)
_WATCH = """
window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 250);
window.cancelAnimationFrame = clearTimeout;
window.told = [];
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const status = document.querySelector("#live .status");
  const text = status ? status.textContent : "";
  if (text && window.told.at(-1) !== text) window.told.push(text);
}).observe(document.documentElement, {childList: true, subtree: true, characterData: true}));
"""
# How a page loads: milliseconds, how far things moved (Chromium's layout shift), kilobytes sent.
_LOADING = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value;
}).observe({type: "layout-shift", buffered: true});
addEventListener("DOMContentLoaded", () => new MutationObserver((_, watching) => {
  if (!document.querySelector("#box textarea") || !document.querySelector(".suggestion")) return;
  window.usable = performance.now();
  watching.disconnect();
}).observe(document.documentElement, {childList: true, subtree: true}));
"""
_LOADED = """() => {
  const sent = ["navigation", "resource"]
    .flatMap((kind) => performance.getEntriesByType(kind))
    .map((one) => one.transferSize);
  return {
    first_paint_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
    usable_ms: window.usable,
    layout_shift: window.moved,
    kilobytes: sent.reduce((all, one) => all + one, 0) / 1000,
  };
}"""
_LOADS = 5
_CARD = """() => {
  const cite = document.querySelector(".cite");
  if (!cite) return null;
  const started = performance.now();
  cite.dispatchEvent(new PointerEvent("pointerover", {bubbles: true, pointerType: "mouse"}));
  return document.getElementById("citation-card")?.hidden === false
    ? performance.now() - started : null;
}"""


def main(arguments: list[str] | None = None) -> int:
    """Let readers ask at once; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench_page", description=__doc__)
    parser.add_argument("--readers", type=int, default=20, help="how many ask at once")
    parser.add_argument("--answer-mode", default="draft", help="draft makes them wait in line")
    parser.add_argument("--index", type=Path, help="the index directory")
    parser.add_argument("--url", help="a server that runs already; by default one is started")
    parser.add_argument("--seconds", type=float, default=900, help="how long answers may take")
    options = parser.parse_args(arguments)
    if not Path(CHROMIUM).exists():
        print("no Chromium; install it with: apt-get install chromium", file=sys.stderr)
        return 2
    flags = ("--answer-mode", options.answer_mode)
    with served_at(options.index, options.url, *flags) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        found = _measure(browser, url, options.readers, options.seconds)
        browser.close()
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 0 if found["answered"] == options.readers and not found["trouble"] else 1


def _measure(browser: Browser, url: str, readers: int, seconds: float) -> dict[str, object]:
    loads = [_load(browser, url) for _ in range(_LOADS)]
    pages = [_opened(browser, url) for _ in range(readers)]
    began = time.perf_counter()
    for number, page in enumerate(pages):
        page.fill("#box textarea", QUESTIONS[number % len(QUESTIONS)])
        page.keyboard.press("Enter")
    done: dict[int, float] = {}
    while len(done) < readers and time.perf_counter() - began < seconds:
        for number, page in enumerate(pages):
            if number not in done and page.locator("#live .turn[data-over=true]").count():
                done[number] = time.perf_counter() - began
        time.sleep(2)
    trouble = [page.locator(".trouble").first.inner_text() for page in pages if _troubled(page)]
    cards = [took for page in pages if (took := page.evaluate(_CARD)) is not None]
    queued = sum("ahead of yours" in "\n".join(page.evaluate("window.told")) for page in pages)
    times = sorted(done.values())
    return {
        "readers": readers,
        "answered": len(done) - len(trouble),
        "told_of_the_queue": queued,
        "trouble": trouble,
        "seconds_median": round(statistics.median(times), 1) if times else None,
        "seconds_last": round(times[-1], 1) if times else None,
        "loading": {
            name: [round(pick(one[name] for one in loads), 3) for pick in (statistics.median, max)]
            for name in loads[0]
        },
        "card_ms_median": round(statistics.median(cards), 1) if cards else None,
        "card_ms_most": round(max(cards), 1) if cards else None,
    }


def _troubled(page: Page) -> bool:
    return page.locator(".turn .trouble").count() > 0


def _load(browser: Browser, url: str) -> dict[str, float]:
    """Load the page for a reader who has nothing of it yet; its values are named in `_LOADED`."""
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.add_init_script(_LOADING)
    page.goto(url)
    page.wait_for_selector(".suggestion:visible", timeout=120_000)
    loaded: dict[str, float] = page.evaluate(_LOADED)
    page.context.close()
    return loaded


def _opened(browser: Browser, url: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    page = context.new_page()
    page.add_init_script(_WATCH)
    page.goto(url)
    page.wait_for_selector(".suggestion:visible", timeout=120_000)
    return page


if __name__ == "__main__":
    sys.exit(main())
