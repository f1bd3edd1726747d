"""One turn of the conversation as HTML: question, answer, its label, and how it was answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.types import Answer
from app.ui import safe, texts
from app.ui.cards import cards_html, passages_of
from app.ui.conversation import Turn
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
        f'<pre class="plain" hidden>{safe.text(turn.text)}</pre></span></div>{_how(answer, turn)}'
    )


def _how(answer: Answer, turn: Turn) -> str:
    rows = [
        (texts.HOW_QUESTION, safe.text(answer.standalone_query or turn.question)),
        (texts.HOW_CONFIDENCE, _meter(answer.confidence)),
        (texts.HOW_PERSONA, safe.text(answer.persona)),
        (texts.HOW_MODEL, safe.text(answer.model)),
        (
            texts.HOW_TOKENS,
            texts.HOW_TOKENS_VALUE.format(
                read=answer.usage.prompt_tokens, written=answer.usage.completion_tokens
            ),
        ),
        (texts.HOW_SAMPLING, _sampling(answer)),
        (texts.HOW_INDEX, f"<code>{safe.text(answer.index_fingerprint)}</code>"),
        (texts.HOW_TIMINGS, _timings(answer.timings.items())),
        (texts.HOW_DROPPED, _dropped(answer)),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    cut = f"<p>{texts.HOW_CUT}</p>" if answer.finish_reason == "length" else ""
    return f'<details class="how"><summary>{texts.HOW}</summary>{cut}<dl>{listed}</dl></details>'


def _meter(share: float) -> str:
    percent = round(100 * min(max(share, 0.0), 1.0))
    return f'<span class="bar"><i style="width:{percent}%"></i></span>{percent}%'


def _sampling(answer: Answer) -> str:
    sampling = answer.sampling
    named = (
        (texts.TEMPERATURE, sampling.temperature),
        (texts.TOP_P, sampling.top_p),
        (texts.LENGTH, sampling.max_tokens),
    )
    return safe.text(", ".join(f"{name} {value}" for name, value in named if value is not None))


def _timings(timings: Iterable[tuple[str, float]]) -> str:
    listed = sorted(timings, key=lambda pair: pair[0] in texts.MOMENTS)
    longest = max((value for _, value in listed), default=0.0) or 1.0
    rows = "".join(
        f"<li><span>{safe.text(texts.stage(name))}</span>"
        f'<span class="bar"><i style="width:{max(1, round(100 * value / longest))}%"></i></span>'
        f"<span>{texts.seconds(value)}</span></li>"
        for name, value in listed
    )
    return f'<ul class="timings">{rows}</ul>' if rows else ""


def _dropped(answer: Answer) -> str:
    if not answer.dropped:
        return "" if answer.abstained else texts.HOW_NONE_DROPPED
    rows = "".join(
        f'<li><s>{safe.text(one.text)}</s><span class="who">{safe.text(one.reason)}</span></li>'
        for one in answer.dropped
    )
    return f'<ul class="dropped">{rows}</ul>'
