"""A model server that runs on this machine is found without being named.

vLLM, SGLang, llama.cpp, LM Studio and Ollama all list their models at `/v1/models`, each with an
owner of its own; whatever else listens at their usual ports is left alone.
"""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.config.settings import Settings

__all__ = ["LocalServer", "find_servers", "found_at", "with_local_server"]

_CONNECT_SECONDS = 0.2
_ANSWER_SECONDS = 2.0
_OWNERS = {
    "vllm": "vLLM",
    "sglang": "SGLang",
    "llamacpp": "llama.cpp",
    "organization_owner": "LM Studio",
    "library": "Ollama",
}
# What a name says of a model that writes no answers.
_NO_WRITERS = ("embed", "rerank", "minilm", "bge-")


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that was found: what runs there, where, and the model that it serves."""

    kind: str
    url: str
    model: str


def with_local_server(settings: Settings) -> tuple[Settings, Sequence[LocalServer]]:
    """Point settings that name no model at the first server of this machine that serves one.

    Returns:
        The settings, and the servers that were found, the one that is taken first; none where
        the settings name what is to write.
    """
    if settings.model_url or settings.model or settings.engine != "auto":
        return settings, ()
    found = find_servers(settings.local_servers)
    if not found:
        return settings, ()
    taken = {"model_url": found[0].url, "model": found[0].model}
    return settings.model_copy(update=taken), found


def find_servers(urls: Sequence[str]) -> list[LocalServer]:
    """Ask at each address, `/v1` included, in order; those that answer as a model server."""
    return [server for url in urls if (server := found_at(url)) is not None]


def found_at(url: str) -> LocalServer | None:
    """Ask what serves at an address; None where no known model server does, or no model."""
    place = urlsplit(url)
    if place.scheme != "http" or place.hostname is None:
        return None
    try:
        # A port that nobody listens on says so at once; no start waits for a silent one.
        socket.create_connection((place.hostname, place.port or 80), _CONNECT_SECONDS).close()
        base = url.rstrip("/")
        models = _json(f"{base}/models")["data"]
        kind = next((_OWNERS[m["owned_by"]] for m in models if m.get("owned_by") in _OWNERS), None)
        if kind is None:
            return None
        served = [str(model["id"]) for model in models]
        model = next(iter([*_loaded(kind, base.removesuffix("/v1")), *_writers(served)]), None)
        return LocalServer(kind, url, model) if model else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _writers(names: Sequence[str]) -> list[str]:
    return [name for name in names if not any(word in name.lower() for word in _NO_WRITERS)]


def _loaded(kind: str, root: str) -> list[str]:
    """Return what is in memory, where a server has many models and loads one when asked."""
    if kind == "Ollama":
        found = _json(f"{root}/api/ps").get("models") or ()
        return _writers([str(model["name"]) for model in found])
    if kind == "LM Studio":
        found = _json(f"{root}/api/v0/models").get("data") or ()
        kinds = ("llm", "vlm")
        return [
            str(m["id"]) for m in found if m.get("state") == "loaded" and m.get("type") in kinds
        ]
    return []


def _json(url: str) -> Mapping[str, Any]:
    with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as reply:  # nosec B310
        found: Mapping[str, Any] = json.loads(reply.read())
    return found
