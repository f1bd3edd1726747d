"""How an answer was made, from its record: search, gate, model, checks, and the prompt itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.record.types import Answer, Conflict, Message, Premise, Retrieved
from app.ui import safe, texts
from app.ui import texts_how as how
from app.ui.conversation import Turn
from index.types import Hit

__all__ = ["how_html"]

_STAGES = ("dense", "lexical", "late")


def how_html(turn: Turn, numbers: Mapping[int, int] | None = None) -> str:
    """Show a turn's record, closed; empty where there is none.

    `numbers` are what its sources are shown as, by their own numbers; by default as these.
    """
    answer = turn.answer
    if answer is None:
        return ""
    cut = f'<p class="cut">{how.HOW_CUT}</p>' if answer.finish_reason == "length" else ""
    parts = (
        _part(how.HOW_ASKED, _asked(turn, answer)),
        _part(
            how.HOW_FOUND, _found(turn.retrieved, answer, numbers or {}) if turn.retrieved else ""
        ),
        _part(how.HOW_CHECKED, _checked(answer)),
        _part(how.HOW_WRITTEN, _written(answer)),
        _part(how.HOW_TIMINGS, _timings(answer.timings)),
        _part(how.HOW_PROMPT, _prompt(answer, turn.prompt)),
    )
    return (
        f'<details class="how"><summary>{how.HOW}</summary>'
        f'<div class="drawer">{cut}{"".join(parts)}</div></details>'
    )


def _part(heading: str, inner: str) -> str:
    return f"<section><h4>{heading}</h4>{inner}</section>" if inner else ""


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    return f"<dl>{listed}</dl>" if listed else ""


def _asked(turn: Turn, answer: Answer) -> str:
    rewrite = answer.rewrite
    way = how.REWRITES[rewrite.method]
    if rewrite.reason:
        way = f"{way}; {how.NOT_BY_MODEL} {rewrite.reason}"
    verdict = how.GATE_SHUT if answer.abstained else how.GATE_OPEN
    return _facts(
        (
            (how.HOW_QUESTION, safe.text(answer.standalone_query or turn.question)),
            (how.HOW_REWRITTEN, safe.text(way)),
            (how.HOW_CONFIDENCE, f"{_meter(answer.confidence)} {verdict}"),
            (how.HOW_INDEX, f"<code>{safe.text(answer.index_fingerprint)}</code>"),
        )
    )


def _meter(share: float) -> str:
    percent = round(100 * min(max(share, 0.0), 1.0))
    return f'<span class="bar"><i style="width:{percent}%"></i></span>{percent}%'


def _named(stage: str) -> tuple[str, str]:
    """A stage's name and what it measures."""
    return {
        "dense": (texts.WHY_DENSE, texts.WHY_DENSE_TIP),
        "lexical": (texts.WHY_LEXICAL, texts.WHY_LEXICAL_TIP),
        "late": (texts.WHY_LATE, texts.WHY_LATE_TIP),
    }[stage]


def _found(found: Retrieved, answer: Answer, numbers: Mapping[int, int]) -> str:
    """The hits as they were ranked in the end, with each stage's rank and score before that."""
    hits = (*found.hits, *found.counterparts)
    if not hits:
        return ""
    shown = [stage for stage in _STAGES if any(stage in hit.trace for hit in hits)]
    reranked = any("rerank" in hit.trace for hit in hits)
    cites: dict[str, int] = {}
    for citation in answer.citations:
        cites.setdefault(citation.ref, numbers.get(citation.n, citation.n))
    heads = "".join(
        f'<th scope="col" data-tip="{safe.attribute(tip)}">{label}</th>'
        for label, tip in map(_named, shown)
    )
    if reranked:
        heads += f'<th scope="col">{how.HOW_BEFORE}</th><th scope="col">{how.HOW_RERANKED}</th>'
    rows = "".join(
        _hit(hit, place, shown, cites, reranked=reranked) for place, hit in enumerate(hits, start=1)
    )
    return (
        f'<p class="lead">{how.HOW_FOUND_LEAD}</p>'
        '<div class="scrolls" tabindex="0" role="group" '
        f'aria-label="{how.HOW_FOUND}"><table class="hits"><thead><tr>'
        f'<th scope="col">{how.HOW_PLACE}</th><th scope="col">{how.HOW_PASSAGE}</th>{heads}'
        f'<th scope="col" data-tip="{safe.attribute(texts.WHY_SCORE_TIP)}">{texts.WHY_SCORE}</th>'
        f'<th scope="col">{how.HOW_USED}</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _hit(
    hit: Hit, place: int, shown: Sequence[str], cites: Mapping[str, int], *, reranked: bool
) -> str:
    passage = hit.passage
    cells = "".join(f"<td>{_rank(hit, stage)}</td>" for stage in shown)
    if reranked:
        before, score = hit.trace.get("fused_rank"), hit.trace.get("rerank")
        cells += f"<td>{_ordinal(before)}</td><td>{'' if score is None else f'{score:.2f}'}</td>"
    cited = cites.get(passage.id)
    used = f'<span class="number">{cited}</span>' if cited else how.HOW_READ
    return (
        f'<tr><td>{place}</td><th scope="row">{safe.text(passage.heading)}'
        f"<small>{safe.text(passage.id)}</small></th>{cells}"
        f"<td>{hit.score:.2f}</td><td>{used}</td></tr>"
    )


