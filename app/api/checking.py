"""`POST /v1/check`, and the links under which its results are kept: `/v1/checks/{id}`."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError, refused
from app.api.persistence import owner_of
from app.api.schemas import CheckReply
from app.api.serving import Json, Serving, note, parsed
from app.api.wire import CheckRequest
from app.record.checked import Checked
from app.record.errors import NotKept
from app.store import Linked, Store

__all__ = ["serve_check", "serve_kept_check", "serve_revocation"]


async def serve_check(request: Request, serving: Serving) -> Response:
    """Check a text's sentences, and keep the result where that is asked for.

    Raises:
        ApiError: 400, the text can't be read, or nothing is kept here.
    """
    asked = await parsed(request, CheckRequest)
    store = serving.store
    if asked.keep and store is None:
        raise refused(
            "keep: got true, but this server keeps nothing; leave it out", "keep", "nothing_kept"
        )
    async with serving.turn():
        checked = await serving.pipeline.check(asked.text)
    note(request, sentences=len(checked.sentences), verdicts=dict(checked.counts))
    if not asked.keep or store is None:
        return Json(_wire(checked))
    kept = await store.run(store.checks.keep, owner_of(request), checked)
    note(request, check=kept.id)
    return Json(_wire(kept.content, kept, serving.settings.root_path))


async def serve_kept_check(store: Store, id: str, root_path: str) -> Response:  # noqa: A002 - the path's name
    """Give a kept result to whoever has its link.

    Raises:
        ApiError: 404, there is none of that id.
    """
    try:
        kept = await store.run(store.checks.find, id)
    except NotKept as error:
        raise _unknown(error) from None
    return Json(_wire(kept.content, kept, root_path))


async def serve_revocation(request: Request, store: Store, id: str) -> Response:  # noqa: A002 - the path's name
    """Delete a kept result of whoever asks.

    Raises:
        ApiError: 404, there is none of that id, or it is another's.
    """
    try:
        await store.run(store.checks.revoke, owner_of(request), id)
    except NotKept as error:
        raise _unknown(error) from None
    return Json({"id": id, "object": "check", "deleted": True})


def _unknown(error: NotKept) -> ApiError:
    return ApiError(404, f"id: {error}", param="id", code="check_not_found")


def _wire(
    checked: Checked, kept: Linked[Checked] | None = None, root_path: str = ""
) -> dict[str, Any]:
    plain = checked.as_dict()
    for sentence in plain["sentences"]:
        for passage in sentence["passages"]:
            passage["quote"] = passage["text"][passage["start"] : passage["end"]]
    fields = {
        **plain,
        "object": "check",
        "id": kept.id if kept else None,
        "link": f"{root_path}/checks/{kept.id}" if kept else None,
        "created": int(checked.created.timestamp()),
    }
    return CheckReply.model_validate_json(orjson.dumps(fields)).as_dict()
