"""What the page does when something is asked, again, or stopped."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from app.record.errors import RequestError
from app.record.types import Question
from app.store import Also
from app.ui import safe, texts
from app.ui.choices import RESEARCH, Choices
from app.ui.composer import within_html
from app.ui.conversation import Answering, Turn, play, stopped
from app.ui.exports import exported
from app.ui.persistence import Keeper, SavedState
from app.ui.readers import owner_of, session_of
from app.ui.running import Running
from app.ui.screen import Screen, Turns, place_html, told_html
from app.ui.signals import Ask, AskAgain, Offer, Save, read
from app.ui.states import HealthWatch
from app.ui.takes import asked_in, in_force
from app.ui.view import Updates, View, stays

__all__ = ["Controller"]


@dataclass(frozen=True, slots=True)
class _Again:
    """A question that is asked again: after which turns, beside which, of whom."""

    text: str
    before: Turns
    turns: Turns
    persona: str
    also: Also = ""


class Controller:
    """The page's answers to its reader, one instance for all readers.

    A reader's conversation lives in Gradio's session state and, where conversations are kept,
    in the database; what is known here is only which answers are being written.
    """

    def __init__(
        self, pipeline: Answering, screen: Screen, keeper: Keeper, running: Running
    ) -> None:
        self._pipeline, self._screen = pipeline, screen
        self._keeper, self._running = keeper, running
        self._health = HealthWatch(pipeline)

    async def ask(
        self, request: gr.Request, event: gr.EventData, turns: Turns, saved: SavedState
    ) -> AsyncGenerator[Updates, None]:
        """Answer a question, showing it as it comes.

        One that is asked while another is being answered stays in the box; one that comes while
        the answer before is being kept waits for that.
        """
        try:
            asked = read(Ask, event)
        except RequestError as error:
            yield View(notice=told_html(str(error))).row()
            return
        text, choices = asked.text.strip(), asked.chosen
        while run := self._running.of(session_of(request)):
            if not run.turns:
                break
            await run.over.wait()
            turns = run.turns
        if not text or run is not None:
            yield View().row()
            return
        question = choices.question(text, turns, choices.name)
        async with aclosing(self._answered(request, question, turns, saved)) as rows:
            async for row in rows:
                yield row

    async def act(
        self, request: gr.Request, event: gr.EventData, turns: Turns, saved: SavedState
    ) -> AsyncGenerator[Updates, None]:
        """Ask the last question again, alone or of another persona, or an earlier one edited."""
        notice = ""
        try:
            act = read(AskAgain, event)
            choices = act.chosen
            again = self._again(act, turns, choices)
        except RequestError as error:
            yield View(notice=told_html(str(error))).row()
            return
        await self._running.halt(session_of(request))
        if act.kind == "edited":
            notice, saved = _set_aside(saved), SavedState()
        question = choices.question(again.text, again.before, again.persona)
        answered = self._answered(request, question, again.turns, saved, again.also, notice)
        async with aclosing(answered) as rows:
            async for row in rows:
                yield row

    async def stop(self, request: gr.Request) -> None:
        """Stop the reader's answer; what was shown stays."""
        self._running.stop(session_of(request))

    async def offer(self, event: gr.EventData, turns: Turns) -> str | dict[str, Any]:
        """Offer a persona's examples to begin with; a conversation has its own offers."""
        return stays() if turns else self._screen.examples(read(Offer, event).chosen)

    async def banner(self) -> Updates:
        """Say what isn't ready yet, which sources there are, and when to look again."""
        words, seconds = await self._health.told()
        shown = f'<p role="status">{safe.text(words)}</p>' if words else ""
        within = within_html(await self._pipeline.sources())
        return shown, within, gr.Timer(value=seconds, active=True)

    async def export(self, event: gr.EventData, turns: Turns) -> dict[str, str]:
        """Write the conversation as a file for the browser to save."""
        return asdict(exported(read(Save, event).kind, in_force(turns)))

    def _again(self, act: AskAgain, turns: Turns, choices: Choices) -> _Again:
        """What asking again means.

        Raises:
            RequestError: it is not on the page any more, or nobody of that name answers.
        """
        asked = next((one for one in asked_in(turns) if one.holds(act.turn)), None)
        if asked is None or (act.kind == "beside" and act.persona not in self._screen.personas):
            raise RequestError(texts.ACT_GONE)
        before, text = tuple(turns[: asked.first.number]), asked.first.turn.question
        if act.kind == "edited":
            return _Again(act.text.strip() or text, before, before, choices.name)
        last = turns[-1]
        if act.kind == "beside":
            doctrine = RESEARCH if last.name.endswith(RESEARCH) else ""
            return _Again(text, before, turns, f"{act.persona}{doctrine}", "beside")
        if act.kind == "alone":
            return _Again(text, (), turns, last.name, "again")
        if last.trouble:
            return _Again(text, before, turns[:-1], last.name, last.also)
        return _Again(text, before, turns, last.name, "again")

    async def _answered(
        self,
        request: gr.Request,
        question: Question,
        turns: Turns,
        saved: SavedState,
        also: Also = "",
        notice: str = "",
    ) -> AsyncGenerator[Updates, None]:
        """Play a question after some turns, and keep what comes of it."""
        owner, screen = owner_of(request), self._screen
        title = screen.title(question.persona)
        turn = Turn(question.text, title, also=also, name=question.persona)
        with self._running.entered(session_of(request)) as run:
            yield screen.begun(turns, turn, saved, owner, notice).row()
            ahead = partial(self._running.ahead, run)
            played = play(self._pipeline, question, turn, run.stop, ahead)
            try:
                async for turn, status in played:
                    run.begun = bool(turn.text)
                    run.turns = (*turns, turn) if turn.over else ()
                    yield screen.progress(turns, turn, status, owner).row()
            finally:
                await played.aclose()
                if not turn.over and owner is not None:  # the reader has left
                    left = stopped(turn, question, self._pipeline)
                    self._keeper.keep_soon(saved, owner, (*turns, left))
            if turn.answer is not None:
                words = await self._keeper.keep(saved, owner, (*turns, turn))
                kept = View(place=place_html(saved))
                yield (replace(kept, notice=told_html(words)) if words else kept).row()


def _set_aside(saved: SavedState) -> str:
    """Say where the conversation is that an edited question departs from."""
    if not saved.conversation:
        return ""
    address = f"#conversation={safe.attribute(saved.conversation)}"
    link = f'<a href="{address}">{texts.AS_IT_WAS}</a>'
    return f'<p role="status">{texts.SET_ASIDE.format(link=link)}</p>'
