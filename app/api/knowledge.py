"""`POST /v1/retrieve` and `POST /v1/embeddings`: what stands before any answer."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from app.api.accounts import ACCOUNT
from app.api.asking import conversation
from app.api.citing import place_of
from app.api.errors import not_found, refused
from app.api.serving import Json, Serving, note, note_event, note_question, parsed
from app.api.wire import ChatMessage, EmbeddingsRequest, RetrieveRequest
from app.record.types import Question, Retrieved
from index.encoders import Encoder, Vectors
from index.types import Hit

__all__ = ["serve_embeddings", "serve_retrieve"]

# Texts encoded at once; a client that goes away stops the work after these. Each call for
# passages assembles that tower anew.
_QUERIES, _PASSAGES = 32, 512


async def serve_retrieve(request: Request, serving: Serving) -> Response:
    """Find passages for a query, with the trace of every stage."""
    asked = await parsed(request, RetrieveRequest)
    last = ChatMessage(role="user", content=asked.query)
    talk = conversation(
        [*(asked.history or ()), last],
        serving.limits,
        field="history",
        question_field="query",
    )
    question = Question(talk.text, talk.history, passages=asked.k, sources=tuple(asked.x_sources))
    note_question(request, serving, question)
    async with serving.turn():
        found = await serving.pipeline.retrieve(question)
    note_event(request, found)
    return Json(_found(found))


def _found(found: Retrieved) -> dict[str, Any]:
    return {
        "object": "retrieval",
        "standalone_query": found.standalone_query,
        "answerable": found.answerable,
        "confidence": found.confidence,
        "index_fingerprint": found.index_fingerprint,
        "hits": [_hit(hit) for hit in found.hits],
        "conflicts": [
            {
                "quantity": conflict.quantity,
                "values": [{"value": each.value, "ref": each.ref} for each in conflict.values],
            }
            for conflict in found.conflicts
        ],
        "nearest": list(found.nearest),
        "timings": dict(found.timings),
    }


def _hit(hit: Hit) -> dict[str, Any]:
    passage, place = hit.passage, place_of(hit.passage.place)
    return {
        "ref": passage.id,
        "topic": passage.topic,
        "score": float(hit.score),
        "kind": str(passage.kind),
        "title": passage.title,
        "heading": passage.heading,
        "text": passage.text,
        "place": place.as_dict() if place else None,
        "sources": [
            {"id": source.id, "label": source.label, "url": source.url, "year": source.year}
            for source in passage.sources
        ],
        "trace": {stage: float(score) for stage, score in hit.trace.items()},
    }


async def serve_embeddings(request: Request, serving: Serving) -> Response:
    """Encode texts with the encoder that the index is searched with."""
    asked = await parsed(request, EmbeddingsRequest)
    info = serving.encoder.info
    if asked.model != info.name:
        raise not_found(asked.model, [info.name])
    if asked.dimensions not in (None, info.dimension):
        raise refused(
            f"dimensions: got {asked.dimensions}, expected {info.dimension}: the encoder's "
            "vectors can't be shortened",
            "dimensions",
            "unsupported_parameter",
        )
    texts = await asyncio.to_thread(_texts, asked, serving.encoder)
    note(request, model=asked.model, inputs=len(texts))
    async with serving.turn():
        vectors = await _encoded(serving, texts, as_passages=asked.input_type == "passage")
        tokens = sum(await asyncio.to_thread(serving.encoder.count_tokens, texts))
    if (account := ACCOUNT.get()) is not None:
        account.spend(tokens)
    return Json(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": i, "embedding": _wire_vector(vector, asked)}
                for i, vector in enumerate(vectors)
            ],
            "model": info.name,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _texts(asked: EmbeddingsRequest, encoder: Encoder) -> list[str]:
    """The texts to encode.

    Raises:
        ApiError: 400, token ids are not the encoder's.
    """
    given = [asked.input] if isinstance(asked.input, str) else asked.input
    texts = [each for each in given if isinstance(each, str)]
    rows = [each for each in given if isinstance(each, list)]
    numbers = [each for each in given if isinstance(each, int)]
    if texts:
        return texts
    try:
        return [encoder.decode(row) for row in rows or [numbers]]
    except ValueError as error:
        raise refused(f"input: {error}", "input") from error


async def _encoded(serving: Serving, texts: list[str], *, as_passages: bool) -> Vectors:
    """Shape: (len(texts), dimension)."""
    encoder = serving.encoder
    encode = encoder.encode_passages if as_passages else encoder.encode_queries
    batch = _PASSAGES if as_passages else _QUERIES
    parts = [
        await asyncio.to_thread(encode, texts[start : start + batch])
        for start in range(0, len(texts), batch)
    ]
    return np.concatenate(parts)


def _wire_vector(vector: Vectors, asked: EmbeddingsRequest) -> object:
    """Shape of `vector`: (dimension,). Base64 is of little-endian float32, as OpenAI has it."""
    if asked.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return np.ascontiguousarray(vector, dtype=np.float32)
