"""Where the browser is, and what marks a test that drives it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]

BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not CHROMIUM.exists() and os.environ.get("CI") != "true",
        reason="no Chromium; install it with: apt-get install chromium",
    ),
    # Gradio's queue, in the server's thread, uses what pandas deprecates.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
