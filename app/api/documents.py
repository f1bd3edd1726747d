"""`/v1/documents`: send documents to the knowledge base, see them being read, delete them."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.library import DocumentError, Held, Library
from app.api.schemas import DocumentReply
from app.api.serving import Json, note

__all__ = ["UPLOAD_FORM", "serve_deletion", "serve_document", "serve_documents", "serve_upload"]

_MOST_FILES = 100
_STATUSES = {
    "invalid": 400, "exists": 409, "too_many": 409, "unknown": 404, "not_uploaded": 409,
    "not_deleted": 409,
}  # fmt: skip
_WARNINGS_SHOWN = 20

# What a request to upload holds, for the endpoint's description.
UPLOAD_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
            "minItems": 1,
            "maxItems": _MOST_FILES,
            "description": "one file, or several that make one source",
        },
        "name": {
            "type": "string",
            "maxLength": 64,
            "description": "what to call it; by default the first file's name",
        },
    },
}


async def serve_upload(request: Request, library: Library) -> Response:
    """Keep the files and have them read; returns before that is done.

    Raises:
        ApiError: 400, the form is not as expected; 409, the name is taken.
    """
    async with request.form(max_files=_MOST_FILES, max_fields=10) as form:
        name = form.get("name", "")
        given = form.getlist("file")
        if not isinstance(name, str):
            raise ApiError(400, "name: got a file, expected text", param="name")
        sent = [
            (one.filename or "", await one.read()) for one in given if isinstance(one, UploadFile)
        ]
        if len(sent) < len(given):
            raise ApiError(400, "file: got text, expected files", param="file")
    note(request, files=len(sent), bytes=sum(len(content) for _, content in sent))
    try:
        held = await asyncio.to_thread(library.add, name.strip(), sent)
    except DocumentError as error:
        raise _refused(error, "file") from None
    return Json(_wire(held), status_code=201)


async def serve_documents(library: Library) -> Response:
    """List the sources of the index, and what is to become one."""
    held = await asyncio.to_thread(library.sources)
    return Json({"object": "list", "data": [_wire(one) for one in held]})


async def serve_document(library: Library, name: str) -> Response:
    """Tell how far one is.

    Raises:
        ApiError: 404, there is none.
    """
    try:
        return Json(_wire(await asyncio.to_thread(library.find, name)))
    except DocumentError as error:
        raise _refused(error, "name") from None


async def serve_deletion(request: Request, library: Library, name: str) -> Response:
    """Take one out of the index and delete its files; returns when that is done.

    Raises:
        ApiError: 404, there is none; 409, it was not uploaded, or is the last source.
    """
    note(request, document=name[:64])
    try:
        ending = await asyncio.to_thread(library.remove, name)
        # It goes on where the client goes away.
        await asyncio.shield(asyncio.wrap_future(ending))
    except DocumentError as error:
        raise _refused(error, "name") from None
    return Json({"name": name, "object": "document", "deleted": True})


def _refused(error: DocumentError, param: str) -> ApiError:
    return ApiError(
        _STATUSES[error.code], f"{param}: {error}", param=param, code=f"document_{error.code}"
    )


def _wire(held: Held) -> dict[str, Any]:
    return DocumentReply.model_validate(
        {
            "object": "document",
            "name": held.name,
            "status": held.status,
            "uploaded": held.uploaded,
            "files": [{"name": file.name, "bytes": file.size} for file in held.files],
            "documents": held.documents,
            "passages": held.passages,
            "read": int(held.read.timestamp()) if held.read else None,
            "progress": {"done": held.done, "total": held.total} if held.total else None,
            "warnings": list(held.warnings[:_WARNINGS_SHOWN]),
            "error": held.error or None,
        }
    ).as_dict()
