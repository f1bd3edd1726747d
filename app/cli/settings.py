"""`app settings`: every setting with its default, as text or as the page of the documentation."""

from __future__ import annotations

import argparse

from app.config.flags import described
from app.config.settings import GROUPS
from index.cli import print_json

__all__ = ["page", "settings"]

_OPENING = """# Settings

Each is a key of `citewise.toml` in the working folder, a variable (`CITEWISE_` and the name in
capitals) and a flag of the commands that it matters to (`--` and the name with dashes). Flags come
before variables, and those before the file. Unknown keys and variables are refused. In a variable
or flag a list has commas between its items. A secret has no flag: other users of a machine can read
a command line.

This page is made by `python -m app settings --markdown`.
"""


def settings(options: argparse.Namespace) -> int:
    """Print the settings, their defaults and what they are."""
    every = [setting for group in GROUPS for setting in described(group)]
    if options.markdown:
        print(page(), end="")
    elif options.json:
        print_json(
            [
                {"setting": s.name, "values": s.values, "default": s.default, "what": s.what}
                for s in every
            ]
        )
    else:
        for s in every:
            print(f"{s.name}\n    {s.what}\n    {s.values}; default: {s.default or 'none'}")
    return 0


def page() -> str:
    """Return the page of the documentation, docs/settings.md."""
    parts = [_OPENING]
    for group in GROUPS:
        parts.append(
            f"\n## {str(group.__doc__).rstrip('.')}\n\n"
            "| setting | values | default | what it is |\n|---|---|---|---|\n"
        )
        for s in described(group):
            default = f"`{s.default}`" if s.default else "–"
            parts.append(f"| `{s.name}` | {s.values} | {default} | {s.what} |\n")
    return "".join(parts)
