"""What the page shows: at the beginning, while an answer comes, and of a kept conversation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from app.config.personas import Persona, resolve, shipped
from app.record.errors import RequestError
from app.ui import safe, texts
from app.ui.actions import Showing
from app.ui.choices import Choices
from app.ui.conversation import Answering, Turn, with_prompt
from app.ui.exports.bibliography import bibliography
from app.ui.feedback_form import FeedbackForm
from app.ui.known import Knowing
from app.ui.persistence import SavedState
from app.ui.suggest import examples, follow_ups
from app.ui.takes import asked_in, without_last
from app.ui.turns import asked_html, turns_html
from app.ui.view import View

__all__ = ["Screen", "Turns", "place_html", "suggestions_html", "told_html"]

Turns = tuple[Turn, ...]

_SUGGESTIONS: Final = 4


class Screen:
    """Makes views for all readers; keeps nothing of theirs."""

    def __init__(self, pipeline: Answering, feedback: FeedbackForm | None = None) -> None:
        self._pipeline, self._feedback = pipeline, feedback
        self._random, self._knowing = random.Random(), Knowing(pipeline)

    @property
    def personas(self) -> Mapping[str, Persona]:
        """The personas that can be chosen, by name: the shipped ones, then a person's own."""
        return {**shipped(self._knowing.knowledge_base()), **self._pipeline.personas}

    def title(self, name: str) -> str:
        """What readers call a persona."""
        try:
            return texts.persona(self._persona(name))[0]
        except RequestError:
            return name

    def _persona(self, name: str) -> Persona:
        return resolve(name, self._pipeline.personas, self._knowing.knowledge_base())

    async def explained(self, turns: Turns) -> Turns:
        """Kept turns with the prompts that their models were given."""
        return tuple(await asyncio.gather(*(with_prompt(one, self._pipeline) for one in turns)))

    def empty(self, choices: Choices) -> View:
        """The page at its beginning; what is in the box stays."""
        saved = SavedState()
        return View(
            turns=(),
            saved=saved,
            place=place_html(saved),
            past="",
            live="",
            notice="",
            suggest=self.examples(choices),
        )

    def begun(
        self, turns: Turns, turn: Turn, saved: SavedState, owner: str | None, notice: str
    ) -> View:
        """A question that has just been asked, after some turns."""
        view = self.progress(turns, turn, texts.SEARCHING, owner)
        return replace(
            view,
            saved=saved,
            place=place_html(saved),
            past=turns_html(without_last((*turns, turn)), self._showing(owner, turns)),
            notice=notice,
            suggest="",
        )

    def progress(self, turns: Turns, turn: Turn, status: str, owner: str | None) -> View:
        """A turn as far as it has come, and at its end what can follow."""
        everything = (*turns, turn)
        showing = self._showing(owner, everything)
        view = View(live=asked_html(asked_in(everything)[-1], status, showing))
        if not turn.over:
            return view
        return replace(view, turns=everything, suggest=self._next(everything))

    def reopened(self, conversation: str, turns: Turns, owner: str) -> View:
        """A kept conversation, its last question as if it had just been answered."""
        showing, saved = self._showing(owner, turns), SavedState(conversation, len(turns))
        return View(
            turns=turns,
            saved=saved,
            place=place_html(saved),
            past=turns_html(without_last(turns), showing),
            live=asked_html(asked_in(turns)[-1], "", showing),
            notice="",
            suggest=self._next(turns),
        )

    def examples(self, choices: Choices) -> str:
        """A persona's example questions; others on each visit."""
        try:
            chosen = self._persona(choices.name)
        except RequestError:
            return ""
        own = chosen.examples if self._knowing.shipped() else ()
        picked = examples(own, self._pipeline, self._random, _SUGGESTIONS)
        return suggestions_html(texts.TRY, picked) + self._knowing.html()

    def _next(self, turns: Turns) -> str:
        last = turns[-1]
        if last.trouble:
            return ""
        if last.answer and last.answer.abstained:
            near = [one for one in last.answer.nearest if f"- {one}" in last.text]
            return suggestions_html(texts.NEAREST, near[:_SUGGESTIONS])
        going_on = follow_ups(turns, self._pipeline, _SUGGESTIONS - 1)
        return suggestions_html(texts.NEXT, going_on)

    def _showing(self, owner: str | None, turns: Turns) -> Showing:
        feedback = self._feedback
        return Showing(
            tuple((name, texts.persona(one)[0]) for name, one in self.personas.items()),
            partial(feedback.of, owner or "") if feedback is not None else None,
            self._pipeline.index.fingerprint,
            bibliography(turns).numbers,
        )


def suggestions_html(heading: str, questions: Sequence[str]) -> str:
    """Questions that are asked when they are pressed; empty where there are none."""
    if not questions:
        return ""
    offered = "".join(
        f'<button type="button" class="suggestion" data-ask="{safe.attribute(one)}">'
        f"{safe.text(one)}</button>"
        for one in questions
    )
    return f'<h3>{heading}</h3><div class="offered">{offered}</div>'


def told_html(words: str) -> str:
    """Something that the reader should know."""
    return f'<p role="alert">{safe.text(words)}</p>'


def place_html(saved: SavedState) -> str:
    """Where the conversation is kept, for the page's address."""
    return f'<span data-conversation="{safe.attribute(saved.conversation)}"></span>'
