"""The planner: a model, a machine and a context in; memory, speed and cost out, and every formula.

The page's script tells what was chosen; the server works it out and draws it. A link keeps the
inputs in its fragment, which no browser sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from app.record.errors import RequestError
from app.ui import safe
from app.ui import texts_planner as texts
from app.ui.layout import Layout
from app.ui.signals import Planned, read, signal
from app.ui.speaking import spoken
from index.calculations import Calculated, Calculation, CalculationError, calculate, calculation
from index.calculations.catalogue import CALCULATIONS
from index.calculations.planner import PLAN_INPUTS, PLANNED, AtLength, Plan, plan
from index.calculations.precisions import PRECISIONS
from index.calculations.registry import Input, Part, Result
from index.calculations.shapes import machines, models
from index.calculations.units import UNITS, read_amount, shown

__all__ = ["calculated_html", "plan_link", "planner_html", "planner_tab", "wire_cards"]

_MACHINE_FIELDS = ("gpu", "gpus", "price")
_NO_COLOUR = 9


def planner_html() -> str:
    """The plan's fields with usual values."""
    model_fields = [name for name in texts.FIELDS if name not in _MACHINE_FIELDS]
    return (
        f'<p class="lead">{texts.LEAD}</p><form id="plan" class="plan-form" autocomplete="off">'
        f"{''.join(map(_field, (*model_fields, *_MACHINE_FIELDS)))}</form>"
        f"{_datalist('plan-models', (one.name for one in models().values()))}"
        f"{_datalist('plan-machines', (one.name for one in machines().values()))}"
        f"{_datalist('plan-precisions', PRECISIONS)}"
    )


def _every_html() -> str:
    """The list of all calculations to choose from."""
    listed = "".join(
        f'<option value="{name}">{safe.text(each.title)}</option>'
        for name, each in sorted(CALCULATIONS.items(), key=lambda pair: pair[1].title)
    )
    return (
        f'<h2>{texts.ANY}</h2><p class="faint">{texts.ANY_LEAD}</p>'
        f'<label class="choose" for="calculation"><span>{texts.CHOOSE}</span>'
        f'<select id="calculation">{listed}</select></label>'
    )


def _datalist(name: str, values: Iterable[str]) -> str:
    options = "".join(f'<option value="{safe.attribute(value)}">' for value in values)
    return f'<datalist id="{name}">{options}</datalist>'


_LISTS = {
    "model": "plan-models", "gpu": "plan-machines", "precision": "plan-precisions",
    "cache_precision": "plan-precisions", "base_precision": "plan-precisions",
}  # fmt: skip


def _field(name: str) -> str:
    label, hint = texts.FIELDS[name]
    return _labelled(f"plan-{name}", name, label, hint, texts.START[name])


def _labelled(place: str, name: str, label: str, hint: str, value: str) -> str:
    listed = f' list="{_LISTS[name]}"' if name in _LISTS else ""
    return (
        f'<label for="{place}"><span>{safe.text(label)}</span>'
        f'<input id="{place}" name="{name}" value="{safe.attribute(value)}"{listed} '
        f'spellcheck="false" aria-describedby="{place}-hint">'
        f'<small id="{place}-hint">{safe.text(hint)}</small></label>'
    )


# What the page's script asks for -----------------------------------------------------------------
def planned(event: gr.EventData) -> str:
    """The plan for what was chosen."""
    return _answered(event, lambda told: _plan_html(plan(told.inputs), told.inputs))


def form(event: gr.EventData) -> str:
    """The inputs of one calculation, filled with what was given."""
    return _answered(event, lambda told: _form_html(calculation(told.name), told.inputs))


def worked(event: gr.EventData) -> str:
    """One calculation's result."""
    return _answered(event, lambda told: _worked_html(calculate(told.name, _given(told.inputs))))


def _given(inputs: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in inputs.items() if value.strip()}


def _answered(event: gr.EventData, work: Callable[[Planned], str]) -> str:
    try:
        return work(read(Planned, event))
    except (CalculationError, RequestError) as error:
        return f'<p class="plan-trouble" role="alert">{safe.text(error)}</p>'


def plan_link(inputs: Mapping[str, object], name: str = "") -> str:
    """The fragment that opens the planner with these inputs; with one calculation if named."""
    given = {key: value for key, value in inputs.items() if value not in ("", None)}
    return "#" + urlencode({"plan": name or "serving", **given})


