"""A vLLM that serves on this machine is found without being named."""

from __future__ import annotations

import json
import socket
import urllib.request
from urllib.parse import urlsplit

from app.config.settings import Settings

__all__ = ["find_vllm", "with_local_vllm"]

_CONNECT_SECONDS = 0.2
_ANSWER_SECONDS = 2.0


def with_local_vllm(settings: Settings) -> Settings:
    """Point settings that name no model at the vLLM of this machine, if one serves."""
    named = settings.model_url or settings.model or settings.engine != "auto"
    if named or not settings.local_vllm or find_vllm(settings.local_vllm) is None:
        return settings
    return settings.model_copy(update={"model_url": settings.local_vllm})


def find_vllm(url: str) -> str | None:
    """Ask for the model that a vLLM serves at `url`, `/v1` included; None where none does.

    What else may listen there is left alone: only vLLM says that its models are owned by vLLM.
    """
    place = urlsplit(url)
    if place.scheme != "http" or place.hostname is None:
        return None
    try:
        # A port that nobody listens on says so at once; no start waits for a silent one.
        socket.create_connection((place.hostname, place.port or 80), _CONNECT_SECONDS).close()
        listed = f"{url.rstrip('/')}/models"
        with urllib.request.urlopen(listed, timeout=_ANSWER_SECONDS) as reply:  # nosec B310
            models = json.loads(reply.read())["data"]
        return next((str(each["id"]) for each in models if each.get("owned_by") == "vllm"), None)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
