"""`GET /v1/models`: personas are the model names."""

from __future__ import annotations

from typing import Any

from app.api.serving import Serving

__all__ = ["model_card", "model_cards"]

_CREATED = 1_767_225_600  # 2026-01-01; a card's time must not change from start to start


def model_card(serving: Serving, model: str) -> dict[str, Any]:
    """One model.

    Raises:
        ApiError: 404, there is none of that name.
    """
    persona = serving.persona(model)
    return {
        "id": model,
        "object": "model",
        "created": _CREATED,
        "owned_by": "citewise",
        "name": persona.title,
        "description": persona.description,
    }


def model_cards(serving: Serving) -> dict[str, Any]:
    """Every model."""
    return {"object": "list", "data": [model_card(serving, name) for name in serving.models]}