# A plan ------------------------------------------------------------------------------------------
def _plan_html(found: Plan, inputs: Mapping[str, str]) -> str:
    fits = found.runs["inference-memory"].result
    told = "".join(_figure(name, found, inputs) for name in PLANNED[1:])
    link = safe.attribute(plan_link({name: inputs.get(name, "") for name in PLAN_INPUTS}))
    return (
        f"{_headline(fits)}{_bar(fits)}"
        f'<dl class="plan-figures">{told}</dl>{_lengths_html(found.lengths, _room(fits))}'
        f"{_sums(found.runs.values())}"
        f'<p class="plan-link"><a href="{link}">{texts.LINK}</a></p>'
    )


def _headline(result: Result) -> str:
    needed = shown(result.value, "bytes")
    if result.fits is None:
        return f'<p class="plan-verdict">{safe.text(texts.NEEDS.format(needed=needed))}</p>'
    kind = "fits" if result.fits else "beyond"
    told = texts.OF.format(needed=needed, room=shown(_room(result), "bytes"))
    return (
        f'<p class="plan-verdict {kind}"><b>{safe.text(result.verdict)}.</b> {safe.text(told)}</p>'
    )


def _room(result: Result) -> float:
    """Memory that may be used, 0 where no machine is named."""
    return next((one.value for one in result.others if one.label == "memory that may be used"), 0.0)


def _bar(result: Result) -> str:
    """What takes the memory, as shares of what may be used or of what is needed."""
    room = _room(result)
    whole = max(room, result.value)
    rows = [(texts.PARTS[part.label], part.value, index) for index, part in enumerate(result.parts)]
    if room > result.value:
        rows.append((texts.FREE, room - result.value, _NO_COLOUR))
    limit = ""
    if 0 < room < result.value:
        limit = f'<span class="limit" style="left:{100 * room / whole:.2f}%"></span>'
    return _stacked(rows, whole, "bytes", limit)


def _figure(name: str, found: Plan, inputs: Mapping[str, str]) -> str:
    run = found.runs.get(name)
    if run is None:
        lacking = next((need for need in _needed(name) if not inputs.get(need, "").strip()), "")
        label = texts.FIELDS[lacking][0] if lacking else ""
        told = f"<small>{safe.text(texts.LACKING.format(field=label))}</small>" if label else ""
        return (
            f'<div class="unknown"><dt>{texts.NAMES[name]}</dt><dd title="'
            f'{safe.attribute(found.missing[name])}">{texts.NOTHING}{told}</dd></div>'
        )
    result = run.result
    beside = f"<small>{safe.text(result.verdict)}</small>" if result.verdict else ""
    value = safe.text(shown(result.value, result.unit))
    return f"<div><dt>{texts.NAMES[name]}</dt><dd>{value}{beside}</dd></div>"


def _needed(name: str) -> tuple[str, ...]:
    """What a figure of the plan can't do without, beside the model."""
    return ("gpu", "price") if name == "cost-per-million" else ("gpu",)


def _lengths_html(lengths: tuple[AtLength, ...], room: float) -> str:
    """A column for each length of context, as tall as the memory that it takes."""
    tallest = max([one.weights + one.cache for one in lengths], default=0.0)
    if not tallest:
        return ""
    top = max(tallest, room)
    columns = "".join(_column(one, top, room) for one in lengths)
    limit = ""
    if room:
        words = safe.text(texts.LIMIT.format(room=shown(room, "bytes")))
        limit = (
            f'<div class="limit" style="bottom:{100 * room / top:.2f}%"><span>{words}</span></div>'
        )
    rows = "".join(_row(one, room) for one in lengths)
    heads = "".join(f"<th>{head}</th>" for head in texts.ROW)
    return (
        f'<figure class="plan-lengths"><figcaption>{texts.BY_LENGTH}</figcaption>'
        f'<div class="columns" aria-hidden="true">{columns}{limit}</div>'
        f"<details><summary>{texts.TABLE}</summary><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></details></figure>"
    )


def _column(one: AtLength, top: float, room: float) -> str:
    kind = "" if not room or one.weights + one.cache <= room else " beyond"
    return (
        f'<div class="at-length{kind}"><div class="stack" style="height:'
        f'{100 * (one.weights + one.cache) / top:.2f}%">'
        f'<span class="c1" style="flex:{one.cache:.0f}"></span>'
        f'<span class="c0" style="flex:{one.weights:.0f}"></span></div>'
        f"<small>{_length(one.tokens)}</small></div>"
    )


def _row(one: AtLength, room: float) -> str:
    whole = one.weights + one.cache
    verdict = "" if not room else texts.WITHIN if whole <= room else texts.BEYOND
    cells = (_length(one.tokens), *(shown(v, "bytes") for v in (one.weights, one.cache, whole)))
    return f"<tr>{''.join(f'<td>{safe.text(cell)}</td>' for cell in (*cells, verdict))}</tr>"


