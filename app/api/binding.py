"""Where the server may listen: this machine, unless keys are set or someone says so."""

from __future__ import annotations

import ipaddress

from app.api.keys import read_keys
from app.config.settings import Settings
from app.record.errors import SettingsError

__all__ = ["check_binding", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_binding(settings: Settings) -> None:
    """Refuse to listen beyond this machine without keys, unless told to.

    Raises:
        SettingsError: anyone in reach could ask, or the file of keys can't be used.
    """
    keys = read_keys(settings.api_keys_file) if settings.api_keys_file else ()
    if is_loopback(settings.host) or settings.open_to_all or keys:
        return
    raise SettingsError(
        f"got host {settings.host}, which others can reach, and no API keys: expected 127.0.0.1, "
        "or keys (set api_keys_file and run: python -m app keys add NAME), or "
        "CITEWISE_OPEN_TO_ALL=1 where a proxy in front decides who may ask"
    )
