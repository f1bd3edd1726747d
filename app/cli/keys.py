"""`app keys`: add, list and revoke the endpoint's keys."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.api.keys import add_key, read_keys, revoke_key
from app.config.settings import load_settings
from app.record.errors import SettingsError
from index.cli import print_json, say

__all__ = ["keys"]


def keys(options: argparse.Namespace) -> int:
    """Run one of the three; a new key is printed once, on standard output."""
    path: Path | None = options.file or load_settings().api_keys_file
    if path is None:
        raise SettingsError(
            "no keys file is set; name one with --file PATH or the setting api_keys_file"
        )
    if options.action == "list":
        for key in read_keys(path):
            print_json(
                {
                    "name": key.name,
                    "created": key.created,
                    "requests_per_minute": key.requests_per_minute,
                    "tokens_per_day": key.tokens_per_day,
                    "write": key.write,
                }
            )
        return 0
    if not options.name:
        raise SettingsError(f"keys {options.action} needs the name of the key")
    if options.action == "add":
        print(
            add_key(
                path,
                options.name,
                requests_per_minute=options.requests_per_minute,
                tokens_per_day=options.tokens_per_day,
                write=options.write,
            )
        )
        say(f"kept as a hash in {path}; it can't be shown again")
    else:
        revoke_key(path, options.name)
        say(f"revoked: {options.name}")
    return 0
