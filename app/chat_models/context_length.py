"""How many tokens a served model reads, as each kind of server tells it.

vLLM, SGLang and hosted services say it in their list of models; llama.cpp's list holds what the
model was trained for, and `/props` what it was started with; LM Studio's and Ollama's own
APIs know what a model is loaded with, or will be.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["Ask", "context_length"]

Ask = Callable[[str, str, Mapping[str, Any] | None], Awaitable[Mapping[str, Any] | None]]
"""Method, path below the server's root, JSON body; the JSON answer, or None where it has none."""

_IN_LIST = ("max_model_len", "context_length", "context_window", "max_context_length")
_OLLAMA_DEFAULT = 4096
_NUM_CTX = re.compile(r"^num_ctx\s+(\d+)\s*$", re.MULTILINE)


async def context_length(entry: Mapping[str, Any], ask: Ask) -> int | None:
    """Find the context length of a model.

    Args:
        entry: the model, as the list at `/v1/models` has it.
        ask: asks the same server something else.

    Returns:
        Tokens, prompt and answer together; None where the server does not tell.
    """
    for name in _IN_LIST:
        if found := _positive(entry.get(name)):
            return found
    meta = entry.get("meta")
    trained = _positive(meta.get("n_ctx_train")) if isinstance(meta, Mapping) else None
    if entry.get("owned_by") == "llamacpp" or trained:
        return await _llama_cpp(ask) or trained
    if entry.get("owned_by") == "library":
        return await _ollama(str(entry.get("id")), ask)
    if entry.get("owned_by") == "organization_owner":
        return await _lm_studio(str(entry.get("id")), ask)
    return None


async def _llama_cpp(ask: Ask) -> int | None:
    """A slot's share of the context: what one request may use."""
    props = await ask("GET", "/props", None) or {}
    slot = props.get("default_generation_settings")
    return _positive(slot.get("n_ctx")) if isinstance(slot, Mapping) else None


async def _ollama(model: str, ask: Ask) -> int | None:
    """What it is loaded with; before that its own `num_ctx`, or Ollama's default within its limit.

    Ollama cuts longer prompts without a word, so the trained length alone is no answer.
    """
    loaded = await ask("GET", "/api/ps", None) or {}
    for each in loaded.get("models") or ():
        if model in (each.get("name"), each.get("model")):
            return _positive(each.get("context_length"))
    shown = await ask("POST", "/api/show", {"model": model}) or {}
    if chosen := _NUM_CTX.search(str(shown.get("parameters") or "")):
        return int(chosen[1])
    described = shown.get("model_info") or {}
    trained = [_positive(n) for key, n in described.items() if key.endswith(".context_length")]
    return min([_OLLAMA_DEFAULT, *filter(None, trained)]) if shown else None


async def _lm_studio(model: str, ask: Ask) -> int | None:
    """What it is loaded with, else the most that it reads."""
    listed = (await ask("GET", "/api/v0/models", None) or {}).get("data") or ()
    own: Mapping[str, Any] = next((each for each in listed if each.get("id") == model), {})
    return _positive(own.get("loaded_context_length")) or _positive(own.get("max_context_length"))


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
