"""What the page does when something on it is pressed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr

from app.errors import RequestError
from app.personas import Persona, resolve, shipped
from app.types import Question, Sampling
from app.ui import safe, texts
from app.ui.conversation import Answering, Turn, drafts, history_of, play
from app.ui.exports import exported
from app.ui.sources import panel_html
from app.ui.suggest import examples, follow_ups
from app.ui.turns import prefix_of, turn_html, turns_html

__all__ = ["SUGGESTIONS", "Controller"]

SUGGESTIONS = 4
_RESEARCH = "research"

Turns = tuple[Turn, ...]
Updates = tuple[Any, ...]


class Controller:
    """The page's answers to its reader, one instance for all readers.

    A reader's conversation lives in Gradio's session state; what is kept here is only how to
    stop the answers that are being written, by session.
    """

    def __init__(self, pipeline: Answering) -> None:
        self._pipeline = pipeline
        self._running: dict[str, asyncio.Event] = {}
        self._random = random.Random()

    @property
    def personas(self) -> Mapping[str, Persona]:
        """The personas that can be chosen, by name: the shipped ones, then a person's own."""
        return {**shipped(), **self._pipeline.personas}

    async def ask(
        self,
        asked: str,
        turns: Turns,
        persona: str,
        research: bool,
        own: bool,
        temperature: float,
        top_p: float,
        length: float,
        passages: float,
        request: gr.Request,
    ) -> AsyncGenerator[Updates, None]:
        """Answer a question, showing it as it comes; the outputs are those of `_updates`."""
        session = str(request.session_hash)
        text = (asked or "").strip()
        if not text or session in self._running:
            yield tuple(gr.skip() for _ in range(9 + 1 + SUGGESTIONS))
            return
        sampling = Sampling(temperature, top_p, int(length)) if own else Sampling()
        question = Question(
            text,
            history_of(turns),
            f"{persona}+{_RESEARCH}" if research else persona,
            sampling,
            passages=int(passages) if own else None,
        )
        stop = self._running[session] = asyncio.Event()
        turn = Turn(text, self._title(question.persona))
        try:
            yield self._updates(turns, turn, texts.SEARCHING, first=True)
            played = play(self._pipeline, question, turn, stop)
            try:
                async for turn, status in played:
                    yield self._updates(turns, turn, status)
            finally:
                await played.aclose()
        finally:
            self._running.pop(session, None)

    async def stop(self, request: gr.Request) -> None:
        """Stop the reader's answer; what was shown stays."""
        running = self._running.get(str(request.session_hash))
        if running is not None:
            running.set()

    async def new(self, persona: str, research: bool) -> Updates:
        """Begin again."""
        heading, buttons = self._offer(*self._examples(persona, research))
        return (
            (), "", "", panel_html(None), gr.update(value=""), gr.update(visible=True),
            gr.update(visible=False), gr.update(visible=False), gr.update(visible=False),
            heading, *buttons,
        )  # fmt: skip

    async def suggest(self, turns: Turns, persona: str, research: bool) -> Updates:
        """Offer questions: a persona's examples to begin with, then what the answer leads to."""
        if turns:
            return tuple(gr.skip() for _ in range(1 + SUGGESTIONS))
        heading, buttons = self._offer(*self._examples(persona, research))
        return heading, *buttons

    async def banner(self) -> Updates:
        """Say what isn't ready yet; the second output stops asking once all is well."""
        health = await self._pipeline.health()
        if not health.get("index", True):
            words = texts.INDEX_MISSING
        elif drafts(self._pipeline) and not health.get("model", True):
            words = texts.MODEL_LOADING
        else:
            return "", gr.Timer(active=False)
        return f'<p role="status">{safe.text(words)}</p>', gr.Timer(active=True)

    def export_as(self, kind: str) -> Callable[[Turns], Awaitable[dict[str, str]]]:
        """Return what writes the conversation as one kind of file for the browser to save."""

        async def export(turns: Turns) -> dict[str, str]:
            return asdict(exported(kind, turns))

        return export

    def _title(self, name: str) -> str:
        try:
            return resolve(name, self._pipeline.personas).title
        except RequestError:
            return name

    def _updates(self, turns: Turns, turn: Turn, status: str, *, first: bool = False) -> Updates:
        """The new values of the conversation, past, live, panel, box, four buttons, offers."""
        number = len(turns)
        over = turn.over
        put_back = bool(turn.trouble) or (turn.stopped and not turn.text)
        box = (
            gr.update(value="")
            if first
            else gr.update(value=turn.question)
            if put_back
            else gr.skip()
        )
        offers: Updates = tuple(gr.skip() for _ in range(1 + SUGGESTIONS))
        if first:
            heading, buttons = self._offer("", ())
            offers = (heading, *buttons)
        elif over:
            heading, buttons = self._offer(*self._next((*turns, turn)))
            offers = (heading, *buttons)
        return (
            (*turns, turn) if over else gr.skip(),
            turns_html(turns) if first else gr.skip(),
            turn_html(turn, number, status),
            panel_html(turn, prefix_of(number)),
            box,
            gr.update(visible=over),
            gr.update(visible=not over),
            gr.update(visible=over),
            gr.update(visible=over),
            *offers,
        )

    def _examples(self, persona: str, research: bool) -> tuple[str, Sequence[str]]:
        name = f"{persona}+{_RESEARCH}" if research else persona
        try:
            chosen = resolve(name, self._pipeline.personas)
        except RequestError:
            return "", ()
        return texts.TRY, examples(chosen, self._pipeline, self._random, SUGGESTIONS)

    def _next(self, turns: Turns) -> tuple[str, Sequence[str]]:
        last = turns[-1]
        if last.trouble:
            return "", ()
        nearest = last.answer.nearest if last.answer else ()
        if last.answer and last.answer.abstained:
            return texts.NEAREST, nearest[:SUGGESTIONS]
        return texts.NEXT, follow_ups(turns, self._pipeline, SUGGESTIONS - 1)

    def _offer(self, heading: str, questions: Sequence[str]) -> tuple[str, list[Any]]:
        shown = list(questions)[:SUGGESTIONS]
        buttons = [gr.update(value=question, visible=True) for question in shown]
        buttons += [gr.update(visible=False)] * (SUGGESTIONS - len(shown))
        return (f"<h3>{heading}</h3>" if shown else ""), buttons
