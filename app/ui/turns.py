"""One turn of the conversation as HTML: question, answer, its label, and how it was answered."""

from __future__ import annotations

from collections.abc import Sequence

from app.ui import safe, texts
from app.ui.cards import cards_html, passages_of
from app.ui.conversation import Turn
from app.ui.drawer import how_html
from app.ui.render import render_answer

__all__ = ["prefix_of", "turn_html", "turns_html"]


def prefix_of(number: int) -> str:
    """What the page's ids of a turn begin with."""
    return f"t{number}"


def turns_html(turns: Sequence[Turn]) -> str:
    """Show the turns that are over, oldest first."""
    return "".join(turn_html(turn, number) for number, turn in enumerate(turns))


def turn_html(turn: Turn, number: int, status: str = "") -> str:
    """Show a turn as far as it is known; `status` says what is going on."""
    prefix = prefix_of(number)
    hits = turn.retrieved.hits if turn.retrieved else ()
    body = _body(turn, prefix)
    cards = cards_html(turn.citations, turn.claims, passages_of(hits), prefix)
    busy = "false" if turn.over else "true"
    abstained = " abstained" if turn.answer and turn.answer.abstained else ""
    return (
        f'<article class="turn" data-over="{"true" if turn.over else "false"}">'
        f'<h2 class="question"><span class="unseen">{texts.YOU}: </span>'
        f"{safe.text(turn.question)}</h2>"
        f"{_label(turn)}"
        f'<div class="answer{abstained}" aria-live="polite" aria-busy="{busy}">{body}</div>'
        f"{_status(turn, status)}{cards}{_after(turn) if turn.answer else ''}</article>"
    )


def _body(turn: Turn, prefix: str) -> str:
    """Render the answer; the questions that an abstention names are buttons below it instead."""
    text = turn.text
    if turn.answer and turn.answer.abstained:
        offered = {f"- {question}" for question in turn.answer.nearest}
        lines = text.rstrip().split("\n")
        kept = [line for line in lines if line.strip() not in offered]
        while len(kept) < len(lines) and kept and (not kept[-1].strip() or kept[-1].endswith(":")):
            kept.pop()  # what led to the list
        text = "\n".join(kept)
    return render_answer(text, turn.citations, turn.claims, prefix) if text.strip() else ""


def _label(turn: Turn) -> str:
    """Say plainly what kind of answer this is, where it isn't the model's own checked words."""
    answer = turn.answer
    if answer is None:
        return ""
    mode = "abstained" if answer.abstained else answer.mode
    if mode == "composed" and any(claim.status != "supported" for claim in answer.claims):
        mode = "mixed"  # marked sentences are shown, and those a model wrote
    if mode not in texts.MODES:
        return ""
    name, why = texts.MODES[mode]
    return f'<p class="mode {mode}"><strong>{name}</strong> <span>{why}</span></p>'


def _status(turn: Turn, status: str) -> str:
    if turn.trouble:
        return f'<p class="trouble" role="alert">{safe.text(turn.trouble)} {texts.KEPT}</p>'
    if turn.stopped:
        words = texts.STOPPED if turn.text else texts.STOPPED_EMPTY
        return f'<p class="status stopped" role="status">{words}</p>'
    if status and not turn.over:
        return f'<p class="status" role="status"><span class="pulse"></span>{safe.text(status)}</p>'
    return ""


def _after(turn: Turn) -> str:
    answer = turn.answer
    assert answer is not None
    total = answer.timings.get("total")
    facts = [safe.text(turn.persona)]
    if answer.citations:
        papers = len({citation.n for citation in answer.citations})
        facts.append(texts.counted(papers, "source", "sources"))
    if total is not None:
        facts.append(texts.seconds(total))
    question = safe.text(turn.question)
    return (
        f'<div class="after"><span>{" · ".join(facts)}</span>'
        f'<span class="do"><button type="button" class="quiet" data-ask="{question}">'
        f'{texts.EDIT}</button><button type="button" class="quiet" data-copy>{texts.COPY}</button>'
        f'<pre class="plain" hidden>{safe.text(turn.text)}</pre></span></div>{how_html(turn)}'
    )
