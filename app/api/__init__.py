"""The endpoint: OpenAI's chat completions and models, retrieval and embeddings, over HTTP."""

from __future__ import annotations

from app.api.binding import check_binding
from app.api.logs import log_to
from app.api.server import create_app

__all__ = ["check_binding", "create_app", "log_to"]
