"""Questions with their answers as HTML: text, label, facts, and how each was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from app.record.types import Answer
from app.ui import safe, texts
from app.ui.actions import PLAIN, Showing, actions_html, retry_html
from app.ui.cards import cards_html, passages_of
from app.ui.conversation import Turn
from app.ui.details import how_html
from app.ui.evidence import conflicts_html, evidence_html
from app.ui.planner import calculated_html
from app.ui.render import render_answer
from app.ui.takes import QuestionTakes, Take, asked_in

__all__ = ["asked_html", "prefix_of", "turn_html", "turns_html"]

_LONG: Final = 280  # characters of a question that still is a headline


def prefix_of(number: int) -> str:
    """What the page's ids of a turn begin with."""
    return f"t{number}"


def turns_html(turns: Sequence[Turn], showing: Showing = PLAIN) -> str:
    """Show the turns that are over, oldest first."""
    return "".join(asked_html(asked, "", showing, last=False) for asked in asked_in(turns))


def turn_html(turn: Turn, number: int, status: str = "", showing: Showing = PLAIN) -> str:
    """Show a turn as far as it is known; `status` says what is going on."""
    return asked_html(QuestionTakes(((Take(number, turn),),)), status, showing)


def asked_html(
    asked: QuestionTakes, status: str = "", showing: Showing = PLAIN, *, last: bool = True
) -> str:
    """Show a question with its answers, side by side where several personas gave one.

    Args:
        asked: the question.
        status: what is going on, where it is being answered.
        showing: who reads, and what can be done.
        last: whether the conversation ends with it.
    """
    first = asked.first
    over = all(take.turn.over for take in asked.holding)
    back = any(_put_back(take.turn) for take in asked.holding)
    several = len(asked.columns) > 1
    columns = [_column(column, asked, status, showing, last=last) for column in asked.columns]
    if several:
        columns = [
            f'<section class="voice" aria-label="{safe.attribute(column[-1].turn.persona)}">'
            f'<h3 class="by">{safe.text(column[-1].turn.persona)}</h3>{inner}</section>'
            for column, inner in zip(asked.columns, columns, strict=True)
        ]
    body = f'<div class="voices">{"".join(columns)}</div>' if several else "".join(columns)
    question = safe.text(first.turn.question)
    # A text that was pasted is read as one, and scrolls by keyboard too.
    long = ' long" tabindex="0' if len(first.turn.question) > _LONG else ""
    return (
        f'<article class="turn" data-over="{"true" if over else "false"}" '
        f'data-number="{first.number}" data-question="{question}"{" data-back" if back else ""}>'
        f'<h2 class="question{long}" dir="auto"><span class="unseen" dir="ltr">{texts.YOU}: </span>'
        f"{question}</h2>"
        f"{body}</article>"
    )


def _put_back(turn: Turn) -> bool:
    """Whether its question goes back into the box: nothing came of it."""
    return not turn.also and bool(turn.trouble or (turn.stopped and not turn.text))


def _column(
    column: Sequence[Take], asked: QuestionTakes, status: str, showing: Showing, *, last: bool
) -> str:
    *earlier, take = column
    turn = take.turn
    same = [one for one in earlier if one.turn.text == turn.text and turn.over]
    newest = last and take is asked.holding[-1]
    parts = [_answer(take, showing, status, newest=newest)]
    if same:
        parts.append(f'<p class="status" role="status">{texts.SAME_AGAIN}</p>')
    if turn.trouble and newest:
        parts.append(retry_html(take.number))
    if turn.answer is not None:
        parts.append(calculated_html(turn.answer.calculations, prefix_of(take.number)))
        parts.append(_facts(take, showing, newest=newest))
        parts.append(actions_html(take, asked, showing, last=last))
        parts.append(how_html(turn, showing.numbered(take.number)))
    older = [one for one in earlier if one not in same and one.turn.text]
    if older and turn.over:
        inner = "".join(f"{_answer(one, showing)}{_facts(one, showing)}" for one in older)
        parts.append(
            f'<details class="earlier"><summary>{texts.earlier(len(older))}</summary>{inner}'
            "</details>"
        )
    return "".join(parts)