def _length(tokens: int) -> str:
    return f"{tokens // 1024}k" if tokens < 2**20 else f"{tokens // 2**20}M"


# One calculation ---------------------------------------------------------------------------------
def _form_html(chosen: Calculation, inputs: Mapping[str, str]) -> str:
    fields = "".join(_input(spec, inputs.get(spec.name, "")) for spec in chosen.inputs)
    return (
        f'<p class="formula">{safe.text(chosen.formula)}</p>'
        f'<form id="calculation-inputs" class="plan-form any" data-name="{chosen.name}" '
        f'autocomplete="off">{fields}</form>'
    )


def _input(spec: Input, value: str) -> str:
    default = spec.default
    if default is not None and spec.unit in UNITS and not isinstance(default, bool):
        default = shown(float(default), spec.unit)
    stated = "" if default in (None, "") else f"; {texts.DEFAULT.format(value=default)}"
    unit = f", {spec.unit}" if spec.unit in UNITS and spec.unit not in ("count", "factor") else ""
    return _labelled(
        f"calculation-{spec.name}", spec.name, _label(spec), f"{spec.meaning}{unit}{stated}", value
    )


def _label(spec: Input) -> str:
    return spec.name.replace("_", " ").capitalize().replace("Gpu", "GPU")


def _worked_html(run: Calculated) -> str:
    link = safe.attribute(plan_link(run.inputs, run.name))
    return f'{_outcome(run)}<p class="plan-link"><a href="{link}">{texts.LINK_ANY}</a></p>'


def _outcome(run: Calculated) -> str:
    """The result, what makes it up, and the sum."""
    result = run.result
    verdict = f"<b>{safe.text(result.verdict)}.</b> " if result.verdict else ""
    told = f"{safe.text(result.label)}: {safe.text(shown(result.value, result.unit))}"
    bar = _made_up(result.parts, result.unit)
    return f'<p class="plan-verdict">{verdict}{told}</p>{bar}{_sum(run)}'


def _made_up(parts: Sequence[Part], unit: str) -> str:
    """The bar of what makes up a result; empty where it is one thing, or none that is stacked."""
    told = [part for part in parts if part.value]
    return _parts_bar(told, unit) if unit in ("bytes", "parameters") and len(told) > 1 else ""


# A calculation of an answer ----------------------------------------------------------------------
def calculated_html(records: Sequence[Mapping[str, Any]], prefix: str) -> str:
    """The cards of an answer's calculations: their inputs to be changed, and what comes of them.

    Args:
        records: the calculations, as the answer's record has them.
        prefix: what the ids of the answer begin with.
    """
    return "".join(
        _card(record, f"{prefix}-calculation-{place}") for place, record in enumerate(records)
    )


def _card(record: Mapping[str, Any], place: str) -> str:
    chosen, inputs = calculation(record["name"]), record["inputs"]
    shown_first = [spec for spec in chosen.inputs if spec.name in inputs]
    beside = [
        spec for spec in chosen.inputs if spec not in shown_first and spec.default is not None
    ]
    fields = "".join(
        _card_field(spec, inputs.get(spec.name), place)
        for spec in (*shown_first, *beside)[:_MOST_FIELDS]
    )
    parts = [Part(part["label"], part["value"]) for part in record["parts"]]
    link = _card_link(inputs, chosen.name)
    return (
        f'<section class="calculated" id="{place}" aria-label="{safe.attribute(chosen.title)}">'
        f'<form class="plan-form" data-name="{chosen.name}" autocomplete="off">{fields}</form>'
        f'<div class="calculated-result" aria-live="polite">'
        f"{_made_up(parts, record['result']['unit'])}{link}</div></section>"
    )


def _card_field(spec: Input, value: object, place: str) -> str:
    """One input of a card: its meaning is told to who lingers."""
    default = "" if spec.default in (None, "") else _as_given(spec, spec.default)
    return (
        f'<label title="{safe.attribute(spec.meaning)}"><span>'
        f"{safe.text(_label(spec))}</span>"
        f'<input id="{place}-{spec.name}" name="{spec.name}" spellcheck="false" '
        f'value="{safe.attribute("" if value is None else _as_given(spec, value))}" '
        f'placeholder="{safe.attribute(default)}"></label>'
    )


