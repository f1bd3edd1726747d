"""What readers say of answers and of single sentences, kept with a copy of what it is about."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from app.record.errors import RequestError, StoreError
from app.store import REASONS, Exchange, Judgement, Store
from app.ui import texts
from app.ui.conversation import Turn, history_of
from app.ui.persistence import exchange_of
from app.ui.readers import owner_of, session_of
from app.ui.signals import GivenJudgement, read
from app.ui.takes import asked_in, main_line

__all__ = ["FeedbackForm", "form_html"]

_LOG = logging.getLogger(__name__)
_REMEMBERED = 10_000  # answers whose judgements are at hand to show; the database has them all


class FeedbackForm:
    """Takes judgements, and knows those of the answers that are shown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, str], tuple[Judgement, ...]] = OrderedDict()

    def of(self, owner: str, answer: str) -> Sequence[Judgement]:
        """What an owner said of an answer, oldest first."""
        return self._known.get((owner, answer), ())

    async def recall(self, owner: str, turns: Iterable[Turn]) -> None:
        """Look up what an owner said of some answers.

        Raises:
            StoreError: the database can't be used.
        """
        ids = [turn.answer.id for turn in turns if turn.answer is not None]
        found = await self._store.run(self._store.feedback.judged, owner, ids)
        for answer, judged in found.items():
            self._remember(owner, answer, judged)

    async def give(
        self, request: gr.Request, event: gr.EventData, turns: tuple[Turn, ...]
    ) -> dict[str, Any]:
        """Write a judgement down; the answer tells the page's script what to show."""
        try:
            given = read(GivenJudgement, event)
        except RequestError as error:
            return {"kept": False, "said": str(error)}
        if given.turn >= len(turns) or turns[given.turn].answer is None:
            return {"kept": False, "said": texts.JUDGED_GONE, "turn": given.turn}
        owner = owner_of(request) or f"session:{session_of(request)}"
        exchange = _exchange(turns, given.turn)
        judgement = Judgement(given.rating, given.reasons, given.comment.strip(), given.claim)
        answer = exchange.answer.id
        try:
            await self._store.run(self._store.feedback.add, owner, answer, exchange, judgement)
        except RequestError as error:
            return {"kept": False, "said": str(error), "turn": given.turn}
        except StoreError as error:
            _LOG.error("feedback is not kept: %s", error)
            return {"kept": False, "said": texts.JUDGED_FAILED, "turn": given.turn}
        judged = (*self.of(owner, answer), judgement)
        self._remember(owner, answer, judged)
        whole = [one.rating for one in judged if one.claim is None]
        return {
            "kept": True,
            "turn": given.turn,
            "rating": whole[-1] if whole else "",
            "said": texts.said(judged),
        }

    def _remember(self, owner: str, answer: str, judged: tuple[Judgement, ...]) -> None:
        self._known[owner, answer] = judged
        self._known.move_to_end((owner, answer))
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _exchange(turns: Sequence[Turn], number: int) -> Exchange:
    """A turn with the history that it was asked with: all that a test case needs."""
    asked_at = max(one.first.number for one in asked_in(turns) if one.first.number <= number)
    history = history_of(main_line(turns[:asked_at]))
    return replace(exchange_of(turns[number]), history=history)


def form_html() -> str:
    """The form that opens for a thumb; the script fills in what is judged."""
    reasons = "".join(
        f'<button type="button" class="chip" data-reason="{reason}" aria-pressed="false">'
        f"{texts.REASONS[reason]}</button>"
        for reason in REASONS
    )
    return (
        '<dialog id="judge" aria-labelledby="judge-title">'
        f'<h2 id="judge-title">{texts.JUDGE_TITLE}</h2>'
        f'<label for="judge-of">{texts.JUDGE_OF}</label>'
        f'<select id="judge-of"><option value="">{texts.JUDGE_WHOLE}</option></select>'
        f'<div class="ratings" role="group" aria-label="{texts.JUDGING}">'
        f'<button type="button" class="chip" data-rating="up" aria-pressed="false">{texts.GOOD}'
        f'</button><button type="button" class="chip" data-rating="down" aria-pressed="false">'
        f"{texts.BAD}</button></div>"
        f'<fieldset class="reasons"><legend>{texts.JUDGE_WHY}</legend>{reasons}</fieldset>'
        f'<label for="judge-comment">{texts.JUDGE_COMMENT}</label>'
        '<textarea id="judge-comment" rows="3" maxlength="4000"></textarea>'
        f'<p class="faint">{texts.JUDGE_KEPT}</p>'
        '<p class="trouble" role="alert" hidden></p>'
        f'<div class="ends"><button type="button" data-close>{texts.CANCEL}</button>'
        f'<button type="button" class="chief" data-send>{texts.JUDGE_SEND}</button></div></dialog>'
    )