def _answer(take: Take, showing: Showing, status: str = "", *, newest: bool = False) -> str:
    """An answer's label, conflicts and text, its cards and evidence, and what is going on."""
    turn, prefix, numbers = take.turn, prefix_of(take.number), showing.numbered(take.number)
    found = turn.retrieved
    hits = (*found.hits, *found.counterparts, *found.beside) if found else ()
    cards = cards_html(turn.citations, turn.claims, passages_of(hits), prefix, numbers)
    evidence = evidence_html(turn, prefix, numbers)
    busy = "false" if turn.over else "true"
    abstained = " abstained" if turn.answer and turn.answer.abstained else ""
    body = _body(turn, prefix, numbers, newest=newest)
    return (
        f"{_label(turn)}{conflicts_html(turn, numbers)}"
        f'<div class="answer{abstained}" aria-live="polite" aria-busy="{busy}" '
        f'data-number="{take.number}">{body}</div>{_status(turn, status)}{cards}'
        f'<div class="evidence" id="{prefix}-evidence" hidden>{evidence}</div>'
    )


def _body(turn: Turn, prefix: str, numbers: Mapping[int, int], *, newest: bool) -> str:
    """Render the answer; the questions that the newest abstention names are buttons instead."""
    text = turn.text
    if newest and turn.answer and turn.answer.abstained:
        offered = {f"- {question}" for question in turn.answer.nearest}
        lines = text.rstrip().split("\n")
        kept = [line for line in lines if line.strip() not in offered]
        while len(kept) < len(lines) and kept and (not kept[-1].strip() or kept[-1].endswith(":")):
            kept.pop()  # what led to the list
        text = "\n".join(kept)
    if not text.strip():
        return ""
    return render_answer(text, turn.citations, turn.claims, prefix, numbers=numbers)


def _mode(answer: Answer) -> str:
    """What kind of answer this is."""
    if answer.abstained:
        return "abstained"
    if answer.mode == "composed" and any(one.status != "supported" for one in answer.claims):
        return "mixed"  # marked sentences are shown, and those a model wrote
    return answer.mode


def _label(turn: Turn) -> str:
    """Say before anything else that there is no answer, or that not all of it is supported."""
    answer = turn.answer
    mode = _mode(answer) if answer else ""
    if mode not in texts.LABELS:
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


def _facts(take: Take, showing: Showing, *, newest: bool = False) -> str:
    """Who answered from what, how long it took, and whether the sources changed since."""
    turn = take.turn
    answer = turn.answer
    if answer is None:
        return ""
    total = answer.timings.get("total")
    facts = [safe.text(turn.persona)]
    mode = _mode(answer)
    if mode in texts.MODES and mode not in texts.LABELS:
        name, why = texts.MODES[mode]
        facts.append(
            f'<span data-tip="{safe.attribute(why)}" tabindex="0">{texts.inside(name)}</span>'
        )
    if answer.rewrite.taken:
        facts.append(_read_with(take, answer.rewrite.taken, newest=newest))
    if answer.question is not None and answer.question.sources:
        names = ", ".join(map(texts.source, answer.question.sources))
        facts.append(safe.text(texts.WITHIN_ALONE.format(sources=names)))
    if answer.citations:
        papers = len({citation.n for citation in answer.citations})
        sources = texts.counted(papers, texts.N_SOURCES)
        facts.append(f'<button type="button" class="link" data-evidence>{sources}</button>')
    if total is not None:
        facts.append(texts.seconds(total))
    if answer.finish_reason == "length":
        facts.append(f'<strong class="cut">{texts.CUT}</strong>')
    if showing.fingerprint and answer.index_fingerprint != showing.fingerprint:
        tip = safe.attribute(texts.OLD_SOURCES_TIP)
        facts.append(f'<span data-tip="{tip}" tabindex="0">{texts.OLD_SOURCES}</span>')
    return f'<p class="after">{" · ".join(facts)}</p>'


def _read_with(take: Take, subject: str, *, newest: bool) -> str:
    """Name what the question was read with; the last one can be asked without it."""
    name = safe.text(texts.READ_WITH.format(subject=subject))
    tip = safe.attribute(texts.READ_WITH_TIP)
    if not newest:
        return f'<span data-tip="{tip}" tabindex="0">{name}</span>'
    label = safe.attribute(texts.READ_ALONE.format(subject=subject))
    return (
        f'<span class="with"><span data-tip="{tip}" tabindex="0">{name}</span>'
        f'<button type="button" data-act="alone" data-number="{take.number}" '
        f'aria-label="{label}" data-tip="{label}">×</button></span>'
    )
