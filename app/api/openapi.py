"""The endpoint's own description: exactly the routes, bodies and statuses that are served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from app.api.schemas import ErrorBody
from index.encoders import EncoderInfo

__all__ = ["described", "description"]

_REF = "#/components/schemas/{model}"
_MEANINGS = {
    400: "The request can't be honoured; `param` names the field",
    401: "No key, or none that is known",
    403: "Who asks may not add or delete documents",
    404: "There is no such model, answer, kept check or document",
    408: "The body did not come in time",
    409: "The name is taken, or what is there can't be deleted; the message says why",
    413: "The body is too large",
    415: "The body is of another content type",
    429: "The language model takes no more requests now; see Retry-After",
    500: "Something failed on the server",
    503: "A part is not ready or the server is full; see Retry-After",
}
_OF_EVERY_BODY = (400, 401, 408, 413, 415, 500, 503)


def described(
    summary: str,
    answer: type[BaseModel],
    body: type[BaseModel] | None = None,
    *,
    errors: Sequence[int] = (),
    streams: bool = False,
    created: bool = False,
    form: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A route's description, as arguments for FastAPI's decorators."""
    status = 201 if created else 200
    success: dict[str, Any] = {"model": answer, "description": "Success"}
    if streams:
        success["description"] = "The whole answer, or where `stream` is true, its events"
        success["content"] = {"text/event-stream": {}}
    statuses = sorted({*errors, *(_OF_EVERY_BODY if body or form else ())})
    more: dict[str, Any] = {}
    if body:
        schema = {"$ref": _REF.format(model=body.__name__)}
        content = {"application/json": {"schema": schema}}
        more["openapi_extra"] = {"requestBody": {"required": True, "content": content}}
    if form:
        content = {"multipart/form-data": {"schema": form}}
        more["openapi_extra"] = {"requestBody": {"required": True, "content": content}}
    return {
        "summary": summary,
        "status_code": status,
        "response_model": None,
        "responses": {
            status: success,
            **{code: {"model": ErrorBody, "description": _MEANINGS[code]} for code in statuses},
        },
        **more,
    }


def description(
    app: FastAPI,
    routes: Sequence[BaseRoute],
    bodies: Sequence[type[BaseModel]],
    *,
    models: Sequence[str],
    encoder: EncoderInfo,
    keys: bool,
    root_path: str = "",
) -> dict[str, Any]:
    """The OpenAPI document of some routes.

    Args:
        app: whose title and version it has.
        routes: what is served.
        bodies: the models of the requests.
        models: the names that a chat request may give.
        encoder: whose name and dimension a request for embeddings may give.
        keys: whether a key is needed.
        root_path: the path under which a proxy serves them, such as /citewise.
    """
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=routes,
        servers=[{"url": root_path}] if root_path else None,
    )
    for operations in document["paths"].values():
        for operation in operations.values():
            # FastAPI's own validation never answers: values that don't fit are a 404 or a 400.
            if (operation["responses"].get("422") or {}).get("content"):
                del operation["responses"]["422"]
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _, definitions = models_json_schema(
        [(model, "validation") for model in bodies], ref_template=_REF
    )
    schemas |= definitions["$defs"]
    for name, known in (
        ("ChatRequest", list(models)),
        ("ResponsesRequest", list(models)),
        ("EmbeddingsRequest", [encoder.name]),
    ):
        schemas[name]["properties"]["model"]["enum"] = known
    schemas["EmbeddingsRequest"]["properties"]["dimensions"]["enum"] = [None, encoder.dimension]
    if keys:
        bearer = {"type": "http", "scheme": "bearer"}
        document["components"]["securitySchemes"] = {"key": bearer}
        document["security"] = [{"key": []}]
    return document
