"""What can be done with an answer: ask again, ask someone else, edit, copy, judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.record.sanitize import one_line
from app.store import Judgement
from app.ui import safe, texts
from app.ui.conversation import Turn
from app.ui.takes import QuestionTakes, Take

__all__ = ["PLAIN", "Showing", "actions_html", "retry_html", "with_sources"]


@dataclass(frozen=True, slots=True)
class Showing:
    """What turns are shown with.

    `personas` are names and titles of those who can be asked; `judged` tells what the reader
    said of an answer, None where nothing can be said; `fingerprint` is the index's that serves;
    `numbers` are the conversation's for each turn's own.
    """

    personas: tuple[tuple[str, str], ...] = ()
    judged: Callable[[str], Sequence[Judgement]] | None = None
    fingerprint: str = ""
    numbers: Sequence[Mapping[int, int]] = ()

    def numbered(self, turn: int) -> Mapping[int, int]:
        """The conversation's numbers of a turn's sources, by the turn's own."""
        return self.numbers[turn] if turn < len(self.numbers) else {}


PLAIN = Showing()


def actions_html(take: Take, asked: QuestionTakes, showing: Showing, *, last: bool) -> str:
    """The buttons under an answer; only the last question of a conversation is asked anew."""
    turn = take.turn
    parts = []
    if last and take is asked.holding[-1]:
        parts += [_button(texts.AGAIN, "again", take.number), _others(take, asked, showing)]
    if take is asked.holding[0]:
        parts.append(f'<button type="button" class="quiet" data-edit>{texts.EDIT}</button>')
    parts.append(
        f'<span class="copying"><button type="button" class="quiet" data-copy>{texts.COPY}</button>'
        f'<span class="plain" hidden>{safe.text(with_sources(turn))}</span></span>'
    )
    if showing.judged is not None and turn.answer is not None:
        parts.append(judging_html(take.number, turn, showing.judged(turn.answer.id)))
    return f'<div class="do">{"".join(parts)}</div>'


def retry_html(number: int) -> str:
    """The button beside what went wrong."""
    return _button(texts.RETRY, "again", number)


def _button(name: str, kind: str, number: int, more: str = "") -> str:
    return (
        f'<button type="button" class="quiet" data-act="{kind}" data-number="{number}"{more}>'
        f"{safe.text(name)}</button>"
    )


def _others(take: Take, asked: QuestionTakes, showing: Showing) -> str:
    """A menu of the personas that have not answered the question."""
    answered = {_base(one.turn) for one in asked.holding}
    open_ones = [(name, title) for name, title in showing.personas if name not in answered]
    if not open_ones:
        return ""
    items = "".join(
        _button(title, "beside", take.number, f' data-persona="{safe.attribute(name)}"')
        for name, title in open_ones
    )
    return (
        f'<details class="menu"><summary class="quiet">{texts.BESIDE}</summary>'
        f'<div class="items" role="group" aria-label="{texts.BESIDE}">{items}</div></details>'
    )


def _base(turn: Turn) -> str:
    return turn.answer.persona.partition("+")[0] if turn.answer else ""


def judging_html(number: int, turn: Turn, judged: Sequence[Judgement]) -> str:
    """The thumbs, pressed as the reader left them, and the sentences that can be judged."""
    whole = [one for one in judged if one.claim is None]
    rating = whole[-1].rating if whole else ""
    thumbs = "".join(
        f'<button type="button" class="thumb {kind}" data-rate="{kind}" '
        f'aria-pressed="{"true" if kind == rating else "false"}" title="{name}">'
        f'<span class="unseen">{name}</span></button>'
        for kind, name in (("up", texts.GOOD), ("down", texts.BAD))
    )
    claims = turn.answer.claims if turn.answer else ()
    sentences = "".join(
        f'<li data-claim="{at}">{safe.text(one_line(claim.text))}</li>'
        for at, claim in enumerate(claims)
    )
    return (
        f'<span class="judging" data-judging="{number}" role="group" '
        f'aria-label="{texts.JUDGING}">{thumbs}</span>'
        f'<ol class="sentences" hidden>{sentences}</ol>'
        f'<span class="said" role="status">{safe.text(texts.said(judged))}</span>'
    )


def with_sources(turn: Turn) -> str:
    """An answer as plain text, with the sources that its numbers name."""
    named = {
        citation.n: f"[{citation.n}] {one_line(citation.title)}"
        + (f"\n    {citation.url}" if safe.web_address(citation.url) else "")
        for citation in turn.citations
    }
    if not named:
        return turn.text
    listed = "\n".join(named[n] for n in sorted(named))
    return f"{turn.text.rstrip()}\n\n{texts.SOURCES}\n{listed}"