def _rank(hit: Hit, stage: str) -> str:
    score = hit.trace.get(stage)
    if score is None:
        return ""
    return f"<b>{_ordinal(hit.trace.get(f'{stage}_rank'))}</b> <small>{score:.2f}</small>"


def _ordinal(rank: float | None) -> str:
    return texts.ordinal(int(rank)) if rank else ""


def _checked(answer: Answer) -> str:
    counts = {
        status: sum(claim.status == status for claim in answer.claims)
        for status in ("supported", "partial", "unsupported")
    }
    told = " · ".join(
        f"{counts[status]} {how.STATUSES[status]}" for status in counts if counts[status]
    )
    dropped = "".join(
        f'<li><s>{safe.text(one.text)}</s><span class="who">{safe.text(one.reason)}</span></li>'
        for one in answer.dropped
    )
    left_out = (
        f'<ul class="dropped">{dropped}</ul>'
        if dropped
        else ""
        if answer.abstained
        else how.HOW_NONE_DROPPED
    )
    return _facts(
        (
            (how.HOW_SENTENCES, told),
            (how.HOW_DROPPED, left_out),
            (how.HOW_CONFLICTS, _conflicts(answer.conflicts)),
            (how.HOW_PREMISES, _premises(answer.premises)),
        )
    )


def _conflicts(conflicts: Sequence[Conflict]) -> str:
    rows = []
    for conflict in conflicts:
        values = ", ".join(
            f"{value.value} ({how.STANDINGS.get(value.standing, value.standing)})"
            if value.standing
            else value.value
            for value in conflict.values
        )
        rows.append(f"<li>{safe.text(conflict.quantity)}: {safe.text(values)}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _premises(premises: Sequence[Premise]) -> str:
    rows = "".join(
        f'<li>{safe.text(one.text)} <span class="who">{how.HOW_AGAINST} '
        f"<code>{safe.text(one.ref)}</code></span></li>"
        for one in premises
    )
    return f"<ul>{rows}</ul>" if rows else ""


def _written(answer: Answer) -> str:
    read, wrote = answer.usage.prompt_tokens, answer.usage.completion_tokens
    tokens = how.HOW_TOKENS_VALUE.format(read=read, written=wrote) if read or wrote else ""
    return _facts(
        (
            (how.HOW_MODE, safe.text(how.MADE.get(answer.mode, answer.mode))),
            (how.HOW_PERSONA, safe.text(answer.persona)),
            (how.HOW_MODEL, safe.text(answer.model)),
            (how.HOW_SAMPLING, _sampling(answer)),
            (how.HOW_TOKENS, tokens),
        )
    )


def _sampling(answer: Answer) -> str:
    sampling = answer.sampling
    named = (
        (texts.TEMPERATURE, sampling.temperature),
        (texts.TOP_P, sampling.top_p),
        (texts.LENGTH, sampling.max_tokens),
        (how.SEED, sampling.seed),
    )
    return safe.text(", ".join(f"{name} {value}" for name, value in named if value is not None))


def _timings(timings: Mapping[str, float]) -> str:
    listed = sorted(timings.items(), key=lambda pair: pair[0] in how.MOMENTS)
    longest = max((value for _, value in listed), default=0.0) or 1.0
    rows = "".join(
        f"<li><span>{safe.text(how.stage(name))}</span>"
        f'<span class="bar"><i style="width:{max(1, round(100 * value / longest))}%"></i></span>'
        f"<span>{texts.seconds(value)}</span></li>"
        for name, value in listed
    )
    return f'<ul class="timings">{rows}</ul>' if rows else ""


def _prompt(answer: Answer, messages: Sequence[Message]) -> str:
    if not answer.prompt_sha256:
        return f"<p>{how.HOW_NO_PROMPT}</p>"
    hashes = _facts(
        (
            (how.HOW_PROMPT_HASH, f"<code>{safe.text(answer.prompt_sha256)}</code>"),
            (how.HOW_PREFIX_HASH, f"<code>{safe.text(answer.prefix_sha256)}</code>"),
        )
    )
    if not messages:
        return f"{hashes}<p>{how.HOW_PROMPT_LOST}</p>"
    shown = "".join(
        f'<p class="role">{safe.text(message.role)}</p><div class="code">'
        f'<button type="button" class="quiet" data-copy-code>{texts.COPY}</button>'
        f'<pre tabindex="0"><code>{safe.text(message.content)}</code></pre></div>'
        for message in messages
    )
    return (
        f"{hashes}<details><summary>{how.HOW_PROMPT_SHOW}</summary>"
        f'<div class="prompt">{shown}</div></details>'
    )
