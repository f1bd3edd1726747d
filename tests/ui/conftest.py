"""One browser for a module's tests; an open one keeps its thread from running other loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.ui.chromium import ARGUMENTS, CHROMIUM
from tests.ui.playing import Page as Served
from tests.ui.playing import PlayingPipeline, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM.exists(), "CI needs Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    """The page on a server, without a store."""
    with served(PlayingPipeline()) as running:
        yield running
