"""`app settings`: every setting with its default, as text or as the page of the documentation."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from app.config.settings import ROOT, Settings
from index.cli import print_json

__all__ = ["page", "settings"]

_OPENING = """# Settings

Each is a key of `citewise.toml` in the working folder, a variable (`CITEWISE_` and the name in
capitals) and, where `--help` lists it, a flag. Flags come before variables, and those before the
file. Unknown keys and variables are refused. In a variable a list has commas between its items.

This page is made by `python -m app settings --markdown`.

| setting | default | what it is |
|---|---|---|
"""


def settings(options: argparse.Namespace) -> int:
    """Print the settings, their defaults and what they are."""
    if options.markdown:
        print(page(), end="")
    elif options.json:
        print_json([{"setting": n, "default": d, "what": w} for n, d, w in _rows()])
    else:
        for name, default, what in _rows():
            print(f"{name}\n    {what}\n    default: {default or 'none'}")
    return 0


def page() -> str:
    """Return the page of the documentation, docs/settings.md."""
    rows = "".join(
        f"| `{name}` | {f'`{default}`' if default else '–'} | {what} |\n"
        for name, default, what in _rows()
    )
    return _OPENING + rows


def _rows() -> Iterator[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        yield name, _shown(field.get_default(call_default_factory=True)), str(field.description)


def _shown(default: Any) -> str:  # noqa: ANN401 - any setting's default
    if default is None or default in ((), ""):
        return ""
    # Folders of this checkout are told as they stand in any.
    return str(default).removeprefix(f"{ROOT}/")