def _as_given(spec: Input, value: object) -> str:
    """An input's value as one would write it, such as 24 GB; it is read as the same value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(f"{each:g}" for each in value)
    if not isinstance(value, int | float):
        known = models().get(str(value)) or machines().get(str(value))
        return known.name if known else str(value)
    for size, word in _WRITTEN.get(spec.unit, ()):
        text = f"{value / size:g}{word}"
        if value >= size and read_amount(text, spec.unit) == value:
            return text
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


_MOST_FIELDS = 8
_WRITTEN: Mapping[str, Sequence[tuple[float, str]]] = {
    "parameters": ((1e12, "T"), (1e9, "B"), (1e6, "M")),
    "bytes": ((1e9, " GB"), (2.0**30, " GiB"), (1e6, " MB")),
    "bytes/s": ((1e12, " TB/s"), (1e9, " GB/s")),
    "FLOP/s": ((1e12, " TFLOP/s"),),
    "fraction": ((0.01, " %"),),
}


def _card_link(inputs: Mapping[str, object], name: str) -> str:
    link = safe.attribute(plan_link(inputs, name))
    return f'<p class="plan-link"><a href="{link}">{texts.CHANGE}</a></p>'


def changed(event: gr.EventData) -> str:
    """What comes of a card's changed inputs, with the card that it is for."""
    told = read(Planned, event)

    def work(_: Planned) -> str:
        run = calculate(told.name, _given(told.inputs))
        return f"{_outcome(run)}{_card_link(run.inputs, run.name)}"

    return f'<div data-for="{safe.attribute(told.place)}">{_answered(event, work)}</div>'


def wire_cards(wired: Mapping[str, Any]) -> None:
    """Wire the cards of answers; the page's script puts what comes of one where it belongs."""
    place = _place("calculation-card")
    signal("card").submit(spoken(changed), None, place, trigger_mode="always_last", **wired)


def _parts_bar(parts: Sequence[Part], unit: str) -> str:
    whole = sum(part.value for part in parts) or 1.0
    rows = [(part.label, part.value, index) for index, part in enumerate(parts)]
    return _stacked(rows, whole, unit)


def _stacked(
    rows: Sequence[tuple[str, float, int]], whole: float, unit: str, limit: str = ""
) -> str:
    """A bar of shares, and below it what each is."""
    bars = "".join(
        f'<span class="share c{index}" style="width:{100 * value / whole:.2f}%"></span>'
        for _, value, index in rows
    )
    keys = "".join(
        f'<li><span class="key c{index}"></span>{safe.text(label)} '
        f"<b>{safe.text(shown(value, unit))}</b></li>"
        for label, value, index in rows
    )
    return (
        f'<div class="plan-bar" aria-hidden="true">{bars}{limit}</div><ul class="keys">{keys}</ul>'
    )


def _sums(runs: Iterable[Calculated]) -> str:
    inner = "".join(f"<h3>{safe.text(calculation(run.name).title)}</h3>{_sum(run)}" for run in runs)
    return f'<details class="plan-sums"><summary>{texts.SUM}</summary>{inner}</details>'


def _sum(run: Calculated) -> str:
    """The sum line by line, what was assumed, and where formula and figures are from."""
    result = run.result
    lines = "".join(f"<li>{safe.text(step)}</li>" for step in (*result.steps, *result.others))
    assumed = ""
    if result.assumptions:
        words = texts.ASSUMED.format(assumptions="; ".join(result.assumptions))
        assumed = f'<p class="faint">{safe.text(words)}</p>'
    sources = " · ".join(safe.web_link(one.url, safe.text(one.label)) for one in result.sources)
    return f'<ul class="sum">{lines}</ul>{assumed}<p class="faint">{sources}</p>'


# The tab -----------------------------------------------------------------------------------------
def planner_tab(layout: Layout, wired: Mapping[str, Any]) -> None:
    """Lay the tab out and wire it; `wired` is how the page wires its events."""
    with layout.tab("planner", lambda: texts.TAB) as tab, gr.Column(elem_id="planner"):
        fields, plan_result = _place("plan-fields"), _place("plan-result")
        every, inputs = _place("plan-every"), _place("calculation-form")
        result, seen = _place("calculation-result"), gr.State(False)
        for name, answer, place in (
            ("plan", planned, plan_result), ("form", form, inputs), ("work", worked, result),
        ):  # fmt: skip
            signal(name).submit(spoken(answer), None, place, trigger_mode="always_last", **wired)
    tab.select(spoken(_opened), seen, [fields, every, seen], **wired)


def _place(name: str) -> gr.HTML:
    return gr.HTML("", elem_id=name, apply_default_css=False)


def _opened(seen: bool) -> tuple[Any, Any, bool]:
    return (gr.skip(), gr.skip(), True) if seen else (planner_html(), _every_html(), True)
