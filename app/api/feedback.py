"""`POST /v1/feedback`: what a client's user says of an answer, by the response's id."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.persistence import AnswerKeeper, owner_of
from app.api.serving import Json, note, parsed
from app.api.wire import FeedbackRequest
from app.record.errors import NotKept
from app.store import Feedback, Judgement, Store

__all__ = ["serve_feedback"]


async def serve_feedback(request: Request, store: Store, keeper: AnswerKeeper) -> Response:
    """Write feedback down.

    Raises:
        ApiError: 404, no answer of that id is kept for who asks.
        RequestError: the feedback does not fit the answer.
        StoreError: the database can't be used.
    """
    given = await parsed(request, FeedbackRequest)
    note(request, response=given.response_id, rating=given.rating)
    owner = owner_of(request)
    await keeper.written(given.response_id)  # a quick client's answer may be on its way
    try:
        answer = await store.run(store.answers.find, owner, given.response_id)
    except NotKept:
        raise _unknown(given.response_id, keeper.days) from None
    judgement = Judgement(
        given.rating, tuple(given.reasons or ()), given.comment or "", given.claim
    )
    feedback = await store.run(store.feedback.add, owner, answer.id, answer.exchange, judgement)
    note(request, feedback=feedback.id)
    return Json(_wire(feedback), status_code=201)


def _unknown(response_id: str, days: int) -> ApiError:
    expected = (
        f"the id of an answer given to you in the last {days} days, not asked for with store false"
        if days
        else "none: this server keeps no answers (its setting keep_answers is 0)"
    )
    return ApiError(
        404,
        f"response_id: got {response_id[:80]!r}, expected {expected}",
        param="response_id",
        code="response_not_found",
    )


def _wire(feedback: Feedback) -> dict[str, Any]:
    judgement = feedback.judgement
    return {
        "id": feedback.id,
        "object": "feedback",
        "created": int(feedback.created.timestamp()),
        "response_id": feedback.subject,
        "rating": judgement.rating,
        "reasons": list(judgement.reasons),
        "comment": judgement.comment,
        "claim": judgement.claim,
    }
