"""The composition of the endpoint: routes, their description, and the layer around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from app.api.accounts import RATE_HEADERS, Accounts
from app.api.calculating import serve_calculate, serve_calculations
from app.api.chat import serve_chat
from app.api.checking import serve_check, serve_kept_check, serve_revocation
from app.api.documents import (
    UPLOAD_FORM,
    serve_deletion,
    serve_document,
    serve_documents,
    serve_upload,
)
from app.api.drain import shutting_down
from app.api.edge import Edge
from app.api.errors import ApiError
from app.api.feedback import serve_feedback
from app.api.gatekeeper import Gatekeeper
from app.api.keys import KeyRing
from app.api.knowledge import serve_embeddings, serve_retrieve
from app.api.library import Library
from app.api.metrics import CONTENT_TYPE
from app.api.models import model_card, model_cards
from app.api.openapi import described, description
from app.api.responses import serve_response
from app.api.responses_wire import ResponsesRequest
from app.api.routes_table import RouteTable, unknown_path
from app.api.schemas import (
    CalculationReply,
    Calculations,
    ChatCompletion,
    CheckReply,
    CheckRevoked,
    DocumentDeleted,
    DocumentReply,
    Documents,
    Embeddings,
    FeedbackReply,
    Found,
    Health,
    ModelCard,
    ModelCards,
    ResponseObject,
)
from app.api.serving import Json, ServedPipeline, Serving
from app.api.telemetry import Telemetry
from app.api.traces import open_traces
from app.api.wire import (
    CalculateRequest,
    ChatRequest,
    CheckRequest,
    EmbeddingsRequest,
    FeedbackRequest,
    RetrieveRequest,
)
from app.config.settings import Settings
from app.record.errors import SettingsError, StoreError
from app.store import Store

if TYPE_CHECKING:
    from app.api.tools import ServedTools

__all__ = ["create_app"]

_HEALTH_SECONDS = 2.0
_BODIES = (
    CalculateRequest, ChatRequest, CheckRequest, EmbeddingsRequest, ResponsesRequest,
    RetrieveRequest,
)  # fmt: skip


def create_app(
    pipeline: ServedPipeline,
    settings: Settings,
    store: Store | None = None,
    library: Library | None = None,
) -> FastAPI:
    """Make the endpoint over a pipeline.

    Args:
        pipeline: what answers.
        settings: how it is served.
        store: where answers and feedback are kept; without one nothing is, and there is no
            route for feedback. The page finds it as `app.state.store`.
        library: what takes documents; without one there are no routes for them.

    Raises:
        SettingsError: the file of keys is missing or damaged, or a setting asks for what is
            not there.
    """
    serving = Serving(pipeline, settings, store)
    serving.drain.watch(lambda: pipeline.running > 0)
    telemetry = Telemetry(serving, open_traces(settings))
    keys = KeyRing(settings.api_keys_file) if settings.api_keys_file else None
    if settings.metrics == "key" and keys is None:
        raise SettingsError(
            "got metrics = key, but no keys are set: set api_keys_file and run: "
            "python -m app keys add NAME, or choose metrics = auto, open or off"
        )
    tools = _tools(serving) if settings.mcp else None
    app = FastAPI(
        title="Citewise",
        description="Answers from its knowledge base and cites the sources of each sentence.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.api_docs else None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _http_error},
        lifespan=_lifespan(serving, tools, library),
    )
    router = app.router
    _add_answers(router, serving)
    _add_knowledge(router, serving)
    if library is not None:
        _add_documents(router, library)
    _add_checks(router, serving)
    _add_calculations(router)
    _add_models(router, serving)
    _add_feedback(router, serving)
    _add_probes(router, serving)
    if settings.metrics != "off":
        _add_metrics(router, telemetry)
    if tools is not None:
        router.routes.append(tools.route)
    own = list(app.routes)  # what is mounted beside them later is described elsewhere
    describe = partial(
        description,
        app,
        own,
        (*_BODIES, FeedbackRequest) if store else _BODIES,
        models=serving.models,
        encoder=serving.encoder.info,
        keys=keys is not None,
        root_path=settings.root_path,
    )
    app.openapi = cache(describe)  # type: ignore[method-assign]
    app.add_middleware(
        Edge,
        routes=RouteTable(own),
        gatekeeper=Gatekeeper(
            keys,
            {"/metrics"} if settings.metrics == "open" else (),
            uploads=settings.uploads,
            origins=settings.cors_origins,
        ),
        accounts=Accounts(settings),
        drain=serving.drain,
        telemetry=telemetry,
        queue=lambda: serving.queue,
        check_room=serving.check_room,
        max_body_bytes=settings.max_body_bytes,
        upload_bytes=settings.upload_bytes,
    )
    if settings.cors_origins:
        _allow_origins(app, settings.cors_origins)
    app.state.serving, app.state.telemetry = serving, telemetry
    app.state.store = store
    return app


def _allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins ask; they send their key as a header, never a cookie."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["x-request-id", "x-citewise-queue", "retry-after", *RATE_HEADERS],
        max_age=600,
    )


def _lifespan(
    serving: Serving, tools: ServedTools | None, library: Library | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if library is not None:
            await asyncio.to_thread(library.begin)
        try:
            async with tools.running() if tools else nullcontext():
                yield
        finally:
            if library is not None:
                await asyncio.to_thread(library.close)
        if serving.keeper is not None:
            await serving.keeper.close()

    return lifespan


def _tools(serving: Serving) -> ServedTools:
    from app.api.tools import ServedTools

    return ServedTools(serving)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses on paths that are nobody's."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        shown = unknown_path(request.url.path)
    else:
        detail = error.detail if isinstance(error, HTTPException) else "the request failed"
        shown = ApiError(status, detail)
    return Json(shown.payload(), status_code=status)


def _add_answers(router: APIRouter, serving: Serving) -> None:
    @router.post(
        "/v1/chat/completions",
        **described(
            "Answer a question with citations",
            ChatCompletion,
            ChatRequest,
            errors=(404, 429),
            streams=True,
        ),
    )
    async def chat(request: Request) -> Response:
        return await serve_chat(request, serving)

    @router.post(
        "/v1/responses",
        **described(
            "Answer a question with citations, in the Responses protocol",
            ResponseObject,
            ResponsesRequest,
            errors=(404, 429),
            streams=True,
        ),
    )
    async def responses(request: Request) -> Response:
        return await serve_response(request, serving)


def _add_knowledge(router: APIRouter, serving: Serving) -> None:
    @router.post(
        "/v1/retrieve",
        **described("Find passages, with every stage's score", Found, RetrieveRequest),
    )
    async def retrieve(request: Request) -> Response:
        return await serve_retrieve(request, serving)

    @router.post(
        "/v1/embeddings",
        **described(
            "Encode texts as the index's queries are", Embeddings, EmbeddingsRequest, errors=(404,)
        ),
    )
    async def embeddings(request: Request) -> Response:
        return await serve_embeddings(request, serving)


def _add_documents(router: APIRouter, library: Library) -> None:
    @router.get(
        "/v1/documents",
        **described("The sources of the index, and what is being read", Documents,
                    errors=(401, 500)),
    )  # fmt: skip
    async def documents() -> Response:
        return await serve_documents(library)

    @router.post(
        "/v1/documents",
        **described("Add a document to the knowledge base", DocumentReply, errors=(403, 409),
                    created=True, form=UPLOAD_FORM),
    )  # fmt: skip
    async def upload(request: Request) -> Response:
        return await serve_upload(request, library)

    @router.get(
        "/v1/documents/{name}",
        **described("One source, and how far its reading is", DocumentReply,
                    errors=(401, 404, 500)),
    )  # fmt: skip
    async def document(name: str) -> Response:
        return await serve_document(library, name)

    @router.delete(
        "/v1/documents/{name}",
        **described("Delete a document that was uploaded", DocumentDeleted,
                    errors=(401, 403, 404, 409, 500)),
    )  # fmt: skip
    async def delete(request: Request, name: str) -> Response:
        return await serve_deletion(request, library, name)


def _add_checks(router: APIRouter, serving: Serving) -> None:
    store, root_path = serving.store, serving.settings.root_path

    @router.post(
        "/v1/check",
        **described(
            "Tell of each sentence of a text whether the sources bear it out",
            CheckReply,
            CheckRequest,
            errors=(429,),
        ),
    )
    async def check(request: Request) -> Response:
        return await serve_check(request, serving)

    if store is None:
        return

    @router.get(
        "/v1/checks/{id}", **described("A kept check", CheckReply, errors=(401, 404, 500, 503))
    )
    async def kept(id: str) -> Response:  # noqa: A002 - the path's name
        return await serve_kept_check(store, id, root_path)

    @router.delete(
        "/v1/checks/{id}",
        **described("Revoke a kept check", CheckRevoked, errors=(401, 404, 500, 503)),
    )
    async def revoke(request: Request, id: str) -> Response:  # noqa: A002 - the path's name
        return await serve_revocation(request, store, id)


def _add_calculations(router: APIRouter) -> None:
    @router.post(
        "/v1/calculate",
        **described("Work a formula out, with its sum", CalculationReply, CalculateRequest),
    )
    async def calculate(request: Request) -> Response:
        return await serve_calculate(request)

    @router.get(
        "/v1/calculations", **described("What can be calculated", Calculations, errors=(401, 500))
    )
    async def calculations() -> Response:
        return await serve_calculations()


def _add_feedback(router: APIRouter, serving: Serving) -> None:
    store, keeper = serving.store, serving.keeper
    if store is None or keeper is None:
        return

    @router.post(
        "/v1/feedback",
        **described(
            "Say what an answer, or one of its claims, is worth",
            FeedbackReply,
            FeedbackRequest,
            errors=(404,),
            created=True,
        ),
    )
    async def feedback(request: Request) -> Response:
        return await serve_feedback(request, store, keeper)


def _add_models(router: APIRouter, serving: Serving) -> None:
    @router.get("/v1/models", **described("List the personas", ModelCards, errors=(401, 500)))
    async def models() -> Response:
        return Json(model_cards(serving))

    @router.get(
        "/v1/models/{model:path}", **described("One persona", ModelCard, errors=(401, 404, 500))
    )
    async def model(model: str) -> Response:
        return Json(model_card(serving, model))


def _add_metrics(router: APIRouter, telemetry: Telemetry) -> None:
    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(telemetry.metrics.text(), media_type=CONTENT_TYPE)


def _add_probes(router: APIRouter, serving: Serving) -> None:
    @router.get("/healthz", **described("Whether the process lives", Health, errors=(500,)))
    async def healthz() -> Response:
        return Json({"status": "ok", "parts": {}})

    @router.get("/readyz", **described("Whether every part is ready", Health, errors=(500, 503)))
    async def readyz() -> Response:
        return Json({"status": "ready", "parts": await _ready_parts(serving)})


async def _ready_parts(serving: Serving) -> dict[str, Any]:
    """The parts, all ready.

    Raises:
        ApiError: 503; the message names the parts that are not.
    """
    if serving.drain.begun:
        raise shutting_down()
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            parts = await serving.pipeline.health()
    except TimeoutError:
        parts = {"health check": False}
    if serving.store is not None:
        parts = {**parts, "database": await _database_ready(serving.store)}
    missing = [name for name, ready in parts.items() if not ready]
    if missing:
        raise ApiError(
            503,
            f"not ready: {', '.join(missing)}",
            type="server_error",
            code="not_ready",
            retry_after=5,
        )
    return parts


async def _database_ready(store: Store) -> bool:
    """Whether the database answers in time."""

    def ask() -> None:
        with store.database.reading() as session:
            session.connection().exec_driver_sql("SELECT 1")

    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            await store.run(ask)
    except (StoreError, TimeoutError):
        return False
    return True
